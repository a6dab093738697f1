# One derivation for each package of a package-lock.json, made inside a build: evaluating this file reads no lock file, however
# long that is, and changing one package of it rebuilds that package and what needs it.
{
  lib ? import ../../../nix/lib,
  system ? builtins.currentSystem,
  path ? "/usr/bin:/bin",
  nix ? toString <firn/../bin>,
  lock ? ./package-lock.json,
}:
let
  plan = derivation {
    name = "packages.drv";
    inherit system path lock;
    builder = "/bin/sh";
    args = [
      "-euc"
      "cp $(nix-instantiate $expression --argstr path $path --arg lock $lock) $out"
    ];
    PATH = "${nix}:${path}";
    HOME = "/homeless-shelter";
    NIX_CONFIG = "extra-experimental-features = nix-command ca-derivations";
    expression = ./packages.nix;
    requiredSystemFeatures = [ "recursive-nix" ];
    __contentAddressed = true;
    outputHashMode = "text";
    outputHashAlgo = "sha256";
  };
in
lib.dynamicDrv { drv = plan; }
