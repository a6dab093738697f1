import { splitWords } from './nix-conf.ts';

/** Those of Nix 2.34. */
export const experimentalFeatures = [
  'auto-allocate-uids',
  'blake3-hashes',
  'ca-derivations',
  'cgroups',
  'configurable-impure-env',
  'daemon-trust-override',
  'dynamic-derivations',
  'external-builders',
  'fetch-closure',
  'fetch-tree',
  'flakes',
  'git-hashing',
  'impure-derivations',
  'local-overlay-store',
  'mounted-ssh-store',
  'nix-command',
  'parse-toml-timestamps',
  'pipe-operators',
  'read-only-local-store',
  'recursive-nix',
  'verified-fetches',
] as const;

export type ExperimentalFeature = (typeof experimentalFeatures)[number];

export function isExperimentalFeature(name: string): name is ExperimentalFeature {
  return experimentalFeatures.some(feature => feature === name);
}

/** The features that a setting's text turns on, and the words of it that name none. */
export interface NamedFeatures {
  readonly known: ReadonlySet<ExperimentalFeature>;
  readonly unknown: readonly string[];
}

export function parseExperimentalFeatures(text: string): NamedFeatures {
  const known = new Set<ExperimentalFeature>();
  const unknown: string[] = [];
  for (const word of new Set(splitWords(text).toSorted())) {
    if (!isExperimentalFeature(word)) unknown.push(word);
    else {
      known.add(word);
      // Whoever has flakes has what they are made of.
      if (word === 'flakes') known.add('fetch-tree');
    }
  }
  return { known, unknown };
}
