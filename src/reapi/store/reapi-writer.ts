import { create } from '@bufbuild/protobuf';
import { type ByteString, type Reporter, brandAs, byteStringFromText, bytesOf } from '../../base/index.ts';
import { type CallOptions, type Node, TreeBuilder, checkUtf8Names } from '../../castore/index.ts';
import {
  type NarInfo,
  type PathInfo,
  type Realisation,
  type SecretKey,
  type Signature,
  type StoreDir,
  type StorePath,
  formatHash,
  formatJson,
  formatNarInfo,
  formatOutputId,
  printStorePath,
  realisationToJson,
  sortSignatures,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import {
  type AddPathsOptions,
  type AdditionFailure,
  type OfferReceiver,
  type PathAddition,
  type PathOffer,
  type PathWriter,
  StoreError,
  type TakeOfferOptions,
  addInOrder,
  receiveOffer,
  signInfo,
} from '../../store/index.ts';
import { ActionResultSchema } from '../../proto/index.ts';
import type { ReapiServer } from '../client/reapi-server.ts';
import type { RemoteActionCache } from '../client/remote-action-cache.ts';
import type { RemoteBatch } from '../client/remote-batch.ts';
import type { RemoteBlobStore } from '../client/remote-blob-store.ts';
import { messageOfOwnDigest } from '../digests/own-digest.ts';
import { ReapiError } from '../error.ts';
import { type EntryKey, entryKey } from './entry-key.ts';
import type { EntryTexts } from './entry-texts.ts';
import { explainFailure } from './explain-failure.ts';
import type { PathEntries } from './path-entries.ts';
import { type PathEntry, formatPathEntry } from './path-entry.ts';
import { encodeTree, gatherDirectories, maxTreeSize } from './tree-message.ts';

export interface ReapiWriterOptions {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly server: ReapiServer;
  readonly blobs: RemoteBlobStore;
  readonly results: RemoteActionCache;
  readonly paths: PathEntries;
  readonly texts: EntryTexts;
  readonly secretKeys: readonly SecretKey[];
  readonly reporter: Reporter;
}

/** Paths that are added at a time; each takes up to 8 MiB of memory. */
const additionsAtOnce = 8;

/** Of a receiver that is no judge of signatures: those who take paths from the cache are. */
const noPolicy = { requireSignatures: false, trustedKeys: new Map() };

/** Adds to a cache: blobs first, the result that names them last, so that whoever finds a path finds all of it. */
export class ReapiWriter implements PathWriter {
  readonly #options: ReapiWriterOptions;

  constructor(options: ReapiWriterOptions) {
    this.#options = options;
  }

  add(additions: readonly PathAddition[], options: AddPathsOptions = {}): Promise<AdditionFailure[]> {
    return explainFailure(this.#options.uri, () => this.#add(additions, options));
  }

  async #add(additions: readonly PathAddition[], options: AddPathsOptions): Promise<AdditionFailure[]> {
    const { storeDir, reporter, paths, server, uri } = this.#options;
    const receiver: OfferReceiver = {
      storeDir,
      reporter,
      concurrency: additionsAtOnce,
      isValid: async (path, lookup) => (await paths.find(path, lookup)) !== undefined,
      take: (offer, taking) => this.#take(offer, taking),
      missingReference: (path, reference) => this.#missingReference(path, reference),
    };
    options.signal?.throwIfAborted();
    if (additions.length > 0 && !(await server.traits(options)).updatesActionCache) {
      throw new ReapiError('server/incapable', `'${uri}' takes no results of actions, so that nothing can be added`);
    }
    return addInOrder(receiver, additions, options);
  }

  async #take(offer: PathOffer, { referencesSettled, signal }: TakeOfferOptions): Promise<void> {
    const { storeDir, blobs, results, paths, secretKeys } = this.#options;
    await using batch = blobs.batch();
    await using builder = new TreeBuilder(batch, { signal });
    const received = await receiveOffer({ storeDir, ...noPolicy }, offer, { receiver: builder, signal });
    const root = await this.#describeRoot(received.path, await builder.finish(), batch);
    const info = signInfo(storeDir, received, secretKeys);
    const narInfo = await batch.put(formatNarInfo(storeDir, narInfoOf(info)));
    const key = entryKey('path', storeDir, storePathHashPart(info.path));
    for (const message of key.messages) await batch.put(message);
    await batch.commit({ signal });
    await referencesSettled();
    const entry = { narInfo, root };
    await results.update(key.action, formatPathEntry(entry), { signal });
    paths.remember({ info, entry });
  }

  /** Adds the `Tree` message of a directory to the batch. Throws what REAPI cannot say: `directory/not-utf8`. */
  async #describeRoot(path: StorePath, root: Node, batch: RemoteBatch): Promise<PathEntry['root']> {
    const name = byteStringFromText(path);
    if (root.kind !== 'directory') {
      checkUtf8Names({ entries: [{ name, node: root }] }, '');
      return root;
    }
    const directories = await gatherDirectories(
      root.digest,
      digest => batch.read(digest),
      (directory, place) => checkUtf8Names(directory, place === '' ? path : `${path}/${place}`),
    );
    const tree = encodeTree(directories);
    if (tree.byteLength > maxTreeSize) {
      const message = `the directories of '${path}' are ${tree.byteLength} bytes, of which a cache takes ${maxTreeSize}`;
      throw new ReapiError('server/incapable', message);
    }
    return { kind: 'directory', digest: root.digest, tree: await batch.put(tree) };
  }

  /** Others that do so at the same time may undo it: a cache has no locks. */
  addSignatures(path: StorePath, signatures: readonly Signature[], options: CallOptions = {}): Promise<void> {
    return explainFailure(this.#options.uri, () => this.#addSignatures(path, signatures, options));
  }

  async #addSignatures(path: StorePath, signatures: readonly Signature[], options: CallOptions): Promise<void> {
    const { storeDir, blobs, results, paths } = this.#options;
    const { info, entry } = await paths.require(path, options);
    const signed = { ...info, signatures: sortSignatures([...info.signatures, ...signatures]) };
    await using batch = blobs.batch();
    const narInfo = await batch.put(formatNarInfo(storeDir, narInfoOf(signed)));
    await batch.commit(options);
    const changed = { ...entry, narInfo };
    await results.update(entryKey('path', storeDir, storePathHashPart(path)).action, formatPathEntry(changed), options);
    paths.remember({ info: signed, entry: changed });
  }

  addRealisation(realisation: Realisation, options: CallOptions = {}): Promise<void> {
    return explainFailure(this.#options.uri, () => this.#addRealisation(realisation, options));
  }

  async #addRealisation(realisation: Realisation, options: CallOptions): Promise<void> {
    const { storeDir, texts, uri } = this.#options;
    const { id, path } = realisation;
    const known = await texts.realisation(id, options);
    if (known !== undefined && known.path !== path) {
      const message = `cannot register '${path}' as '${formatOutputId(id)}' in '${uri}', which has '${known.path}' as that`;
      throw new StoreError('realisation/conflict', message);
    }
    const signatures = sortSignatures([...(known?.signatures ?? []), ...realisation.signatures]);
    const text = bytesOf(formatJson(realisationToJson({ id, path, signatures })));
    await this.#putText(entryKey('realisation', storeDir, formatOutputId(id)), text, options);
  }

  addBuildLog(path: StorePath, log: Uint8Array, options: CallOptions = {}): Promise<void> {
    const { storeDir, uri } = this.#options;
    return explainFailure(uri, () => this.#putText(entryKey('build-log', storeDir, path), log, options));
  }

  async #putText(key: EntryKey, text: Uint8Array, options: CallOptions): Promise<void> {
    const { blobs, results } = this.#options;
    await using batch = blobs.batch();
    const digest = await batch.put(text);
    for (const message of key.messages) await batch.put(message);
    await batch.commit(options);
    await results.update(key.action, create(ActionResultSchema, { stdoutDigest: messageOfOwnDigest(digest) }), options);
  }

  #missingReference(path: StorePath, reference: StorePath): StoreError {
    const [printed, missing] = [path, reference].map(each => printStorePath(this.#options.storeDir, each));
    const message = `cannot add '${printed}' to '${this.#options.uri}' because the reference '${missing}' is not valid`;
    return new StoreError('path/missing-reference', message);
  }
}

/** A narinfo names a NAR, which no cache has: whoever reads the entry makes it of the tree. */
function narInfoOf(info: PathInfo): NarInfo {
  return {
    ...info,
    url: byteStringFromText(`nar/${formatHash(info.narHash, 'nix32')}.nar`),
    compression: brandAs<ByteString>('none'),
    fileHash: info.narHash,
    fileSize: info.narSize,
  };
}
