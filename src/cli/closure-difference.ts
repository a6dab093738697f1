import { type PathInfo, type StorePath, parsePackageName, storePathName } from '../nix-compat/index.ts';
import { type Store, computeClosure } from '../store/index.ts';
import { green, normal, red } from './render/ansi.ts';
import { formatSize } from './render/format-size.ts';

/** Differences in size below this are not shown. */
const shownDifference = 8 * 1024;

/** Which packages and versions two closures differ in, a line for each package. Throws `path/invalid`. */
export async function closureDifference(store: Store, before: StorePath, after: StorePath): Promise<string[]> {
  const old = groupPackages(await closureOf(store, before));
  const current = groupPackages(await closureOf(store, after));
  return [...new Set([...old.keys(), ...current.keys()])].toSorted().flatMap(name => {
    const difference = describeDifference(old.get(name) ?? nothing, current.get(name) ?? nothing);
    return difference === '' ? [] : [`${name}: ${difference}`];
  });
}

async function closureOf(store: Store, path: StorePath): Promise<Iterable<PathInfo>> {
  return (await computeClosure(store, [path])).values();
}

/** All store paths of one package's name. */
interface Package {
  readonly versions: Set<string>;
  /** Bytes. */
  size: number;
}

const nothing: Package = { versions: new Set(), size: 0 };

function groupPackages(infos: Iterable<PathInfo>): ReadonlyMap<string, Package> {
  const packages = new Map<string, Package>();
  for (const { path, narSize } of infos) {
    // An output's name at the end is no part of the version, though `bin` and `unstable` look alike.
    const whole = storePathName(path).replace(/-(?:[a-z]+|lib32|lib64)$/, '');
    const { name, version } = parsePackageName(whole);
    let group = packages.get(name);
    if (group === undefined) packages.set(name, (group = { versions: new Set(), size: 0 }));
    group.versions.add(version);
    group.size += narSize;
  }
  return packages;
}

/** Empty where there is nothing to tell. */
function describeDifference(before: Package, after: Package): string {
  const removed = before.versions.difference(after.versions);
  const added = after.versions.difference(before.versions);
  const growth = after.size - before.size;
  const items: string[] = [];
  if (removed.size > 0 || added.size > 0) items.push(`${listVersions(removed)} → ${listVersions(added)}`);
  if (Math.abs(growth) >= shownDifference) items.push(`${growth > 0 ? red : green}${formatSize(growth)}${normal}`);
  return items.join(', ');
}

function listVersions(versions: ReadonlySet<string>): string {
  if (versions.size === 0) return '∅';
  return Array.from(versions, version => (version === '' ? 'ε' : version))
    .toSorted()
    .join(', ');
}
