# Debian's C++ compiler, beside the C compiler whose parts it uses: `bin/c++`, and all that `gcc` has. FLAGS are what it is
# told before anything else, as a shell reads them.
firn: flags:
firn.runCommand "gxx"
  {
    inherit flags;
    inherit (firn.debian) triple loader;
    inherit (firn) libc libstdcxx binutils gcc patchelf;
    libraries = firn.toolLibraries;
    shell = "${firn.busybox}/bin/sh";
    packages = firn.debian.named [ "g++-12" ];
  }
  ''
    mkdir -p $out/bin
    cd $out
    ${firn.debian.unpackCommands}
    . $patchelf/functions
    parts=usr/lib/gcc/$triple/12
    relocate $libraries/lib usr/bin/* $parts/cc1plus
    ln -s $gcc/bin/* bin/
    headers=$libstdcxx/usr/include
    cat > bin/c++ <<END
    #!$shell
    exec $out/usr/bin/$triple-g++-12 --sysroot=$libc -B$gcc/$parts/ -B$binutils/bin/ \\
      -nostdinc++ -isystem $headers/c++/12 -isystem $headers/$triple/c++/12 -isystem $headers/c++/12/backward \\
      -L$libstdcxx/$parts -Wl,-dynamic-linker,$libc/lib/$triple/$loader \\
      -Wl,-rpath,$libc/lib/$triple:$libstdcxx/usr/lib/$triple $flags "\$@"
    END
    chmod +x bin/c++
    ln -s c++ bin/g++
    { echo $headers; cat $gcc/include-directories; } > include-directories
  ''
