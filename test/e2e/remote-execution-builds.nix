# What remote-execution-builds.test.ts has built, by a shell that is all that its builders have.
let
  # By which the processes of a builder are found.
  name = builtins.getEnv "PROCESS_NAME";
  make =
    name: script: more:
    derivation (
      {
        inherit name;
        system = builtins.currentSystem;
        builder = "/bin/sh";
        args = [
          "-euc"
          script
        ];
        PATH = "/bin";
      }
      // more
    );
  byContent = {
    __contentAddressed = true;
    outputHashMode = "recursive";
    outputHashAlgo = "sha256";
  };
  fixedHash = builtins.hashString "sha256" "fixed";
in
rec {
  base = make "base" "echo building-base; echo base > $out" { };
  middle = make "middle" ''
    echo building-middle >&2
    mkdir $out
    ln -s ${base} $out/base
    cat ${base} > $out/text
    chmod +x $out/text
  '' { };
  top = make "top" "test -x ${middle}/text; cat ${middle}/base ${middle}/text > $out" { };

  several =
    make "several"
      ''
        echo $out > $dev
        mkdir -p $out/lib
        echo in out > $out/lib/file
        ln -s $dev $doc
      ''
      {
        outputs = [
          "out"
          "dev"
          "doc"
        ];
      };
  usesDev = make "uses-dev" "cat ${several.dev} > $out" { };

  structured =
    make "structured"
      ''
        grep -q '"nested":{"list":\[1,2\]}' $NIX_ATTRS_JSON_FILE
        out=$(sed 's/.*"outputs":{"out":"\([^"]*\)"}.*/\1/' $NIX_ATTRS_JSON_FILE)
        test -f $NIX_ATTRS_SH_FILE
        sed 's/.*"words":"\([^"]*\)".*/\1/' $NIX_ATTRS_JSON_FILE > $out
      ''
      {
        __structuredAttrs = true;
        nested.list = [
          1
          2
        ];
        words = "two words";
      };
  passed = make "passed" "cat $textPath > $out; test -z \"\${text:-}\"" {
    text = "as a file";
    passAsFile = [ "text" ];
  };
  graph = make "graph" "cat graph > $out" {
    exportReferencesGraph = [
      "graph"
      middle
    ];
  };

  floating = make "floating" ''
    mkdir $out
    echo $out/self > $out/self
    cat ${base} > $out/base
  '' byContent;
  onFloating = make "on-floating" "cat ${floating}/base > $out; echo ${floating} >> $out" { };

  fails = make "fails" "echo it-breaks; exit 3" { };
  nothing = make "nothing" "echo makes nothing" { };
  absent = make "absent" "" { builder = "/bin/no-such-program"; };
  slow = make "slow" "echo slow-begins; while true; do sleep 1; done; : ${name}" { };
  # One that this machine builds, until its processes get SIGTERM, between two that have the same source.
  source = builtins.toFile "source" "what the server forgets\n";
  gate = make "gate" ''
    trap "echo opened > $out; exit 0" TERM
    echo gate-waits
    while true; do sleep 0.1; done
    : ${name}
  '' { preferLocalBuild = true; };
  # Not what the source is: results keep that.
  before = make "before" "wc -l < ${source} > $out" { };
  behind = make "behind" "cat ${before} ${gate} ${source} > $out" { };
  random = make "random" "cat /proc/sys/kernel/random/uuid > $out" { };
  fixed = make "fixed" "echo -n fixed > $out" {
    outputHash = fixedHash;
    outputHashAlgo = "sha256";
  };
  fetched = derivation {
    name = "fetched";
    system = "builtin";
    builder = "builtin:fetchurl";
    url = "file:///nonexistent";
    outputHash = fixedHash;
    outputHashAlgo = "sha256";
    outputHashMode = "flat";
  };
}
