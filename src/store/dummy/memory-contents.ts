import { type CallOptions, MemoryBlobStore, type Node, TreeBuilder, streamTree } from '../../castore/index.ts';
import {
  type DerivationOutputId,
  type PathInfo,
  type Realisation,
  type RealisedOutput,
  type Signature,
  type StorePath,
  compareStorePaths,
  formatOutputId,
  printStorePath,
  sortSignatures,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import type { TreeSink } from '../../base/index.ts';
import { topologicalOrder } from '../closure/topological-order.ts';
import { StoreError } from '../error.ts';
import { BlobTree } from '../local/blob-tree.ts';
import { type OfferTaker, receiveOffer, requireTrust } from '../receive-offer.ts';
import type {
  AddPathsOptions,
  AdditionFailure,
  PathAddition,
  PathIndex,
  PathOffer,
  PathWriter,
  StreamPathOptions,
  TreeAccess,
} from '../store.ts';
import type { ValidPath } from '../valid-path.ts';

/** What a store has that ends with the process: everything in memory, which nothing bounds. */
export class MemoryContents implements PathWriter, PathIndex {
  readonly #taker: OfferTaker;
  readonly #blobs = new MemoryBlobStore();
  readonly #paths = new Map<StorePath, ValidPath>();
  readonly #byHashPart = new Map<string, StorePath>();
  readonly #realisations = new Map<string, Realisation>();
  readonly #logs = new Map<StorePath, Uint8Array>();

  constructor(taker: OfferTaker) {
    this.#taker = taker;
  }

  pathInfo(path: StorePath): PathInfo | undefined {
    return this.#paths.get(path)?.info;
  }

  pathFromHashPart(hashPart: string): StorePath | undefined {
    return this.#byHashPart.get(hashPart);
  }

  validPaths(paths: Iterable<StorePath>): Set<StorePath> {
    return new Set([...paths].filter(path => this.#paths.has(path)));
  }

  realisation(id: DerivationOutputId): RealisedOutput | undefined {
    const known = this.#realisations.get(formatOutputId(id));
    return known === undefined ? undefined : { path: known.path, signatures: known.signatures };
  }

  buildLog(path: StorePath): Uint8Array | undefined {
    return this.#logs.get(path);
  }

  /** Throws `path/invalid`. */
  async streamPath(path: StorePath, sink: TreeSink, options: StreamPathOptions = {}): Promise<void> {
    await streamTree(this.#blobs, this.#require(path).root, sink, options);
  }

  /** Throws `path/invalid`. */
  openTree(path: StorePath): TreeAccess {
    return new BlobTree(this.#blobs, this.#require(path).root, printStorePath(this.#taker.storeDir, path));
  }

  allPaths(): Promise<StorePath[]> {
    return Promise.resolve([...this.#paths.keys()].toSorted(compareStorePaths));
  }

  async referrers(path: StorePath): Promise<StorePath[]> {
    const all = await this.allPaths();
    return all.filter(other => this.pathInfo(other)?.references.includes(path) === true);
  }

  /** Their outputs are not noted. */
  validDerivers(): Promise<StorePath[]> {
    return Promise.resolve([]);
  }

  async add(additions: readonly PathAddition[], options: AddPathsOptions = {}): Promise<AdditionFailure[]> {
    const {
      signal = new AbortController().signal,
      checkSignatures = true,
      repair = false,
      keepGoing = false,
    } = options;
    const byPath = new Map(additions.map(addition => [addition.path, addition]));
    const order = topologicalOrder(this.#taker.storeDir, byPath.keys(), path => {
      return byPath.get(path)?.offers[0].info.references ?? [];
    });
    const failures: AdditionFailure[] = [];
    for (const path of order) {
      signal.throwIfAborted();
      const addition = byPath.get(path);
      if (addition === undefined || (this.#paths.has(path) && !repair)) continue;
      try {
        await this.#addFirst(addition.offers, { signal, checkSignatures });
      } catch (error) {
        signal.throwIfAborted();
        if (!keepGoing || !(error instanceof Error)) throw error;
        failures.push({ path, error });
        continue;
      }
      options.added?.(path);
    }
    return failures;
  }

  async #addFirst(offers: readonly PathOffer[], options: TakeOptions): Promise<void> {
    for (const [at, offer] of offers.entries()) {
      try {
        return await this.#take(offer, options);
      } catch (error) {
        if (at === offers.length - 1) throw error;
      }
    }
  }

  async #take(offer: PathOffer, { signal, checkSignatures }: TakeOptions): Promise<void> {
    const { path, references } = offer.info;
    if (checkSignatures && !offer.isTrusted) requireTrust(this.#taker, offer.info);
    const missing = references.find(reference => reference !== path && !this.#paths.has(reference));
    if (missing !== undefined) {
      const [printed, absent] = [path, missing].map(each => printStorePath(this.#taker.storeDir, each));
      const message = `cannot add path '${printed}' because its reference, path '${absent}' is not valid`;
      throw new StoreError('path/missing-reference', message);
    }
    await using batch = this.#blobs.batch();
    await using receiver = new TreeBuilder(batch, { signal });
    const info = await receiveOffer(this.#taker, offer, { receiver, signal });
    const root: Node = await receiver.finish();
    await batch.commit({ signal });
    this.#paths.set(path, { info, root });
    this.#byHashPart.set(storePathHashPart(path), path);
  }

  async addSignatures(path: StorePath, signatures: readonly Signature[], { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const { info, root } = this.#require(path);
    this.#paths.set(path, { info: { ...info, signatures: sortSignatures([...info.signatures, ...signatures]) }, root });
  }

  async addRealisation(realisation: Realisation, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#require(realisation.path);
    const id = formatOutputId(realisation.id);
    const known = this.#realisations.get(id);
    if (known !== undefined && known.path !== realisation.path) {
      const [local, remote] = [known.path, realisation.path].map(each => printStorePath(this.#taker.storeDir, each));
      throw new StoreError(
        'realisation/conflict',
        `Trying to register a realisation of '${id}', but we already have another one locally.\n` +
          `Local:  ${local}\nRemote: ${remote}`,
      );
    }
    const signatures = sortSignatures([...(known?.signatures ?? []), ...realisation.signatures]);
    this.#realisations.set(id, { ...realisation, signatures });
  }

  addBuildLog(path: StorePath, log: Uint8Array): Promise<void> {
    if (!this.#logs.has(path)) this.#logs.set(path, Uint8Array.from(log));
    return Promise.resolve();
  }

  #require(path: StorePath): ValidPath {
    const valid = this.#paths.get(path);
    if (valid !== undefined) return valid;
    throw new StoreError('path/invalid', `path '${printStorePath(this.#taker.storeDir, path)}' is not valid`);
  }
}

interface TakeOptions {
  readonly signal: AbortSignal;
  readonly checkSignatures: boolean;
}
