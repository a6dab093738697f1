import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { walkTree } from '../../castore/index.ts';
import {
  type PathInfo,
  type StorePath,
  compareStorePaths,
  filterByHashPart,
  parseStorePath,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { LocalStore, type PathAddition, type Store, requireFacet } from '../../store/index.ts';
import { readOutput } from '../outputs/read-output.ts';

/**
 * Takes store paths into `store` that it does not know, though they lie on disk where their names say: another Nix has put
 * them there, and the store has a folder of its own. What they refer to is taken, too; that is whatever of the folder their
 * contents mention, since only that Nix knows better. Others are left alone.
 */
export async function adoptPaths(store: Store, paths: Iterable<StorePath>, signal?: AbortSignal): Promise<void> {
  if (!(store instanceof LocalStore) || store.realStoreDir === store.storeDir) return;
  const wanted = new Set(paths);
  const isThere = (path: StorePath) => lstatSync(join(store.storeDir, path), { throwIfNoEntry: false }) !== undefined;
  const valid = await store.validPaths(wanted, { signal });
  for (const path of valid) wanted.delete(path);
  for (const path of wanted) if (!isThere(path)) wanted.delete(path);
  if (wanted.size === 0) return;
  const others = storePathsIn(store.storeDir);
  const additions: PathAddition[] = [];
  // What is added to a set while it is iterated over is reached, too.
  for (const path of wanted) {
    const addition = await describe(store, path, { others, signal: signal ?? new AbortController().signal });
    additions.push(addition);
    const references = addition.offers[0]?.info.references ?? [];
    const known = await store.validPaths(references, { signal });
    for (const reference of references) if (!known.has(reference)) wanted.add(reference);
  }
  await requireFacet(store, 'writer', 'addToStore').add(additions, { signal });
}

async function describe(
  store: LocalStore,
  path: StorePath,
  { others, signal }: { readonly others: readonly StorePath[]; readonly signal: AbortSignal },
): Promise<PathAddition> {
  const place = join(store.storeDir, path);
  const { narHash, narSize, found } = await readOutput(place, { signal, scanFor: others.map(storePathHashPart) });
  if (narHash === undefined) throw new TypeError('a NAR is hashed unless that is spared');
  const references = filterByHashPart(others, found).toSorted(compareStorePaths);
  const info: PathInfo = { path, narHash, narSize, references, signatures: [] };
  const source: PathAddition['offers'][number]['source'] = async (sink, drain) => {
    for (const _ of walkTree(place, sink)) await drain();
  };
  return { path, offers: [{ info, source, from: store.uri, isTrusted: true }] };
}

function storePathsIn(folder: string): StorePath[] {
  return readdirSync(folder).flatMap(name => {
    try {
      return [parseStorePath(name)];
    } catch {
      return [];
    }
  });
}
