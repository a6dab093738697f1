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
  # What Debian calls the folders of this system's libraries, and its loader.
  inherit
    ({
      x86_64-linux = {
        triple = "x86_64-linux-gnu";
        loader = "ld-linux-x86-64.so.2";
      };
      aarch64-linux = {
        triple = "aarch64-linux-gnu";
        loader = "ld-linux-aarch64.so.1";
      };
    }
    .${system})
    triple
    loader
    ;

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

  # Commands of a shell that unpack the files `$packages` into the working folder and keep links within it, wherever it
  # is: no file names the folder that it is in.
  unpackCommands = ''
    for package in $packages; do
      ar -p $package data.tar.xz | xz -dc | tar -x
    done
    find * -type l | while read -r link; do
      target=$(readlink $link)
      case $target in /*) ln -sfn $(echo $link | sed 's|[^/]*$||; s|[^/]*/|../|g')''${target#/} $link ;; esac
    done
  '';

  # As `packages` of a derivation.
  named = map (name: packages.${name});

  unpack =
    name: names:
    firn.runCommand name { packages = named names; } ''
      mkdir $out
      cd $out
      ${unpackCommands}
    '';
}
