import { type ByteString, brandAs, byteStringFromLatin1, displayBytes } from '../../base/index.ts';
import { type StorePath, canonicalPath, splitStorePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import { CliError } from '../error.ts';

const maxLinks = 1000;

/**
 * What a path below the store directory leads to, through all symlinks; where these lead out of the store, or nothing
 * is, as far as it goes. Throws `input/symlink-cycle`, `path/invalid`.
 */
export async function resolveInStore(store: Store, path: ByteString): Promise<ByteString> {
  let at = path;
  for (let links = 0; ; links++) {
    if (links > maxLinks) {
      const message = `too many symbolic links encountered while resolving '${displayBytes(path)}'`;
      throw new CliError('input/symlink-cycle', message);
    }
    const next = at.startsWith(`${store.storeDir}/`) ? await followFirstLink(store, at) : undefined;
    if (next === undefined) return at;
    at = next;
  }
}

/** `path` with its first symlink replaced by what that leads to; undefined where it has none. */
async function followFirstLink(store: Store, path: ByteString): Promise<ByteString | undefined> {
  const { storePath, rest } = partsOf(store, path);
  const tree = await store.openTree(storePath);
  const done: ByteString[] = [];
  for (const [index, name] of ['', ...rest].entries()) {
    if (index > 0) done.push(brandAs<ByteString>(name));
    const entry = await tree.lookup(done);
    if (entry?.type !== 'symlink') continue;
    const parent = [store.storeDir, storePath, ...done].slice(0, -1).join('/');
    const target = entry.target.startsWith('/') ? entry.target : `${parent}/${entry.target}`;
    return byteStringFromLatin1(canonicalPath([target, ...rest.slice(index)].join('/')));
  }
  return undefined;
}

function partsOf(store: Store, path: ByteString): { readonly storePath: StorePath; readonly rest: readonly string[] } {
  const { storePath } = splitStorePath(store.storeDir, path);
  const below = path.slice(`${store.storeDir}/${storePath}`.length);
  return { storePath, rest: below.split('/').filter(name => name !== '') };
}
