import { walkTree } from '../castore/index.ts';
import type { CallOptions } from '../castore/index.ts';
import type { NixHash, StorePath } from '../nix-compat/index.ts';
import { NarHasher } from './content-hasher.ts';
import { LocalStore } from './local/local-store.ts';
import type { Store } from './store.ts';

/**
 * The NAR hash that the contents of a valid path have by now: of a local store's, those in the store directory, where
 * somebody may have changed them. Throws `path/invalid`, and what reading them throws.
 */
export async function hashContents(store: Store, path: StorePath, { signal }: CallOptions = {}): Promise<NixHash> {
  const nar = new NarHasher();
  if (!(store instanceof LocalStore)) {
    await store.streamPath(path, nar.sink, { signal });
    return nar.finish();
  }
  let files = 0;
  for (const _ of walkTree(store.realPath(path), nar.sink)) {
    // A turn for signals.
    if (++files % 256 === 0) await new Promise(resolve => void setImmediate(resolve));
    signal?.throwIfAborted();
  }
  return nar.finish();
}
