# A derivation that evaluates a Nix expression inside a build: its output is the derivation that the expression is, and that
# is built then.
{
  lib ? import ../../../nix/lib,
  system ? builtins.currentSystem,
  path ? "/usr/bin:/bin",
  # Where nix-instantiate is.
  nix ? toString <firn/../bin>,
}:
let
  plan = derivation {
    name = "hello.drv";
    inherit system path;
    builder = "/bin/sh";
    args = [
      "-euc"
      "cp $(nix-instantiate $expression --argstr path $path) $out"
    ];
    PATH = "${nix}:${path}";
    HOME = "/homeless-shelter";
    NIX_CONFIG = "extra-experimental-features = nix-command ca-derivations";
    expression = ./hello.nix;
    requiredSystemFeatures = [ "recursive-nix" ];
    __contentAddressed = true;
    outputHashMode = "text";
    outputHashAlgo = "sha256";
  };
in
lib.dynamicDrv { drv = plan; }
