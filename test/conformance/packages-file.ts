/** The file `packages.nix` of the fixture: packages, and values of all kinds that installables can be. */
export const packagesFile = `
{ suffix ? "", ... }:
let
  make = name: more: derivation ({
    name = name + suffix; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "exit 1" ];
  } // more);
in
rec {
  one = make "one" { };
  two = make "two" { outputs = [ "out" "dev" ]; inherit one; };
  installs-dev = two // { meta.outputsToInstall = [ "dev" ]; };
  installs-none = two // { meta.outputsToInstall = [ ]; };
  installs-wrong = two // { meta.outputsToInstall = [ "nope" ]; };
  installs-text = two // { meta.outputsToInstall = "out"; };
  specified = two.dev // { outputSpecified = true; };
  fixed = make "fixed" { outputHash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="; outputHashMode = "flat"; };
  nested = { recurseForDerivations = true; inherit one; deep.two = two; };
  list = [ two one ];
  text = "\${two.dev}";
  texts = "\${two.dev}\${one}";
  bare = "\${builtins.unsafeDiscardStringContext one.outPath}";
  longer = "\${one}/x";
  deriver = one.drvPath;
  place = ./packages.nix;
  number = 1;
  call = { name ? "called" }: make name { };
  needs = { name }: make name { };
  incomplete = { type = "derivation"; name = "incomplete"; };
  named.type = "derivation";
  broken = throw "broken";
  described = one // { meta = { description = "Says\nhello"; mainProgram = "hi"; position = "/nowhere/packages.nix:3"; }; };
}
`;
