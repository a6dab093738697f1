# Packages of Debian's for the system: `packages.NAME` is a file `.deb`, `unpack NAME [package...]` the files of several
# in one folder, with links that stay within it.
firn: mirror:
let
  system = firn.system;
  table =
    {
      x86_64-linux = import ./bookworm-amd64.nix;
      aarch64-linux = import ./bookworm-arm64.nix;
    }
    .${system} or (throw "Firn's library has no Debian packages for the system '${system}'");
in
rec {
  packages = builtins.mapAttrs (
    name: { path, sha256 }:
    firn.fetchFile {
      name = "${name}.deb";
      url = "${mirror}/${path}";
      hash = "sha256:${sha256}";
    }
  ) table;

  # A file of the archive that is for all systems.
  fetch =
    { path, sha256 }:
    firn.fetchFile {
      url = "${mirror}/${path}";
      hash = "sha256:${sha256}";
    };

  # Commands of a shell that unpack the files `$packages` into the working folder and keep links within it.
  unpackCommands = ''
    for package in $packages; do
      ar -p $package data.tar.xz | xz -dc | tar -x
    done
    find . -type l | while read -r link; do
      target=$(readlink $link)
      case $target in /*) ln -sfn $PWD$target $link ;; esac
    done
  '';

  unpack =
    name: names:
    firn.runCommand name { packages = map (each: packages.${each}) names; } ''
      mkdir $out
      cd $out
      ${unpackCommands}
    '';
}
