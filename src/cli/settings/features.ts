/** The experimental features of C++ Nix 2.34. */
export const experimentalFeatures = [
  'ca-derivations',
  'impure-derivations',
  'flakes',
  'fetch-tree',
  'nix-command',
  'git-hashing',
  'recursive-nix',
  'fetch-closure',
  'auto-allocate-uids',
  'cgroups',
  'daemon-trust-override',
  'dynamic-derivations',
  'parse-toml-timestamps',
  'read-only-local-store',
  'local-overlay-store',
  'configurable-impure-env',
  'mounted-ssh-store',
  'verified-fetches',
  'pipe-operators',
  'external-builders',
  'blake3-hashes',
] as const;

export type ExperimentalFeature = (typeof experimentalFeatures)[number];

const known: ReadonlySet<string> = new Set(experimentalFeatures);

export function isExperimentalFeature(name: string): name is ExperimentalFeature {
  return known.has(name);
}
