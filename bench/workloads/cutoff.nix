# A graph of floating derivations, in rows: each needs one of the row below and the one beside that; all rest on one whose
# derivation changes with `seed` and whose output does not.
{
  seed,
  width,
  height,
  system ? builtins.currentSystem,
  shell ? "/bin/sh",
}:
let
  make =
    name: script: more:
    derivation (
      {
        inherit name system;
        builder = shell;
        args = [
          "-c"
          script
        ];
        __contentAddressed = true;
        outputHashMode = "nar";
        outputHashAlgo = "sha256";
      }
      // more
    );
  base = make "base" "echo base > $out" { comment = seed; };
  row =
    level: below:
    builtins.genList (
      n:
      make "node-${toString level}-${toString n}" "echo ${toString level} ${toString n} > $out" {
        needs = [
          (builtins.elemAt below n)
          (builtins.elemAt below (if n + 1 == width then 0 else n + 1))
        ];
      }
    ) width;
  rows = level: below: if level == height then below else rows (level + 1) (row level below);
in
{
  inherit base;
  all = make "all" "echo all > $out" { needs = rows 0 (builtins.genList (_: base) width); };
}
