# A derivation whose builder, a shell script, writes another derivation as text: nothing of Nix is needed for that. What the
# text says is built as if an expression had said it.
{
  lib ? import ../../../nix/lib,
  system ? builtins.currentSystem,
  path ? "/usr/bin:/bin",
}:
let
  plan = derivation {
    name = "greeting.drv";
    inherit system;
    builder = "/bin/sh";
    args = [ "-eu" ./write-plan.sh ];
    PATH = path;
    # For the inner derivation: where `$out` is put in. It is in two parts here, or it would be taken for this derivation's own.
    first = builtins.substring 0 20 (builtins.placeholder "out");
    rest = builtins.substring 20 100 (builtins.placeholder "out");
    # What makes an output a derivation: it is named by its text.
    __contentAddressed = true;
    outputHashMode = "text";
    outputHashAlgo = "sha256";
  };
in
lib.dynamicDrv { drv = plan; }
