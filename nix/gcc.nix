# Debian's C compiler, which expects to be in /usr. Its programs are told where their loader and libraries are, it finds
# its own parts beside itself, and a script tells it where the C library of the programs that it compiles is. With
# assembler, linker, shells and make beside it (`bin/cc`, `bin/ar`, `bin/make`, ...), and a list of the folders that its
# headers are in.
firn:
firn.runCommand "gcc"
  {
    inherit (firn.debian) triple loader;
    inherit (firn) libc binutils patchelf shells;
    libraries = firn.toolLibraries;
    shell = "${firn.busybox}/bin/sh";
    packages = firn.debian.named [
      "cpp-12"
      "gcc-12"
      "libgcc-12-dev"
    ];
  }
  ''
    mkdir -p $out/bin
    cd $out
    ${firn.debian.unpackCommands}
    . $patchelf/functions
    parts=usr/lib/gcc/$triple/12
    relocate $libraries/lib usr/bin/* $parts/cc1 $parts/collect2 $parts/lto1 $parts/lto-wrapper
    ln -s $binutils/bin/* $shells/bin/* bin/
    cat > bin/cc <<END
    #!$shell
    exec $out/usr/bin/$triple-gcc-12 --sysroot=$libc -B$binutils/bin/ \\
      -Wl,-dynamic-linker,$libc/lib/$triple/$loader -Wl,-rpath,$libc/lib/$triple "\$@"
    END
    chmod +x bin/cc
    ln -s cc bin/gcc
    ln -s ../usr/bin/$triple-gcov-12 bin/gcov
    printf "%s\\n" $out/$parts/include $libc/usr/include > include-directories
  ''
