# The derivation path of one small package.
nixpkgs:
(import nixpkgs {
  system = "x86_64-linux";
  config = { };
  overlays = [ ];
}).hello.drvPath
