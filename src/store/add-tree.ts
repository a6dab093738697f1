import type { PathInfo, StoreDir } from '../nix-compat/index.ts';
import { plainFileOnly } from './content-hasher.ts';
import { type AddOptions, addToStore, hashTree, isFlat } from './local/add-to-store.ts';
import { LocalStore } from './local/local-store.ts';
import { WorkerStore } from './daemon/worker-store.ts';
import { type Store, type TreeSource, requireFacet } from './store.ts';

/**
 * What is known of a tree under the store path that its content gives it, without adding it anywhere. Throws what the
 * source, the name (`store-path/bad-name`) and the method (`content/not-flat`, `content-address/…`) give cause for.
 */
export async function describeTree(storeDir: StoreDir, source: TreeSource, options: AddOptions): Promise<PathInfo> {
  const { sink, finish } = hashTree({ storeDir }, options);
  await asNamed(source, options)(sink, () => Promise.resolve(), options.signal);
  return finish();
}

/** What of a tree goes to the store: of one that only its contents name, not whether it is executable. */
function asNamed(source: TreeSource, options: AddOptions): TreeSource {
  return isFlat(options) ? (sink, drain, signal) => source(plainFileOnly(sink), drain, signal) : source;
}

/**
 * Adds a tree to any store under the store path that its content gives it. It is read once for a local store, twice for
 * others, which have to know the path first. Throws as `describeTree` and `PathWriter.add`.
 */
export async function addTree(store: Store, source: TreeSource, options: AddOptions): Promise<PathInfo> {
  if (store instanceof LocalStore) return addToStore(store, source, options);
  // A builder may not ask what is there already.
  if (store instanceof WorkerStore && (await store.servesBuilder(options))) return store.addContents(source, options);
  const writer = requireFacet(store, 'writer', 'addToStore');
  const info = await describeTree(store.storeDir, source, options);
  const { signal, repair = false } = options;
  const offer = { info, source: asNamed(source, options), from: store.uri, isTrusted: true };
  await writer.add([{ path: info.path, offers: [offer] }], { signal, repair, checkSignatures: false });
  return info;
}
