#!/bin/sh
# regenerate.sh BINDIR: writes the vectors beside this file anew with the C++ Nix (2.34) in BINDIR, as root on Linux.
# Builds happen in a store of their own, so that nothing of this machine's shows in them.
set -eu
bin=$(cd "$1" && pwd)
cd "$(dirname "$0")"
root=$(mktemp -d)
trap 'chmod -R u+w "$root"; rm -rf "$root"' EXIT

nix() {
  env -i HOME="$root/home" PATH="$bin:$PATH" NIX_REMOTE="local?root=$root" NIX_CONFIG="
    experimental-features = nix-command ca-derivations impure-derivations dynamic-derivations git-hashing
    sandbox-paths = /bin/sh=/usr/bin/bash /bin/cat=/usr/bin/cat /bin/cp=/usr/bin/cp /bin/date=/usr/bin/date /lib=/usr/lib /lib64=/usr/lib64
    substituters =
    build-users-group =
    secret-key-files = $root/secret-key" "$@"
}

# C++ Nix 2.34.8 now and then kills a builder in its sandbox for no reason, which another attempt gets over.
build() {
  nix nix build --no-link --quiet -f expressions.nix "$1" || nix nix build --no-link --quiet -f expressions.nix "$1"
}

nix nix-store --generate-binary-cache-key vectors-1 "$root/secret-key" public-key
nix nix-instantiate expressions.nix --quiet
for name in floating deferred deferredTwice floatingOnDeferred structuredDeferred maker dynamic; do
  build "$name"
  nix nix copy --quiet --to "file://$root/cache" -f expressions.nix "$name"
done
for name in structured graph; do build "$name"; done

rm -rf store
mkdir store
cp "$root"/nix/store/*.drv store/
chmod 644 store/*
(cd store && ls) | sed "s,^,/nix/store/," | nix nix derivation show --stdin >show.json
cat "$root"/cache/realisations/*.doi | sed 's/}{/}\n{/g' >realisations.jsonl
nix nix-store --dump-db >registrations.txt
cp "$root"/nix/store/*-graph graph.txt
cp "$root"/nix/store/*-structured attrs.sh
cp "$root"/nix/store/*-structured-bin attrs.json
chmod 644 graph.txt attrs.sh attrs.json
