# Assembler, linker and their like by the usual names.
firn:
firn.runCommand "binutils"
  {
    inherit (firn.debian) triple;
    inherit (firn) libc patchelf;
    libraries = firn.toolLibraries;
    packages = firn.debian.named [ "binutils" ];
  }
  ''
    mkdir -p $out/bin
    cd $out
    ${firn.debian.unpackCommands}
    . $patchelf/functions
    relocate $libraries/lib usr/bin/*
    for tool in ar as ld nm objcopy objdump ranlib readelf size strings strip; do
      ln -s ../usr/bin/$triple-$tool bin/$tool
    done
  ''
