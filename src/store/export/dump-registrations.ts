import type { ByteString } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import { type StorePath, formatRegistrations } from '../../nix-compat/index.ts';
import { requirePathInfo } from '../require-path-info.ts';
import type { Store } from '../store.ts';

/** What `nix-store --dump-db` writes of `paths`, path by path, in their order. Throws `path/invalid`. */
export async function* dumpRegistrations(
  store: Store,
  paths: Iterable<StorePath>,
  options?: CallOptions,
): AsyncGenerator<ByteString, void> {
  for (const path of paths) {
    const { narHash: hash, narSize: size, deriver, references } = await requirePathInfo(store, path, options);
    yield formatRegistrations(store.storeDir, [{ path, nar: { hash, size }, deriver, references }]);
  }
}
