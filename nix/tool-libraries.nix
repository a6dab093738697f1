# Libraries of the programs that compile and link, in `lib`. They find each other by what these programs say.
firn:
firn.runCommand "tool-libraries"
  {
    inherit (firn.debian) triple;
    packages = firn.debian.named [
      "libbinutils"
      "libctf-nobfd0"
      "libctf0"
      "libgmp10"
      "libisl23"
      "libjansson4"
      "libmpc3"
      "libmpfr6"
      "libtinfo6"
      "libzstd1"
      "zlib1g"
    ];
  }
  ''
    mkdir -p $out/lib
    ${firn.debian.unpackCommands}
    cp -a lib/$triple/*.so.* usr/lib/$triple/*.so* $out/lib/
  ''
