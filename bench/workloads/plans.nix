# A plan that builds make: `count` derivations the output of each of which is the derivation of a graph of `width` times
# `height` (cutoff.nix). `all` needs what these derivations make, `plans` the derivations alone.
{
  seed,
  count,
  width,
  height,
  # Where cp is.
  path,
  system ? builtins.currentSystem,
}:
let
  floating = {
    inherit system;
    builder = "/bin/sh";
    PATH = path;
    __contentAddressed = true;
  };
  plan =
    n:
    let
      graph = import ./cutoff.nix {
        inherit width height system;
        seed = "${seed}-${toString n}";
      };
    in
    derivation (
      floating
      // {
        # Called as what it makes, since realisations do not go by names.
        name = "all.drv";
        args = [
          "-c"
          "cp $text $out"
        ];
        text = builtins.unsafeDiscardOutputDependency graph.all.drvPath;
        # Built for this, so that nothing of the graph is left to be built.
        inherit (graph) base;
        outputHashMode = "text";
        outputHashAlgo = "sha256";
      }
    );
  plans = builtins.genList plan count;
  join =
    name: needs:
    derivation (
      floating
      // {
        inherit name needs;
        args = [
          "-c"
          "echo ${name} > $out"
        ];
        outputHashMode = "nar";
        outputHashAlgo = "sha256";
      }
    );
in
{
  plans = join "plans" plans;
  all = join "all" (map (made: builtins.outputOf made.outPath "out") plans);
}
