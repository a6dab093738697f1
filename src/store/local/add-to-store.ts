import { teeTree } from '../../base/index.ts';
import { TreeBuilder } from '../../castore/index.ts';
import {
  type ContentAddressMethod,
  type HashAlgorithm,
  type PathInfo,
  type StoreReferences,
  compareStorePaths,
  makeStorePathFromCA,
  noReferences,
} from '../../nix-compat/index.ts';
import { NarHasher, contentHasher, plainFileOnly } from '../content-hasher.ts';
import type { TreeSource } from '../store.ts';
import type { LocalStore } from './local-store.ts';

export interface AddOptions {
  readonly name: string;
  /** `nar` unless given. */
  readonly method?: ContentAddressMethod;
  /** `sha256` unless given. */
  readonly algorithm?: HashAlgorithm;
  readonly references?: StoreReferences;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Adds a tree under the store path that its content gives it, reading it once. Throws what the source, the name
 * (`store-path/bad-name`) and the method (`content/not-flat`, `content-address/…`) give cause for.
 */
export async function addToStore(store: LocalStore, source: TreeSource, options: AddOptions): Promise<PathInfo> {
  const { name, method = 'nar', algorithm = 'sha256', references = noReferences, signal } = options;
  await using batch = store.batch();
  await using builder = new TreeBuilder(batch, { signal });
  const nar = new NarHasher();
  const sameHash = method === 'nar' && algorithm === 'sha256';
  const content = sameHash ? undefined : contentHasher(method, algorithm);
  const all = content === undefined ? teeTree(nar.sink, builder) : teeTree(nar.sink, content.sink, builder);
  const flat = method === 'flat' || method === 'text';
  await source(flat ? plainFileOnly(all) : all, () => builder.drain());
  const root = await builder.finish();
  const narHash = nar.finish();
  const contentAddress = { method, hash: content?.finish() ?? narHash };
  const path = makeStorePathFromCA(store.storeDir, name, contentAddress, references);
  const info: PathInfo = {
    path,
    narHash,
    narSize: nar.size,
    references: [...references.others, ...(references.self ? [path] : [])].toSorted(compareStorePaths),
    signatures: [],
    contentAddress,
  };
  await store.register({ info, root }, batch, signal);
  return store.paths.require(path).info;
}
