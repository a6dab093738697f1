# Their derivation paths.
nixpkgs: map ({ package, ... }: package.drvPath) (import ./package-selection.nix nixpkgs)
