# The least that scripts expect in the root of a file system: the small programs, `/bin/sh`, `/usr/bin/env`, and `/bin/bash`,
# which leads into the store.
firn:
firn.runCommand "small-root"
  {
    inherit (firn) shells;
    busybox = "${firn.busybox}/bin/busybox";
  }
  ''
    mkdir -p $out
    cd $out
    ${firn.linkBusybox}
    ln -s $shells/bin/bash bin/bash
  ''
