import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import { type ProfileElement, type ProfileManifest, identifierOf } from '../../engine/index.ts';
import { matchesWhole } from '../../eval/index.ts';
import { type StoreDir, parseStorePathIn } from '../../nix-compat/index.ts';
import type { Flag, Positional } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';

/** One way of naming packages of a profile. */
interface Matcher {
  readonly title: string;
  readonly matches: (name: ByteString, element: ProfileElement) => boolean;
}

/** How commands are told which packages of a profile are meant: names, store paths, `--regex`, `--all`. */
export class ProfileMatchers {
  readonly flags: readonly Flag[];
  readonly positionals: readonly Positional[];
  #all = false;
  readonly #patterns: ByteString[] = [];
  #names: readonly ByteString[] = [];

  constructor() {
    this.flags = [
      { long: 'all', labels: [], summary: 'Take all packages of the profile.', apply: () => (this.#all = true) },
      {
        long: 'regex',
        labels: ['pattern'],
        summary: 'Take the packages whose name an expression matches.',
        apply: pattern => this.#patterns.push(pattern),
      },
    ];
    this.positionals = [{ label: 'elements', arity: 'any', apply: (...given) => (this.#names = given) }];
  }

  /** The names of those that are meant. Throws `usage/…`. */
  find(manifest: ProfileManifest, storeDir: StoreDir, { log }: CommandContext): Set<ByteString> {
    const matchers = [
      ...this.#patterns.map(patternMatcher),
      ...this.#names.map(name => nameMatcher(name, storeDir)),
      ...(this.#all ? [{ title: '--all', matches: () => true }] : []),
    ];
    if (matchers.length === 0) throw new CliError('usage/missing-argument', 'No packages specified.');
    if (this.#all && matchers.length > 1) {
      const message = '--all cannot be used with package names or regular expressions.';
      throw new CliError('usage/useless-flag', message);
    }
    const found = new Set<ByteString>();
    if (manifest.size === 0) {
      log.warn('There are no packages in the profile.');
      return found;
    }
    for (const { title, matches } of matchers) {
      const meant = [...manifest].filter(([name, element]) => matches(name, element));
      if (meant.length === 0) log.warn(`${title} does not match any packages in the profile.`);
      for (const [name] of meant) found.add(name);
    }
    return found;
  }
}

function patternMatcher(pattern: ByteString): Matcher {
  const lower = brandAs<ByteString>(pattern.toLowerCase());
  return {
    title: `Regex '${displayBytes(pattern)}'`,
    matches: (_, element) => matchesWhole(lower, brandAs<ByteString>(identifierOf(element).toLowerCase())),
  };
}

function nameMatcher(text: ByteString, storeDir: StoreDir): Matcher {
  const shown = displayBytes(text);
  if (/^[0-9]+$/.test(text)) {
    throw new CliError('profile/index', `'nix profile' no longer supports indices ('${Number(text)}')`);
  }
  if (text.startsWith(`${storeDir}/`)) {
    const path = parseStorePathIn(storeDir, text);
    return { title: `Store path '${path}'`, matches: (_, { storePaths }) => storePaths.includes(path) };
  }
  return { title: `Package name '${shown}'`, matches: name => name === text };
}
