# A plan that builds make: `count` derivations each of which evaluates cutoff.nix in its build, and is the derivation that
# this is, a graph of `width` times `height`. `all` needs all of these graphs, `plans` the derivations that they are.
{
  seed,
  count,
  width,
  height,
  # Where nix-instantiate and nix-store are, and what else builders need.
  nix,
  path,
  system ? builtins.currentSystem,
}:
let
  plans = builtins.genList (
    n:
    derivation {
      name = "part-${toString n}.drv";
      inherit system path;
      builder = "/bin/sh";
      # What the graph rests on is built here, so that nothing of it is left to be built.
      args = [
        "-euc"
        ''
          set -- $expression --argstr seed $seed-$part --arg width $width --arg height $height
          nix-store --realise $(nix-instantiate "$@" -A base) > /dev/null
          cp $(nix-instantiate "$@" -A all) $out
        ''
      ];
      PATH = "${nix}:${path}";
      HOME = "/homeless-shelter";
      NIX_CONFIG = "extra-experimental-features = nix-command ca-derivations";
      expression = ./cutoff.nix;
      part = n;
      inherit seed width height;
      requiredSystemFeatures = [ "recursive-nix" ];
      __contentAddressed = true;
      outputHashMode = "text";
      outputHashAlgo = "sha256";
    }
  ) count;
  join =
    name: needs:
    derivation {
      inherit name system needs;
      builder = "/bin/sh";
      args = [
        "-c"
        "echo ${name} > $out"
      ];
      __contentAddressed = true;
      outputHashMode = "nar";
      outputHashAlgo = "sha256";
    };
in
{
  plans = join "plans" plans;
  all = join "all" (map (plan: builtins.outputOf plan.outPath "out") plans);
}
