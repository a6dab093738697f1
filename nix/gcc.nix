# Debian's C compiler, which expects to be in /usr. Its programs are told where their loader and libraries are (by
# patchelf, which is Debian's, too, and is run by the loader itself), it finds its own parts beside itself, and a
# script tells it where headers and libraries of the programs that it compiles are.
firn:
let
  architecture =
    {
      x86_64-linux = {
        triple = "x86_64-linux-gnu";
        loader = "ld-linux-x86-64.so.2";
      };
      aarch64-linux = {
        triple = "aarch64-linux-gnu";
        loader = "ld-linux-aarch64.so.1";
      };
    }
    .${firn.system};

  inherit (architecture) triple loader;

  packages = map (name: firn.debian.packages.${name}) [
    "binutils"
    "cpp-12"
    "dash"
    "gcc-12"
    "libbinutils"
    "libc6"
    "libc6-dev"
    "libcrypt1"
    "libcrypt-dev"
    "libctf-nobfd0"
    "libctf0"
    "libgcc-12-dev"
    "libgcc-s1"
    "libgmp10"
    "libisl23"
    "libjansson4"
    "libmpc3"
    "libmpfr6"
    "libstdc++6"
    "libzstd1"
    "linux-libc-dev"
    "make"
    "patchelf"
    "zlib1g"
  ];
in
firn.runCommand "gcc"
  {
    inherit packages triple loader;
    shell = "${firn.busybox}/bin/sh";
  }
  ''
    root=$out/root
    mkdir -p $out/bin $out/parts $root
    cd $root
    ${firn.debian.unpackCommands}

    start=$root/lib/$triple/$loader
    libraries=$root/lib/$triple:$root/usr/lib/$triple
    # Not where it was, since it is to change itself, too.
    mv usr/bin/patchelf $TMPDIR/patchelf
    patchelf() { $start --library-path $libraries $TMPDIR/patchelf "$@"; }
    for file in $root/bin/* $root/usr/bin/* $root/usr/lib/gcc/$triple/12/cc1 $root/usr/lib/gcc/$triple/12/collect2 \
      $root/usr/lib/gcc/$triple/12/lto1 $root/usr/lib/gcc/$triple/12/lto-wrapper; do
      if [ -f $file ] && [ ! -L $file ] && [ "$(head -c 4 $file)" = "$(printf '\177ELF')" ]; then
        # The old kind, which holds for the libraries' libraries, too.
        patchelf --set-interpreter $start --force-rpath --set-rpath $libraries $file
      fi
    done

    for tool in ar as ld nm objcopy objdump ranlib readelf size strings strip; do
      ln -s $root/usr/bin/$triple-$tool $out/bin/$tool
    done
    ln -s $out/bin/as $out/bin/ld $out/parts/
    ln -s $root/usr/bin/make $out/bin/make
    # For make: busybox's shell runs its own programs whatever the PATH says.
    ln -s $root/bin/dash $out/bin/sh
    cat > $out/bin/cc <<END
    #!$shell
    exec $root/usr/bin/$triple-gcc-12 --sysroot=$root -B$out/parts/ \\
      -Wl,-dynamic-linker,$start -Wl,-rpath,$root/lib/$triple "\$@"
    END
    chmod +x $out/bin/cc
    ln -s cc $out/bin/gcc
  ''
