# From the index of Debian 12, arm64. Written by scripts/list-debian-packages.
{
  "bash" = {
    path = "pool/main/b/bash/bash_5.2.15-2+b13_arm64.deb";
    sha256 = "fdb470b5ec1773b90014138bfc1deda4505c1c23e7f5731e8b527c636ac03385";
  };
  "binutils" = {
    path = "pool/main/b/binutils/binutils-aarch64-linux-gnu_2.40-2_arm64.deb";
    sha256 = "fa154fed9b3bb5e11c4c152c3faaa5b56dce9ea39fed68156c3d656c97b4a11e";
  };
  "busybox-static" = {
    path = "pool/main/b/busybox/busybox-static_1.35.0-4+deb12u1+b1_arm64.deb";
    sha256 = "732c9135564fc71337e0e05fb4da4d11e6c28c1834bce3e405e575afef2a52f5";
  };
  "cpp-12" = {
    path = "pool/main/g/gcc-12/cpp-12_12.2.0-14+deb12u1_arm64.deb";
    sha256 = "f95ae5b0f967bf9de96c952e12b865b133756f3f07f904a64a1fec5fcf3d20e7";
  };
  "dash" = {
    path = "pool/main/d/dash/dash_0.5.12-2_arm64.deb";
    sha256 = "c1358e2a8054eb93efd460adf480224a16ea9e0b4d7b4c6cbcf8c8c91902a1d7";
  };
  "g++-12" = {
    path = "pool/main/g/gcc-12/g++-12_12.2.0-14+deb12u1_arm64.deb";
    sha256 = "cb6c11930cf7ad0e9baa5561b1f5fd033bed829e4acfc4472335bef99ca4cd71";
  };
  "gcc-12" = {
    path = "pool/main/g/gcc-12/gcc-12_12.2.0-14+deb12u1_arm64.deb";
    sha256 = "d4f6bc31cefeb188eddc7e0f738f51c12f863cd03502935c388a9f305f558996";
  };
  "libbinutils" = {
    path = "pool/main/b/binutils/libbinutils_2.40-2_arm64.deb";
    sha256 = "1987db5a2ca550be3153dce8b23d6b2e038079c4de0b26b349e5b742e293ad23";
  };
  "libc6" = {
    path = "pool/main/g/glibc/libc6_2.36-9+deb12u14_arm64.deb";
    sha256 = "01f4330719fd4f65580e16ea5a0527f372fca750e8f588d26deaf09f2d3b1cf4";
  };
  "libc6-dev" = {
    path = "pool/main/g/glibc/libc6-dev_2.36-9+deb12u14_arm64.deb";
    sha256 = "8bc395bf2ee9939f1a6ae395f974cffdcf541d98f99adfe89ce7e4bef36d159e";
  };
  "libcrypt-dev" = {
    path = "pool/main/libx/libxcrypt/libcrypt-dev_4.4.33-2_arm64.deb";
    sha256 = "8f40a050f6d54b47b0972f77ea29932573e0e6b4521b833c9d825f46a9db8b75";
  };
  "libcrypt1" = {
    path = "pool/main/libx/libxcrypt/libcrypt1_4.4.33-2_arm64.deb";
    sha256 = "eea0ad76ea5eb507127fea0c291622ea4ecdbb71c4b9a8ed9c76ae33fc1a0127";
  };
  "libctf-nobfd0" = {
    path = "pool/main/b/binutils/libctf-nobfd0_2.40-2_arm64.deb";
    sha256 = "27a232cba9b33bd8495e7ccc8ffbe24c729574a8073df0851decba037fb12a63";
  };
  "libctf0" = {
    path = "pool/main/b/binutils/libctf0_2.40-2_arm64.deb";
    sha256 = "539036b9ecf8af5e803962ffcf0639332dcb3a027a7ab10b174f8f92272f5b21";
  };
  "libgcc-12-dev" = {
    path = "pool/main/g/gcc-12/libgcc-12-dev_12.2.0-14+deb12u1_arm64.deb";
    sha256 = "c83d28b7c3397c25f15ae17783fce78716a3d7cd415940940cc2af8dc4db8d6d";
  };
  "libgcc-s1" = {
    path = "pool/main/g/gcc-12/libgcc-s1_12.2.0-14+deb12u1_arm64.deb";
    sha256 = "576926b283613db80168ddf76380a3bd877602778cf0d226caa7bfbfa71eacf3";
  };
  "libgmp10" = {
    path = "pool/main/g/gmp/libgmp10_6.2.1+dfsg1-1.1_arm64.deb";
    sha256 = "9906387c1dd806518c915bd8616d072c741061d7fa26b222e52763456060b31a";
  };
  "libisl23" = {
    path = "pool/main/i/isl/libisl23_0.25-1.1_arm64.deb";
    sha256 = "e7232e299714254a9473d7eacdf6879eedf02b950c87da145f5d605800710c6c";
  };
  "libjansson4" = {
    path = "pool/main/j/jansson/libjansson4_2.14-2_arm64.deb";
    sha256 = "49fda2bcfdf6b78098a5cdc9eaee23ef1f3b331559f02f1e32bc26f1fb6b4aec";
  };
  "libmpc3" = {
    path = "pool/main/m/mpclib3/libmpc3_1.3.1-1_arm64.deb";
    sha256 = "19fd1712d02a9ee3eeff5b6678a8766a12f2858c3384258c7abc15edd891739f";
  };
  "libmpfr6" = {
    path = "pool/main/m/mpfr4/libmpfr6_4.2.0-1_arm64.deb";
    sha256 = "d818fbfb555561bff56694cc628dc9939f393a07026aefd237e9c818b9f2cb77";
  };
  "libstdc++-12-dev" = {
    path = "pool/main/g/gcc-12/libstdc++-12-dev_12.2.0-14+deb12u1_arm64.deb";
    sha256 = "b74b18927037498c10c8c5dd7a0abe132b4d90188ca5d6e899a4f777c6d52a74";
  };
  "libstdc++6" = {
    path = "pool/main/g/gcc-12/libstdc++6_12.2.0-14+deb12u1_arm64.deb";
    sha256 = "26e138c677a985775331373828a6c286c551ff397cb735d00e2383cb273d1cb2";
  };
  "libtinfo6" = {
    path = "pool/main/n/ncurses/libtinfo6_6.4-4_arm64.deb";
    sha256 = "baef0f6776f84c7eed4f1146d6e5774689567dad43216894d41da02e6608e4b3";
  };
  "libzstd1" = {
    path = "pool/main/libz/libzstd/libzstd1_1.5.4+dfsg2-5_arm64.deb";
    sha256 = "95e173c9538f96ede4fc275ec7863f395a97dd0ea62454be9bc914efa1b9be93";
  };
  "linux-libc-dev" = {
    path = "pool/main/l/linux/linux-libc-dev_6.1.176-1_arm64.deb";
    sha256 = "eeca5ec13bed7206f8171fab9a48e84119dcc20cc79557f104628447a524ad10";
  };
  "make" = {
    path = "pool/main/m/make-dfsg/make_4.3-4.1_arm64.deb";
    sha256 = "7ef5f5c0e3f909c811f941598107119af0a0554641b5cc590f584cea6a55d204";
  };
  "patchelf" = {
    path = "pool/main/p/patchelf/patchelf_0.14.3-1+b1_arm64.deb";
    sha256 = "a0dc6bda4b34cc242e5cb5d6ffc664c7b9968df715f3fecad130bedb343f5e8a";
  };
  "zlib1g" = {
    path = "pool/main/z/zlib/zlib1g_1.2.13.dfsg-1_arm64.deb";
    sha256 = "52b8b8a145bbe1956bba82034f77022cbef0c3d0885c9e32d9817a7932fe1913";
  };
}
