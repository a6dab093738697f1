# A derivation for each package of a lock file, and one with links to all of them. They note what they are; real ones would
# have `fetchurl` fetch `resolved`, which `integrity` is the hash of.
{ lock, path }:
let
  packages = builtins.removeAttrs (builtins.fromJSON (builtins.readFile lock)).packages [ "" ];

  make =
    name: script: more:
    derivation (
      {
        inherit name;
        system = builtins.currentSystem;
        builder = "/bin/sh";
        args = [
          "-euc"
          script
        ];
        PATH = path;
        # What comes out the same is the same, whatever it was made of.
        __contentAddressed = true;
        outputHashMode = "recursive";
        outputHashAlgo = "sha256";
      }
      // more
    );

  # Names of packages have slashes, those of store paths have not.
  storeName = place: builtins.replaceStrings [ "node_modules/" "@" "/" ] [ "" "" "-" ] place;

  built = builtins.mapAttrs (
    place: package:
    make "npm-${storeName place}-${package.version}"
      "mkdir $out; echo $integrity > $out/integrity; for each in $needs; do cat $each/integrity; done > $out/needs"
      {
        integrity = package.integrity or "none";
        # Only what stands beside it at the top, to keep this short: nested copies of a package are not looked for.
        needs = builtins.concatMap (
          name:
          let
            at = "node_modules/${name}";
          in
          if at != place && packages ? ${at} && !(packages.${at} ? dependencies) then [ built.${at} ] else [ ]
        ) (builtins.attrNames (package.dependencies or { }));
      }
  ) packages;
in
make "packages"
  ''
    mkdir $out
    set -- $places
    for package in $all; do
      ln -s $package $out/$1
      shift
    done
  ''
  {
    places = map storeName (builtins.attrNames built);
    all = builtins.attrValues built;
  }
