# The package whose derivation is what another one makes (RFC 92): like what `derivation` gives, and known once that has been
# built.
#
#     dynamicDrv { drv = derivation { name = "hello.drv"; ... }; outputs = [ "out" "dev" ]; }
#
# `drv` is the derivation whose output `out` is one, or any string that stands for a derivation to come. The set that comes of
# it has `outPath`, `drvPath`, each of `outputs`, and `outputOf OUTPUT`, the package of the derivation which that output is.
let
  dynamicDrv =
    {
      drv,
      outputs ? [ "out" ],
      name ? nameOf drv,
    }:
    let
      drvPath = "${drv}";
      first = builtins.head outputs;
      common = {
        type = "derivation";
        inherit name drvPath outputs;
        outputOf = output: dynamicDrv { drv = builtins.outputOf drvPath output; };
        all = map (output: packages.${output}) outputs;
      }
      // packages;
      package =
        outputName:
        common
        // {
          inherit outputName;
          outPath = builtins.outputOf drvPath outputName;
          outputSpecified = true;
        };
      packages = builtins.listToAttrs (
        map (output: {
          name = output;
          value = package output;
        }) outputs
      );
    in
    builtins.removeAttrs packages.${first} [ "outputSpecified" ];

  # The store path of a derivation ends in `.drv`, the name of what it makes does not.
  nameOf =
    drv:
    let
      full = drv.name or "dynamic";
      matched = builtins.match "(.*)\\.drv" full;
    in
    if matched == null then full else builtins.head matched;
in
dynamicDrv
