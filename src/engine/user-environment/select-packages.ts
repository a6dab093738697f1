import { type ByteString, byteStringFromText, brandAs, displayBytes } from '../../base/index.ts';
import { compareVersions } from '../../eval/index.ts';
import { type PackageName, parsePackageName } from '../../nix-compat/index.ts';
import { EngineError } from '../error.ts';
import { PackageSelector } from './package-selector.ts';

/** What packages are told apart by. */
export interface SelectablePackage {
  /** With the version. */
  readonly name: ByteString;
  /** Asked for only where packages of one name are to be told apart. */
  readonly system: () => ByteString;
  /** The smaller, the more it is wanted. */
  readonly priority: () => bigint;
}

export interface SelectPackagesOptions {
  /** Whether of packages of one name only the best is taken. */
  readonly newestOnly: boolean;
  /** The system that is preferred. */
  readonly system: string;
  readonly warn: (message: string) => void;
}

/** As many names are suggested in place of one that nothing has. */
const maxSuggestions = 3;

/** Those of `packages` that the selectors mean, in the order of these; all without any. Throws `environment/no-match`. */
export function selectPackages<T extends SelectablePackage>(
  packages: readonly T[],
  selectors: readonly ByteString[],
  options: SelectPackagesOptions,
): T[] {
  const selected = new Set<T>();
  const texts = selectors.length === 0 ? [byteStringFromText('*')] : selectors;
  for (const selector of texts.map(text => new PackageSelector(text))) {
    const matching = packages.filter(({ name }) => selector.matches(parsePackageName(name)));
    if (matching.length === 0 && !selector.isWild) throw noMatch(selector, packages);
    for (const one of options.newestOnly ? pickNewest(matching, options) : matching) selected.add(one);
  }
  return [...selected];
}

function noMatch(selector: PackageSelector, packages: readonly SelectablePackage[]): EngineError {
  const similar = new Set<string>();
  for (const { name } of packages) {
    const { name: plain } = parsePackageName(name);
    if (plain.startsWith(selector.name)) similar.add(displayBytes(brandAs<ByteString>(plain)));
    if (similar.size === maxSuggestions) break;
  }
  const meant =
    similar.size === 0
      ? ''
      : `, maybe you meant:${[...similar]
          .toSorted()
          .map(name => `\n${name}`)
          .join('')}`;
  return new EngineError(
    'environment/no-match',
    `selector '${displayBytes(selector.text)}' matches no derivations${meant}`,
  );
}

/** The best of each name: for this system, of the highest priority, of the highest version; else the first. */
function pickNewest<T extends SelectablePackage>(matching: readonly T[], options: SelectPackagesOptions): T[] {
  const newest = new Map<string, { readonly one: T; readonly parsed: PackageName }>();
  /** Full names of those of which there are several that nothing tells apart. */
  const ambiguous = new Set<string>();
  for (const one of matching) {
    const parsed = parsePackageName(one.name);
    const other = newest.get(parsed.name);
    const comparison = other === undefined ? 1 : comparePackages(one, other.one, options.system);
    if (comparison > 0) {
      newest.set(parsed.name, { one, parsed });
      ambiguous.delete(one.name);
    } else if (comparison === 0) ambiguous.add(one.name);
  }
  const sorted = [...newest].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, { one }]) => {
    if (ambiguous.has(name)) {
      const shown = displayBytes(brandAs<ByteString>(name));
      options.warn(`there are multiple derivations named '${shown}'; using the first one`);
    }
    return one;
  });
}

/** Positive where `a` is the better one. */
function comparePackages(a: SelectablePackage, b: SelectablePackage, system: string): number {
  if (a.system() !== b.system()) {
    if (a.system() === system) return 1;
    if (b.system() === system) return -1;
  }
  const byPriority = comparePriorities(a, b);
  return byPriority === 0 ? compareVersions(versionOf(a), versionOf(b)) : byPriority;
}

/** Positive where `a` is of the higher priority, which is the smaller number. */
export function comparePriorities(a: SelectablePackage, b: SelectablePackage): number {
  const [x, y] = [a.priority(), b.priority()];
  return x === y ? 0 : x < y ? 1 : -1;
}

export function versionOf({ name }: Pick<SelectablePackage, 'name'>): ByteString {
  return brandAs<ByteString>(parsePackageName(name).version);
}
