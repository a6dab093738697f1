# The C++ library and its headers, which refer to the C library.
firn:
firn.runCommand "libstdcxx"
  {
    inherit (firn.debian) triple;
    inherit (firn) libc patchelf;
    packages = firn.debian.named [
      "libstdc++-12-dev"
      "libstdc++6"
    ];
  }
  ''
    mkdir -p $out
    cd $out
    ${firn.debian.unpackCommands}
    for library in usr/lib/$triple/libstdc++.so.6.*; do
      $patchelf/bin/patchelf --force-rpath --set-rpath $libc/lib/$triple $library
    done
  ''
