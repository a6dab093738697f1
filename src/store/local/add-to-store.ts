import { teeTree } from '../../base/index.ts';
import { type Node, lockAgainstCollection, streamTree } from '../../castore/index.ts';
import {
  type ContentAddressMethod,
  type HashAlgorithm,
  NarWriter,
  type PathInfo,
  ReferenceScanner,
  type StorePath,
  type StoreReferences,
  compareStorePaths,
  makeStorePathFromCA,
  noReferences,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { NarHasher, contentHasher, plainFileOnly } from '../content-hasher.ts';
import type { TreeSource } from '../store.ts';
import { commitStaged } from './commit-staged.ts';
import type { LocalStore } from './local-store.ts';
import type { StagedPath } from './staged-path.ts';
import { TreeStaging } from './tree-staging.ts';

export interface AddOptions {
  readonly name: string;
  /** `nar` unless given. */
  readonly method?: ContentAddressMethod;
  /** `sha256` unless given. */
  readonly algorithm?: HashAlgorithm;
  readonly references?: StoreReferences;
  /** In place of `references`: the tree refers to those whose hash parts are found in its NAR. */
  readonly candidates?: Iterable<StorePath>;
  /** Whether a path that is valid already gets its contents anew. */
  readonly repair?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Adds a tree under the store path that its content gives it, reading it once, and keeps that until the process ends.
 * Throws what the source, the name (`store-path/bad-name`) and the method (`content/not-flat`, `content-address/…`) give
 * cause for, and `path/missing-reference`.
 */
export async function addToStore(store: LocalStore, source: TreeSource, options: AddOptions): Promise<PathInfo> {
  if (store.readOnly) return requirePresent(store, source, options);
  const { signal = new AbortController().signal, references = noReferences } = options;
  await store.temporaryRoots.add(references.others, signal);
  // Before the batch: a collection waits for batches to end.
  await store.makeRoom();
  const { repair = false } = options;
  await using staging = await TreeStaging.begin(store, { renew: repair, atOnce: true, signal });
  const { sink, finish } = hashTree(store, options);
  const all = teeTree(sink, staging.receiver);
  await source(isFlat(options) ? plainFileOnly(all) : all, () => staging.receiver.drain(), signal);
  const info = finish();
  if (options.candidates !== undefined) await store.temporaryRoots.add(info.references, signal);
  const tree = await staging.finish();
  await using _batch = tree.batch;
  await commit(store, { info, ...tree }, { signal, repair });
  return store.paths.require(info.path).info;
}

/**
 * As `addToStore`, of a tree that is in the castore already, as what an action has left: nothing of it is written again,
 * and its checkout is links. Throws `blob/missing`.
 */
export async function addNode(store: LocalStore, root: Node, options: AddOptions): Promise<PathInfo> {
  store.requireWritable();
  const { signal = new AbortController().signal, references = noReferences } = options;
  await store.temporaryRoots.add(references.others, signal);
  await store.makeRoom();
  // Until the path is registered no collection takes what it is made of.
  using _lock = await lockAgainstCollection(store.blobs.folder, 'shared', signal);
  const { sink, finish } = hashTree(store, options);
  await streamTree(store.blobs, root, isFlat(options) ? plainFileOnly(sink) : sink, { signal, reader: store.blobs });
  const info = finish();
  await using batch = store.blobs.batch();
  await commit(store, { info, root, batch }, { signal, repair: false });
  return store.paths.require(info.path).info;
}

async function commit(
  store: LocalStore,
  staged: StagedPath,
  { signal, repair }: { readonly signal: AbortSignal; readonly repair: boolean },
): Promise<void> {
  const { path } = staged.info;
  const valid = await store.writer.keep([path], { signal });
  if (!repair && valid.has(path)) return;
  await commitStaged(store, new Map([[path, staged]]), { repair, signal });
}

/** What can be done without writing: looking whether the path is there. Throws `store/read-only` if it is not. */
async function requirePresent(store: LocalStore, source: TreeSource, options: AddOptions): Promise<PathInfo> {
  const { sink, finish } = hashTree(store, options);
  await source(isFlat(options) ? plainFileOnly(sink) : sink, async () => {}, options.signal);
  const { path } = finish();
  await store.inherit([path], options);
  const valid = store.paths.find(path);
  if (valid === undefined) store.requireWritable();
  return valid?.info ?? store.paths.require(path).info;
}

/** Whether only plain files can be added by that method. */
export function isFlat({ method }: AddOptions): boolean {
  return method === 'flat' || method === 'text';
}

/** Computes, while its events pass, what is known of a tree under its content's name. */
export function hashTree({ storeDir }: Pick<LocalStore, 'storeDir'>, options: AddOptions) {
  const { name, method = 'nar', algorithm = 'sha256', candidates } = options;
  const nar = new NarHasher();
  const content = method === 'nar' && algorithm === 'sha256' ? undefined : contentHasher({ method, algorithm });
  const found = candidates === undefined ? undefined : new FoundReferences(candidates);
  const finish = (): PathInfo => {
    const narHash = nar.finish();
    const contentAddress = { method, hash: content?.finish() ?? narHash };
    const references = found?.references ?? options.references ?? noReferences;
    const path = makeStorePathFromCA(storeDir, name, contentAddress, references);
    const all = [...references.others, ...(references.self ? [path] : [])].toSorted(compareStorePaths);
    return { path, narHash, narSize: nar.size, references: all, signatures: [], contentAddress };
  };
  const sinks = [nar.sink, content?.sink, found?.sink].filter(sink => sink !== undefined);
  return { sink: sinks.length === 1 ? nar.sink : teeTree(...sinks), finish };
}

/** What of some paths a tree refers to. */
class FoundReferences {
  readonly sink: NarWriter;
  readonly #paths: ReadonlyMap<string, StorePath>;
  readonly #scanner: ReferenceScanner;

  constructor(candidates: Iterable<StorePath>) {
    this.#paths = new Map(Array.from(candidates, path => [storePathHashPart(path), path]));
    this.#scanner = new ReferenceScanner(this.#paths.keys());
    this.sink = new NarWriter(chunk => this.#scanner.update(chunk));
  }

  get references(): StoreReferences {
    const others = [...this.#scanner.found].flatMap(hashPart => this.#paths.get(hashPart) ?? []);
    return { others: others.toSorted(compareStorePaths), self: false };
  }
}
