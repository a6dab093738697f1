# Debian's patchelf, which tells programs where their loader and libraries are. It is run by the loader itself, since
# nobody has told it where its own are. As a shell function that `$patchelf/functions` defines, too:
# `relocate FOLDERS FILE...` has those of the files that are programs find their loader in `$libc`, and libraries there and
# in FOLDERS, separated by colons.
firn:
firn.runCommand "patchelf"
  {
    inherit (firn.debian) triple loader;
    inherit (firn) libc;
    shell = "${firn.busybox}/bin/sh";
    packages = firn.debian.named [
      "libc6"
      "libgcc-s1"
      "libstdc++6"
      "patchelf"
    ];
  }
  ''
    mkdir -p $out/bin $out/root
    cd $out/root
    ${firn.debian.unpackCommands}
    cat > $out/bin/patchelf <<END
    #!$shell
    exec $out/root/lib/$triple/$loader --library-path $out/root/lib/$triple:$out/root/usr/lib/$triple \\
      $out/root/usr/bin/patchelf "\$@"
    END
    chmod +x $out/bin/patchelf
    cat > $out/functions <<END
    relocate() {
      folders=$libc/lib/$triple\''${1:+:\$1}
      shift
      for file in "\$@"; do
        if [ ! -f \$file ] || [ -L \$file ] || [ "\$(head -c 4 \$file)" != "\$(printf '\177ELF')" ]; then continue; fi
        # The old kind, which holds for the libraries' libraries, too.
        $out/bin/patchelf --set-interpreter $libc/lib/$triple/$loader --force-rpath --set-rpath \$folders \$file
      done
    }
    END
  ''
