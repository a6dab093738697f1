{ path }:
derivation {
  name = "hello";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [
    "-euc"
    "cat $greeting > $out"
  ];
  PATH = path;
  greeting = builtins.toFile "greeting" "Hello from an expression that was evaluated in a build\n";
}
