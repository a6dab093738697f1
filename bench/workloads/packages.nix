# Their derivation paths.
nixpkgs:
let
  pathsOf = { packages, ... }: map ({ package, ... }: package.drvPath) packages;
in
builtins.concatMap pathsOf (import ./package-selection.nix nixpkgs)
