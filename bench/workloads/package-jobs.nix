# The packages as jobs of firn eval-jobs: those of one set of packages beside each other.
nixpkgs:
let
  selection = import ./package-selection.nix nixpkgs;
  setOf = { name, ... }: builtins.head (builtins.match "([^.]*)[.]?.*" name);
  isOfSet = set: package: setOf package == set;
  jobsOf = set: packages: builtins.listToAttrs (builtins.genList (number:
    let each = builtins.elemAt packages number; in { name = "${toString number}-${each.name}"; value = each.package; }
  ) (builtins.length packages)) // { recurseForDerivations = true; };
in
builtins.mapAttrs jobsOf (builtins.groupBy setOf selection)
