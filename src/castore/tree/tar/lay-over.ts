import { type ByteString, brandAs } from '../../../base/index.ts';
import { displayName, isEntryName } from '../../entry-name.ts';
import { CastoreError } from '../../error.ts';
import { DraftDirectory } from '../draft-tree.ts';

/** Begins the name of what says that a layer lacks what the rest of the name stands for in those below (OCI image layer). */
const whiteoutPrefix = '.wh.';
/** Says that a directory shows nothing of the layers below; other names that begin so are a file system's own (aufs). */
const ownPrefix = '.wh..wh.';
const opaque = brandAs<ByteString>('.wh..wh..opq');

/** Symlinks that are followed to one directory, as many as the kernel follows. */
const maxSymlinks = 40;

/**
 * Changes `below` to what is seen when `layer` lies over it: directories are merged, anything else takes the place of what
 * has its name, and whiteouts take away what is below, wherever in their layer they stand. A directory that a layer only
 * implies is the one that a symlink below leads to, as where layers are unpacked upon each other; links lead nowhere
 * out of the root. Throws `archive/bad-path` for a whiteout of no name.
 */
export function layOver(below: DraftDirectory, layer: DraftDirectory): void {
  merge([below], layer, '');
}

/** `trail`: the root, and so on to the directory that is merged into. */
function merge(trail: Trail, layer: DraftDirectory, path: string): void {
  const directory = trail[trail.length - 1] ?? trail[0];
  takeAway(directory, layer, path);
  for (const [name, node] of layer.entries) {
    if (name.startsWith(whiteoutPrefix)) continue;
    if (node.kind !== 'directory') directory.entries.set(name, node);
    else merge(directoryFor(trail, { name, isImplied: node.isImplied }), node, `${path}${name}/`);
  }
}

function takeAway({ entries }: DraftDirectory, layer: DraftDirectory, path: string): void {
  if (layer.entries.has(opaque)) entries.clear();
  for (const name of layer.entries.keys()) {
    if (!name.startsWith(whiteoutPrefix) || name.startsWith(ownPrefix)) continue;
    const absent = brandAs<ByteString>(name.slice(whiteoutPrefix.length));
    if (!isEntryName(absent)) {
      const shown = displayName(brandAs<ByteString>(path + name));
      throw new CastoreError('archive/bad-path', `'${shown}' in the layer takes away what no name stands for`);
    }
    entries.delete(absent);
  }
}

/** From the root to a directory. */
type Trail = readonly [DraftDirectory, ...DraftDirectory[]];

/** The directory of that name, made where there is none. */
function directoryFor(trail: Trail, { name, isImplied }: { name: ByteString; isImplied: boolean }): Trail {
  const { entries } = trail[trail.length - 1] ?? trail[0];
  const node = entries.get(name);
  if (node?.kind === 'directory') return [...trail, node];
  const followed =
    isImplied && node?.kind === 'symlink' ? follow(trail, node.target, { left: maxSymlinks }) : undefined;
  if (followed !== undefined) return followed;
  const made = new DraftDirectory();
  entries.set(name, made);
  return [...trail, made];
}

/** What a symlink in the last directory of `trail` leads to; undefined unless that is a directory. */
function follow(trail: Trail, target: ByteString, budget: { left: number }): Trail | undefined {
  if (budget.left-- <= 0) return undefined;
  const [root] = trail;
  let at: Trail = target.startsWith('/') ? [root] : trail;
  for (const component of target.split('/')) {
    if (component === '' || component === '.') continue;
    if (component === '..') {
      at = [root, ...at.slice(1, -1)];
      continue;
    }
    const { entries } = at[at.length - 1] ?? root;
    const node = entries.get(brandAs<ByteString>(component));
    if (node?.kind === 'directory') at = [...at, node];
    else {
      const followed = node?.kind === 'symlink' ? follow(at, node.target, budget) : undefined;
      if (followed === undefined) return undefined;
      at = followed;
    }
  }
  return at;
}
