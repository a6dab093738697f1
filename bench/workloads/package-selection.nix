# By the nixpkgs that they are of, packages of every kind in a nixpkgs 20.09: languages, desktops, kernels, cross compilation, overlays.
nixpkgs:
let
  import' = args: import nixpkgs ({ system = "x86_64-linux"; config = { }; overlays = [ ]; } // args);
  pkgs = import' { };
  overlay = self: super: {
    openssl = super.openssl.overrideAttrs (old: {
      pname = "openssl-x";
      patches = (old.patches or [ ]) ++ [ (self.writeText "p.patch" "x") ];
    });
  };
  packagesOf = of: set: names: {
    inherit of;
    packages = map (name: {
      inherit name;
      package = pkgs.lib.getAttrFromPath (pkgs.lib.splitString "." name) set;
    }) names;
  };
in
[
  (packagesOf "main" pkgs [
      "R" "alacritty" "ant" "appimage-run" "asciidoctor" "bash" "bat" "beamPackages.hex" "blender" "bundix" "cargo"
      "chromium" "clang_10" "coqPackages.mathcomp" "dmd" "dotnetPackages.NUnit" "elixir" "emacsPackages.magit" "fd"
      "ffmpeg" "fpc" "gcc10" "gimp" "gitFull" "glibc" "gnome3.nautilus" "gnuradio" "gradle" "gtk3" "hello" "hugo"
      "imagemagick" "jekyll" "julia" "k3s" "kdeApplications.dolphin" "kubernetes" "linux" "linuxPackages.virtualbox"
      "linux_hardened" "linux_rpi4" "llvm_10" "luaPackages.busted" "matrix-synapse" "mercurial" "meson" "mpv"
      "mysql" "nextcloud19" "nim" "nix" "nixos-icons" "nodePackages.typescript" "nodejs-14_x" "ocaml"
      "ocamlPackages.merlin" "opencv4" "openjdk8" "openssh" "perl" "perlPackages.ImageExifTool" "php"
      "pkgsCross.aarch64-multiplatform.hello" "pkgsCross.aarch64-multiplatform.python3"
      "pkgsCross.arm-embedded.newlib" "pkgsCross.avr.avrlibc" "pkgsCross.gnu64.hello" "pkgsCross.mingwW64.boost"
      "pkgsCross.raspberryPi.hello" "pkgsCross.riscv64.gcc" "pkgsMusl.gcc" "pkgsMusl.nginx" "pkgsStatic.boost"
      "pkgsStatic.curl" "pkgsStatic.openssl" "pkgsStatic.rustc" "pkgsi686Linux.hello" "plasma5.plasma-workspace"
      "postgresql" "pypy3" "python27Packages.twisted" "python37Packages.flask" "python3Minimal"
      "python3Packages.jupyter" "python3Packages.numpy" "python3Packages.pytorch" "python3Packages.scikitlearn"
      "qt5.full" "rPackages.ggplot2" "redis" "root" "rubyPackages.nokogiri" "rustc" "sbcl" "sqlite" "stdenv"
      "subversion" "systemd" "terraform-providers.aws" "texlive.combined.scheme-medium" "thunderbird" "vscodium"
      "wget" "wineWowPackages.stable" "xorg.xorgserver" "zig"
  ])
  (packagesOf "unfree" (import' { config = { allowUnfree = true; allowBroken = true; allowInsecure = true; }; }) [
      "discord" "google-chrome" "linuxPackages.nvidia_x11" "oraclejdk8" "spotify" "unrar" "zoom-us"
  ])
  (packagesOf "overlay" (import' { overlays = [ overlay ]; }) [
      "curl" "openssl"
  ])
  (packagesOf "aarch64" (import' { system = "aarch64-linux"; }) [
      "hello"
  ])
  (packagesOf "darwin" (import' { system = "x86_64-darwin"; }) [
      "python3" "stdenv"
  ])
]
