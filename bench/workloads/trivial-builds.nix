# Derivations that only write a line. `shape`: independent (a list) or chained (the last one); `system` and `shell` as
# the machine has them.
{ shape, count, system, shell }:
let
  inherit (builtins) genList toString;
  make =
    name: text:
    derivation {
      inherit name system;
      builder = shell;
      args = [ "-c" "echo ${text} > $out" ];
    };
  independent = genList (i: make "independent-${toString i}" (toString i)) count;
  chained = builtins.foldl' (before: i: make "chained-${toString i}" "${before}") "the first" (genList (i: i) count);
in
if shape == "independent" then independent else chained
