import { type ByteString, brandAs, displayBytes } from '../base/index.ts';
import { NixCompatError, type StorePath, printStorePath, splitStorePath } from '../nix-compat/index.ts';
import { type Store, StoreError, type TreeAccess, type TreeEntry, type TreePath } from '../store/index.ts';
import { CliError } from './error.ts';

/** A place in a store object, at which there may be nothing. */
export interface StoreObjectPlace {
  readonly tree: TreeAccess;
  readonly names: TreePath;
  /** What messages call the store object. */
  readonly root: ByteString;
}

/** The place that `typed` names: no symlinks are followed. Throws `store-path/…` and `path/invalid`. */
export async function openStoreObject(store: Store, typed: ByteString): Promise<StoreObjectPlace> {
  if (!typed.startsWith('/')) {
    throw new NixCompatError('store-path/not-in-store', `path '${displayBytes(typed)}' is not in the Nix store`);
  }
  const { storePath, rest } = splitStorePath(store.storeDir, typed);
  const tree = await openValidTree(store, storePath);
  const names = rest.split('/').filter(name => name !== '');
  return { tree, names: names.map(name => brandAs<ByteString>(name)), root: printStorePath(store.storeDir, storePath) };
}

/** What is there. Throws `tree/absent` and `input/symlink`. */
export async function entryAt({ tree, names, root }: StoreObjectPlace): Promise<TreeEntry> {
  const entry = await tree.lookup(names);
  if (entry !== undefined) return entry;
  const place = (depth: number) => displayBytes(brandAs<ByteString>([root, ...names.slice(0, depth)].join('/')));
  for (let depth = 0; depth < names.length; depth++) {
    if ((await tree.lookup(names.slice(0, depth)))?.type !== 'symlink') continue;
    throw new CliError('input/symlink', `path '${place(depth)}' is a symlink`);
  }
  throw new CliError('tree/absent', `path '${place(names.length)}' does not exist`);
}

/** Throws `path/invalid`. */
export async function openValidTree(store: Store, path: StorePath): Promise<TreeAccess> {
  await requireObject(store, path);
  return store.openTree(path);
}

/** Throws `path/invalid`, in the words that C++ Nix has where contents are asked for. */
export async function requireObject(store: Store, path: StorePath): Promise<void> {
  if ((await store.validPaths([path])).has(path)) return;
  const printed = displayBytes(printStorePath(store.storeDir, path));
  throw new StoreError('path/invalid', `path '${printed}' is not a valid store path`);
}
