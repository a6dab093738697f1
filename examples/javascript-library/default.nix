# Preact, a library of JavaScript, bundled from its sources into one module by esbuild: both are packages of npm's, each
# pinned by the integrity that the registry has for it. The bundler is a program that needs no library and no shell.
{
  firn ? import ../../nix { inherit system npm; },
  system ? builtins.currentSystem,
  npm ? "mirror://npm",
}:
let
  preact = firn.npmPackage {
    package = "preact";
    version = "11.2.0";
    hash = "sha512-/HfHI/7N84e6GrWBJ3J280z3mLaRJiDcSvj/A+y/4AbLnND/1UlGHe1sR6oYuTGwId0nP7dqDU9OnLxMPZ7xBg==";
  };

  esbuild = firn.npmPackage (
    {
      x86_64-linux = {
        package = "@esbuild/linux-x64";
        version = "0.28.2";
        hash = "sha512-4xTZr1FUmSoQW4XIWmit3tzQrUTZM+N3P0XV8xROKYF50XfI7xeO90+1bZvNwxIufQ9hDQVRJH5YhgPVF8A/HQ==";
      };
      aarch64-linux = {
        package = "@esbuild/linux-arm64";
        version = "0.28.2";
        hash = "sha512-pW4AC0P3it8c7do9MVM4p51FzHzdM/TZrerurgRcHJ2WTa1VQ1CIq18xncfpBJw4ojkiZZrKW2yIBWBP92j6Ug==";
      };
    }
    .${firn.system}
  );
in
derivation {
  name = "preact.mjs";
  inherit (firn) system;
  builder = "${esbuild}/${esbuild.channelName}/bin/esbuild";
  args = [
    "${preact}/preact/src/index.js"
    "--bundle"
    "--minify"
    "--format=esm"
    "--outfile=${placeholder "out"}"
  ];
}
