# Shells and make. Busybox's shell runs its own programs whatever the PATH says; these do not.
firn:
firn.runCommand "shells"
  {
    inherit (firn.debian) triple;
    inherit (firn) libc patchelf;
    libraries = firn.toolLibraries;
    packages = firn.debian.named [
      "bash"
      "dash"
      "make"
    ];
  }
  ''
    mkdir -p $out
    cd $out
    ${firn.debian.unpackCommands}
    . $patchelf/functions
    relocate $libraries/lib bin/* usr/bin/*
    ln -sf dash bin/sh
    ln -s ../usr/bin/make bin/make
  ''
