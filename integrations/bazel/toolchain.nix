# What `write-toolchain` writes of unless it is told otherwise: compilers from packages of Debian 12.
{
  firn ? import ../../nix { inherit system npm debian; },
  system ? builtins.currentSystem,
  npm ? "mirror://npm",
  debian ? "mirror://debian",
  # Of the C++ compiler, whatever else it is told.
  flags ? "",
}:
{
  # For `nix-closure`: compilers and tools in `bin`, a list of the folders of headers in `include-directories`.
  toolchain = firn.gxxWith flags;

  # For `nix-rootfs` beside it: what scripts need, those that run tests among them.
  smallRoot = firn.smallRoot;

  # For `nix-rootfs` alone: the same in `usr`.
  rootFileSystem = firn.rootFileSystem;
}
