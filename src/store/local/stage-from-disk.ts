import { TreeBuilder, walkTree } from '../../castore/index.ts';
import { teeTree } from '../../base/index.ts';
import {
  type PathInfo,
  type Registration,
  compareStorePaths,
  equalHashes,
  formatHash,
  printStorePath,
} from '../../nix-compat/index.ts';
import { NarHasher } from '../content-hasher.ts';
import { StoreError } from '../error.ts';
import type { LocalStore } from './local-store.ts';
import type { StagedPath } from './staged-path.ts';

/**
 * Takes what lies in the store directory over as the path that `registration` says it is. Throws `path/hash-mismatch`
 * where it has another NAR hash or size than the registration gives it.
 */
export async function stageFromDisk(
  store: LocalStore,
  registration: Registration,
  signal: AbortSignal,
): Promise<StagedPath> {
  const { path, deriver, nar } = registration;
  const hasher = new NarHasher();
  const batch = store.blobs.batch({ forCheckout: true });
  try {
    await using builder = new TreeBuilder(batch, { signal });
    const buffer = (size: number) => builder.roomForData(size);
    for (const _ of walkTree(store.realPath(path), teeTree(hasher.sink, builder), { buffer })) await builder.drain();
    const root = await builder.finish();
    const narHash = hasher.finish();
    if (nar !== undefined && !(equalHashes(nar.hash, narHash) && nar.size === hasher.size)) {
      const [specified, got] = [nar.hash, narHash].map(hash => formatHash(hash, 'nix32', { prefix: true }));
      const printed = printStorePath(store.storeDir, path);
      const message = `hash mismatch registering path '${printed}';\n  specified: ${specified} (${nar.size} bytes)\n  got:       ${got} (${hasher.size} bytes)`;
      throw new StoreError('path/hash-mismatch', message);
    }
    const references = [...new Set(registration.references)].toSorted(compareStorePaths);
    const info: PathInfo = { path, narHash, narSize: hasher.size, references, deriver, signatures: [] };
    return { info, root, batch };
  } catch (error) {
    await batch[Symbol.asyncDispose]();
    throw error;
  }
}
