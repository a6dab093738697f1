# The packages as jobs of firn eval-jobs: those of one nixpkgs, and of one set in it, beside each other.
nixpkgs:
let
  treeOf = children: children // { recurseForDerivations = true; };
  setOf = { name, ... }: builtins.head (builtins.match "([^.]*)[.]?.*" name);
  numbered = packages: builtins.genList (number:
    let each = builtins.elemAt packages number; in { name = "${toString number}-${each.name}"; value = each.package; }
  ) (builtins.length packages);
  jobsOf = set: packages: treeOf (builtins.listToAttrs (numbered packages));
  jobsIn = { of, packages }: { name = of; value = treeOf (builtins.mapAttrs jobsOf (builtins.groupBy setOf packages)); };
in
builtins.listToAttrs (map jobsIn (import ./package-selection.nix nixpkgs))
