# Derivations of every kind, for the vectors beside this file. Nothing but /bin/sh is needed to build them.
let
  system = "x86_64-linux";
  sh = script: {
    inherit system;
    builder = "/bin/sh";
    args = [ "-c" "PATH=/bin\n${script}" ];
  };
  source = builtins.toFile "greeting" "Hello, \"world\"\n";
  contentAddressed = {
    __contentAddressed = true;
    outputHashMode = "recursive";
    outputHashAlgo = "sha256";
  };
in
rec {
  plain = derivation (sh "echo plain > $out" // { name = "plain"; });

  outputs = derivation (sh "echo a > $out; echo b > $dev; echo c > $doc" // {
    name = "outputs-1.0";
    outputs = [ "out" "dev" "doc" ];
    own = "${placeholder "out"} ${placeholder "dev"}";
    inherit source;
  });

  escapes = derivation (sh "echo \"quoted\" \\ backslash > $out" // {
    name = "escapes";
    lines = "first\n\tsecond\r\nthird \\n \"x\"\n";
    accents = "naïve ☃ 𝄞";
    empty = "";
    dollar = "$out \${x}";
  });

  fixedFlat = derivation (sh "echo fixed > $out" // {
    name = "fixed-flat";
    outputHash = "sha256-TkqhTfbBTIkqi9Dkj1XRVdRBlX9XYkNGgv2jZ57z1uo=";
    outputHashMode = "flat";
  });

  fixedNar = derivation (sh "echo fixed > $out" // {
    name = "fixed-nar";
    outputHash = "0000000000000000000000000000000000000000000000000000";
    outputHashAlgo = "sha256";
    outputHashMode = "recursive";
  });

  fixedSha1 = derivation (sh "echo fixed > $out" // {
    name = "fixed-sha1";
    outputHash = "b6589fc6ab0dc82cf12099d1c2d40ab994e8410c";
    outputHashAlgo = "sha1";
  });

  fixedSha512 = derivation (sh "echo fixed > $out" // {
    name = "fixed-sha512";
    outputHash = "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";
    outputHashAlgo = "sha512";
    outputHashMode = "recursive";
  });

  # The way a fixed output is fetched must not matter to what depends on it.
  dependent = derivation (sh "cat ${fixedFlat} > $out" // {
    name = "dependent";
    inputs = [ plain outputs.dev fixedFlat fixedNar fixedSha1 source ];
  });

  structured = derivation (sh ". $NIX_ATTRS_SH_FILE; cp $NIX_ATTRS_SH_FILE \${outputs[out]}; cp $NIX_ATTRS_JSON_FILE \${outputs[bin]}" // {
    name = "structured";
    __structuredAttrs = true;
    outputs = [ "out" "bin" ];
    numbers = [ 0 1 (-5) 9223372036854775807 1.5 1.0e100 0.1 123456789.0 ];
    flags = { yes = true; no = false; nothing = null; };
    nested = [ [ "a" [ ] ] { } ];
    "odd name" = "it's \"quoted\"\n";
    dependency = outputs.doc;
    exportReferencesGraph.graph = [ plain ];
    unsafeDiscardReferences = { out = true; bin = true; };
    outputChecks.out = { maxSize = 10000; disallowedReferences = [ "bin" ]; };
  });

  graph = derivation (sh "cp closure $out" // {
    name = "graph";
    exportReferencesGraph = [ "closure" dependentOnOutputs ];
  });

  dependentOnOutputs = derivation (sh "echo ${outputs.dev} ${outputs} > $out" // { name = "dependent-on-outputs"; });

  options = derivation (sh "echo options > $out" // {
    name = "options";
    allowedReferences = [ plain "out" ];
    disallowedRequisites = [ outputs.dev ];
    impureEnvVars = [ "http_proxy" "https_proxy" ];
    requiredSystemFeatures = [ "kvm" "big-parallel" ];
    preferLocalBuild = true;
    allowSubstitutes = false;
    passAsFile = [ "text" ];
    text = "a long text";
    __noChroot = true;
  });

  floating = derivation (sh "echo floating > $out; echo second > $dev" // contentAddressed // {
    name = "floating";
    outputs = [ "out" "dev" ];
  });

  floatingText = derivation (sh "echo -n floating > $out" // {
    name = "floating-text";
    __contentAddressed = true;
    outputHashMode = "text";
    outputHashAlgo = "sha256";
  });

  deferred = derivation (sh "cat ${floating} ${floating.dev} > $out" // {
    name = "deferred";
    dev = floating.dev;
  });

  deferredTwice = derivation (sh "cat ${deferred} > $out; echo > $man" // {
    name = "deferred-twice";
    outputs = [ "out" "man" ];
  });

  floatingOnDeferred = derivation (sh "cat ${deferred} ${floating} > $out" // contentAddressed // {
    name = "floating-on-deferred";
  });

  fixedOnFloating = derivation (sh "cat ${floating} > $out" // {
    name = "fixed-on-floating";
    outputHash = "sha256-TkqhTfbBTIkqi9Dkj1XRVdRBlX9XYkNGgv2jZ57z1uo=";
  });

  structuredDeferred = derivation (sh ". $NIX_ATTRS_SH_FILE; cat ${floating} > \${outputs[out]}" // {
    name = "structured-deferred";
    __structuredAttrs = true;
    inputs = [ floating.dev ];
  });

  impure = derivation (sh "date > $out" // {
    name = "impure";
    __impure = true;
    outputHashMode = "recursive";
    outputHashAlgo = "sha256";
  });

  onImpure = derivation (sh "cat ${impure} > $out" // contentAddressed // { name = "on-impure"; });

  gitHashed = derivation (sh "echo git > $out" // {
    name = "git-hashed";
    outputHash = "sha1-Vnu6WAWAd0/JtzxJ+oSv5xP8RPQ=";
    outputHashMode = "git";
  });

  # A derivation that makes a derivation, and what depends on the latter's output.
  made = derivation (sh "echo made > $out; echo dev > $dev" // {
    name = "made";
    outputs = [ "out" "dev" ];
  });

  maker = derivation (sh "cat ${builtins.unsafeDiscardOutputDependency made.drvPath} > $out" // {
    name = "made.drv";
    __contentAddressed = true;
    outputHashMode = "text";
    outputHashAlgo = "sha256";
  });

  dynamic = derivation (sh "cat ${builtins.outputOf maker.outPath "out"} > $out" // {
    name = "dynamic";
    also = builtins.outputOf maker.outPath "dev";
  });

  dynamicTwice = derivation (sh "cat ${builtins.outputOf (builtins.outputOf maker.outPath "out") "x"} > $out" // {
    name = "dynamic-twice";
  });
}
