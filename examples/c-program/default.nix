# Lua, a program of some thirty C files, compiled by a toolchain that is itself a derivation: made from Debian's packages
# (compiler, assembler and linker, C library, headers, make), and of nothing of this machine. See ../../nix/gcc.nix.
{
  firn ? import ../../nix { inherit system npm debian; },
  system ? builtins.currentSystem,
  npm ? "mirror://npm",
  debian ? "mirror://debian",
}:
let
  source = firn.debian.fetch {
    path = "pool/main/l/lua5.4/lua5.4_5.4.4.orig.tar.gz";
    sha256 = "164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61";
  };
in
firn.runCommand "lua"
  {
    inherit source;
    inherit (firn) gcc;
  }
  ''
    PATH=$gcc/bin:$PATH
    tar -xzf $source --strip-components=1
    # There is no /bin/sh here: make is told which shell to run its recipes with.
    make -C src -j''${NIX_BUILD_CORES:-1} SHELL=$gcc/bin/sh CC="cc -std=gnu99" \
      SYSCFLAGS="-DLUA_USE_LINUX" SYSLIBS="-Wl,-E -ldl" all
    mkdir -p $out/bin
    cp src/lua src/luac $out/bin/
    # What was made is tried before it is kept.
    $out/bin/lua -e 'assert(string.rep("firn", 2) == "firnfirn"); print(_VERSION .. " works")'
  ''
