# The C library, its loader and its headers, with the kernel's and with what compilers put into every program, laid out as
# in the root of a Debian: a sysroot. It refers to nothing.
firn:
firn.debian.unpack "libc" [
  "libc6"
  "libc6-dev"
  "libcrypt-dev"
  "libcrypt1"
  "libgcc-s1"
  "linux-libc-dev"
]
