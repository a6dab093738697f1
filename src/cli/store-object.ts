import { type ByteString, brandAs, displayBytes } from '../base/index.ts';
import { NixCompatError, type StorePath, printStorePath, splitStorePath } from '../nix-compat/index.ts';
import { type Store, StoreError, type TreeAccess, type TreeEntry, type TreePath } from '../store/index.ts';
import { CliError } from './error.ts';

/** A place in a store object. */
export interface StoreObjectPlace {
  readonly tree: TreeAccess;
  readonly names: TreePath;
  readonly entry: TreeEntry;
}

/**
 * What is at `typed`, which names a place in the store directory: no symlinks are followed. Throws `store-path/…`,
 * `path/invalid`, `tree/absent` and `input/symlink`.
 */
export async function openStoreObject(store: Store, typed: ByteString): Promise<StoreObjectPlace> {
  if (!typed.startsWith('/')) {
    throw new NixCompatError('store-path/not-in-store', `path '${displayBytes(typed)}' is not in the Nix store`);
  }
  const { storePath, rest } = splitStorePath(store.storeDir, typed);
  const tree = await openValidTree(store, storePath);
  const names = rest
    .split('/')
    .filter(name => name !== '')
    .map(name => brandAs<ByteString>(name));
  const place = (depth: number) => {
    return displayBytes(
      brandAs<ByteString>([printStorePath(store.storeDir, storePath), ...names.slice(0, depth)].join('/')),
    );
  };
  const entry = await tree.lookup(names);
  if (entry !== undefined) return { tree, names, entry };
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
