# Firn's own Nix library: what derivations are made of that start from nothing but packages of npm and Debian.
#
#     let firn = import <firn> { }; in
#     firn.runCommand "hello" { } "echo hello > $out"
#
# Works with other Nixes, too, once `npm` and `debian` say where the registries are: `mirror://` is Firn's own.
{
  system ? builtins.currentSystem,
  npm ? "mirror://npm",
  debian ? "mirror://debian",
}:
let
  self = {
    inherit system;

    # What needs neither packages nor a system: `dynamicDrv`, ... As `import <firn/lib>` it can be had alone.
    lib = import ./lib;

    # A file of known hash: { url, hash, name ?, executable ? }.
    fetchFile = import ./fetch-file.nix;

    # A package of npm's as it comes, a compressed archive: { package, version, hash }.
    fetchNpm = import ./fetch-npm.nix { inherit (self) fetchFile; registry = npm; };

    # A package of npm's, unpacked: as `fetchNpm`.
    npmPackage = arguments: self.unpackArchive arguments.package (self.fetchNpm arguments);

    # The one folder in an archive (tar, compressed or not), as NAME: no program is needed for this.
    unpackArchive = import ./unpack-archive.nix;

    # What a script of busybox's shell makes: NAME ENVIRONMENT SCRIPT.
    runCommand = import ./run-command.nix { inherit system; inherit (self) busybox; };

    # Many small programs, the shell among them, in one that needs no library.
    busybox = import ./busybox.nix self;

    # Commands that put them into the root of a file system, the working folder, wherever nothing is yet.
    linkBusybox = ''
      mkdir -p bin
      cp $busybox bin/busybox
      for program in $($busybox --list-full); do
        case $program in
        bin/* | sbin/* | usr/bin/* | usr/sbin/*) ;;
        *) continue ;;
        esac
        mkdir -p ''${program%/*}
        [ -e $program ] || [ -L $program ] || ln -s /bin/busybox $program
      done
    '';

    # Packages of Debian 12, whose versions do not change any more.
    debian = import ./debian self debian;

    # The C library with its loader and headers; libraries of the programs below; shells and make.
    libc = import ./libc.nix self;
    toolLibraries = import ./tool-libraries.nix self;
    patchelf = import ./patchelf.nix self;
    binutils = import ./binutils.nix self;
    shells = import ./shells.nix self;

    # A C compiler with what it needs beside it, made from packages of Debian: `bin/cc`, `bin/ar`, `bin/make`, ...
    gcc = import ./gcc.nix self;

    # The same with C++, `bin/c++`; with flags that it always has.
    libstdcxx = import ./libstdcxx.nix self;
    gxx = self.gxxWith "";
    gxxWith = import ./gxx.nix self;

    # Both as one tree that is the root of a file system, with `/bin/sh`.
    rootFileSystem = import ./root-file-system.nix self;

    # The root of a file system for those who have their tools from the store.
    smallRoot = import ./small-root.nix self;
  };
in
self
