# From the index of Debian 12, amd64. Written by scripts/list-debian-packages.
{
  "bash" = {
    path = "pool/main/b/bash/bash_5.2.15-2+b13_amd64.deb";
    sha256 = "82130bb6a560cd2a7234d8018baf73f188f5dd56413d5aa0accc987b2197a6a1";
  };
  "binutils" = {
    path = "pool/main/b/binutils/binutils-x86-64-linux-gnu_2.40-2_amd64.deb";
    sha256 = "2d7ea8a570d768224d7f2424abbe6f373d2154865a1fa7f56c80d43ecf492521";
  };
  "busybox-static" = {
    path = "pool/main/b/busybox/busybox-static_1.35.0-4+deb12u1+b1_amd64.deb";
    sha256 = "3d3fdbe91d4660c873e14b092c213fe81c1da6362daa236eb25d0171eb108744";
  };
  "cpp-12" = {
    path = "pool/main/g/gcc-12/cpp-12_12.2.0-14+deb12u1_amd64.deb";
    sha256 = "fedbb98e877adde83c983c6071537ea25ac52b277ac6e4637d85025949ca1454";
  };
  "dash" = {
    path = "pool/main/d/dash/dash_0.5.12-2_amd64.deb";
    sha256 = "33ea40061da2f1a861ec46212b2b6a34f0776a049b1a3f0abce2fb8cb994258f";
  };
  "g++-12" = {
    path = "pool/main/g/gcc-12/g++-12_12.2.0-14+deb12u1_amd64.deb";
    sha256 = "68b182badae4ace7d472f1393c559d3532a95a2d70817498b10bb481d2627251";
  };
  "gcc-12" = {
    path = "pool/main/g/gcc-12/gcc-12_12.2.0-14+deb12u1_amd64.deb";
    sha256 = "b46f33cc2ec245e435e043807038cecf4b201ef004800e9dfc1455240360e49d";
  };
  "libbinutils" = {
    path = "pool/main/b/binutils/libbinutils_2.40-2_amd64.deb";
    sha256 = "fcf55b99e5f8a78f3c8ce9b6957f1024f394cf20c196b100d308a57e43547710";
  };
  "libc6" = {
    path = "pool/main/g/glibc/libc6_2.36-9+deb12u14_amd64.deb";
    sha256 = "ba4f88f73dbc3ae9055f3c20f4523bfdbaf1ad13ff95e258924f77d20b4fbedf";
  };
  "libc6-dev" = {
    path = "pool/main/g/glibc/libc6-dev_2.36-9+deb12u14_amd64.deb";
    sha256 = "0218fc2befcd784c1b0c6292c0a137ce89fad054efaa579ad083bee0f2c01aae";
  };
  "libcrypt-dev" = {
    path = "pool/main/libx/libxcrypt/libcrypt-dev_4.4.33-2_amd64.deb";
    sha256 = "81ccd29130f75a9e3adabc80e61921abff42f76761e1f792fa2d1bb69af7f52f";
  };
  "libcrypt1" = {
    path = "pool/main/libx/libxcrypt/libcrypt1_4.4.33-2_amd64.deb";
    sha256 = "f5f60a5cdfd4e4eaa9438ade5078a57741a7a78d659fcb0c701204f523e8bd29";
  };
  "libctf-nobfd0" = {
    path = "pool/main/b/binutils/libctf-nobfd0_2.40-2_amd64.deb";
    sha256 = "ef1dfcf22de41ea90ebd3d505447ccccd999e96b85aa777a1d7d981dc3b347aa";
  };
  "libctf0" = {
    path = "pool/main/b/binutils/libctf0_2.40-2_amd64.deb";
    sha256 = "3fb7b6f326be3fae4a87a3d33b9269bd06c1e4346a24bd737f265067e3b7427f";
  };
  "libgcc-12-dev" = {
    path = "pool/main/g/gcc-12/libgcc-12-dev_12.2.0-14+deb12u1_amd64.deb";
    sha256 = "d720259380a84f2ffc6fe516eff5cbe9c8a005138e8d6a5748747ba4b3404a82";
  };
  "libgcc-s1" = {
    path = "pool/main/g/gcc-12/libgcc-s1_12.2.0-14+deb12u1_amd64.deb";
    sha256 = "3016e62cb4b7cd8038822870601f5ed131befe942774d0f745622cc77d8a88f7";
  };
  "libgmp10" = {
    path = "pool/main/g/gmp/libgmp10_6.2.1+dfsg1-1.1_amd64.deb";
    sha256 = "187aedef2ed763f425c1e523753b9719677633c7eede660401739e9c893482bd";
  };
  "libisl23" = {
    path = "pool/main/i/isl/libisl23_0.25-1.1_amd64.deb";
    sha256 = "ebff0b2f8b220c74224197523019366e97ee4770d464bebc48e4865114e4da0e";
  };
  "libjansson4" = {
    path = "pool/main/j/jansson/libjansson4_2.14-2_amd64.deb";
    sha256 = "3fc9742f9f1a37bcb9931df6074b4d1483419ef832ad5349f47323e75fc27864";
  };
  "libmpc3" = {
    path = "pool/main/m/mpclib3/libmpc3_1.3.1-1_amd64.deb";
    sha256 = "d7f79544790e44f9b0c8cb9034a18c58d37f8702a15f32539050718679e52f80";
  };
  "libmpfr6" = {
    path = "pool/main/m/mpfr4/libmpfr6_4.2.0-1_amd64.deb";
    sha256 = "37b7a2b4e78890b6a074777f27b96c84f58e81558ba08410c2b6c0ca4a4ad77b";
  };
  "libstdc++-12-dev" = {
    path = "pool/main/g/gcc-12/libstdc++-12-dev_12.2.0-14+deb12u1_amd64.deb";
    sha256 = "d28def6c23630432b57cb38a4c2fd67a79d4e0484027386ca6e8d6005c3d7a73";
  };
  "libstdc++6" = {
    path = "pool/main/g/gcc-12/libstdc++6_12.2.0-14+deb12u1_amd64.deb";
    sha256 = "5cd3171216d4ab0fc911cfe9c35509bf2dd8f47761c43b7f6a4296701551a24d";
  };
  "libtinfo6" = {
    path = "pool/main/n/ncurses/libtinfo6_6.4-4_amd64.deb";
    sha256 = "072d908f38f51090ca28ca5afa3b46b2957dc61fe35094c0b851426859a49a51";
  };
  "libzstd1" = {
    path = "pool/main/libz/libzstd/libzstd1_1.5.4+dfsg2-5_amd64.deb";
    sha256 = "6315b5ac38b724a710fb96bf1042019398cb656718b1522279a5185ed39318fa";
  };
  "linux-libc-dev" = {
    path = "pool/main/l/linux/linux-libc-dev_6.1.176-1_amd64.deb";
    sha256 = "8bb258735b9dffbb111da778ebdd024750878e435ffd9dfcadcb6762ede6b4cf";
  };
  "make" = {
    path = "pool/main/m/make-dfsg/make_4.3-4.1_amd64.deb";
    sha256 = "a1a83af8cbd854af887b72ad196b1f4af58387815e21ced1000253a116a46e2a";
  };
  "patchelf" = {
    path = "pool/main/p/patchelf/patchelf_0.14.3-1+b1_amd64.deb";
    sha256 = "0364b90e81faabbb9569076063952c7bcbf07f83d954a2f2602a163d65be60e6";
  };
  "zlib1g" = {
    path = "pool/main/z/zlib/zlib1g_1.2.13.dfsg-1_amd64.deb";
    sha256 = "d7dd1d1411fedf27f5e27650a6eff20ef294077b568f4c8c5e51466dc7c08ce4";
  };
}
