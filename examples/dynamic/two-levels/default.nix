# A derivation that makes a derivation that makes a derivation: `maker^out^out^out`. Each knows only the next.
{
  lib ? import ../../../nix/lib,
  system ? builtins.currentSystem,
  path ? "/usr/bin:/bin",
}:
let
  make =
    name: script: more:
    derivation (
      {
        inherit name system;
        builder = "/bin/sh";
        args = [
          "-euc"
          script
        ];
        PATH = path;
      }
      // more
    );
  # The text of a derivation alone, without what it makes.
  textOf = package: builtins.unsafeDiscardOutputDependency package.drvPath;
  asDerivation = {
    __contentAddressed = true;
    outputHashMode = "text";
    outputHashAlgo = "sha256";
  };

  last = make "last" "echo The last of three > $out" { };
  second = make "last.drv" "cp $plan $out" ({ plan = textOf last; } // asDerivation);
  first = make "last.drv.drv" "cp $plan $out" ({ plan = textOf second; } // asDerivation);
  dynamic = lib.dynamicDrv { drv = first; };
in
rec {
  inherit first;
  third = dynamic.outputOf "out";
  # Used like any package.
  user = make "user" "echo It says: $(cat ${third}) > $out" { };
}
