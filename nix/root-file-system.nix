# Both compilers and all they need as the root of a file system, as Debian has them: programs are in /bin and /usr/bin,
# libraries and headers where they are expected. No file names the store.
firn:
firn.runCommand "root-file-system"
  {
    inherit (firn.debian) triple;
    busybox = "${firn.busybox}/bin/busybox";
    packages = firn.debian.named [
      "bash"
      "binutils"
      "cpp-12"
      "dash"
      "g++-12"
      "gcc-12"
      "libbinutils"
      "libc6"
      "libc6-dev"
      "libcrypt-dev"
      "libcrypt1"
      "libctf-nobfd0"
      "libctf0"
      "libgcc-12-dev"
      "libgcc-s1"
      "libgmp10"
      "libisl23"
      "libjansson4"
      "libmpc3"
      "libmpfr6"
      "libstdc++-12-dev"
      "libstdc++6"
      "libtinfo6"
      "libzstd1"
      "linux-libc-dev"
      "make"
      "zlib1g"
    ];
  }
  ''
    mkdir $out
    cd $out
    ${firn.debian.unpackCommands}
    # What no package has.
    ${firn.linkBusybox}
    ln -sf dash bin/sh
    for tool in ar as ld nm objcopy objdump ranlib readelf size strings strip; do
      ln -sf $triple-$tool usr/bin/$tool
    done
    for tool in cpp g++ gcc; do ln -sf $triple-$tool-12 usr/bin/$tool; done
    ln -sf $triple-gcov-12 usr/bin/gcov
    ln -s gcc usr/bin/cc
    ln -s g++ usr/bin/c++
    printf "%s\\n" /usr/include /usr/lib/gcc/$triple/12/include > usr/include-directories
  ''
