# What remote-execution-nested.test.ts has built, by builders that find a shell and, in the store path that COMMANDS names, ours.
let
  # By which the processes of builders are found.
  name = builtins.getEnv "PROCESS_NAME";
  outerName = builtins.getEnv "OUTER_NAME";
  commands = builtins.storePath (builtins.getEnv "COMMANDS");

  plain =
    name: script:
    derivation {
      inherit name;
      system = builtins.currentSystem;
      builder = "/bin/sh";
      args = [
        "-euc"
        script
      ];
      PATH = "/bin";
    };
  nested =
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
        PATH = "${commands}/bin:/bin";
        HOME = "/homeless-shelter";
        requiredSystemFeatures = [ "recursive-nix" ];
        NIX_CONFIG = "experimental-features = nix-command ca-derivations dynamic-derivations recursive-nix";
      }
      // more
    );
  drvOf = package: builtins.unsafeDiscardOutputDependency package.drvPath;
in
rec {
  inner = plain "inner" "echo inner > $out";
  # Of two that are added only one is referred to.
  outer = nested "outer" ''
    echo one > one; echo two > two
    one=$(nix store add-path one); two=$(nix store add-path two)
    test "$(cat $one)" = one
    made=$(nix-store -r ${drvOf inner})
    test "$(cat $made)" = inner
    mkdir $out; ln -s $one $out/one; ln -s $made $out/made
  '' { };
  other = nested "other" ''
    made=$(nix-store -r ${drvOf inner})
    mkdir $out; ln -s $made $out/made
  '' { };
  # Both want the same with one slot.
  two = plain "two" "cat ${outer}/made ${other}/made > $out";

  slow = plain "slow" "echo slow-begins; while true; do sleep 1; done; : ${name}";
  # Another one for each name.
  again = nested "again" "test $(cat $(nix-store -r ${drvOf inner})) = inner; echo ${name} > $out" { };
  waits = nested "waits" "nix-store -r ${drvOf slow}; : ${outerName}" { };
  fails = nested "fails" "nix-store -r ${drvOf failing}" { };
  failing = plain "failing" "echo words of the inner builder; exit 1";

  submits =
    nested "submits"
      ''
        test -z "''${out-}"
        echo base > base; base=$(nix store add base)
        mkdir top; echo $base > top/reference
        nix store submit-output "$(nix store add --scan -n submits top)" out
      ''
      {
        requiredSystemFeatures = [ "builder-rpc-v0" ];
        __contentAddressed = true;
        outputHashMode = "nar";
        outputHashAlgo = "sha256";
      };
}
