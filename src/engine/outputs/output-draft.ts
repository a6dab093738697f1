import { unreachable } from '../../base/index.ts';
import { checkoutTree, removeTree } from '../../castore/index.ts';
import {
  type ContentAddress,
  type ContentAddressKind,
  type DerivationOutput,
  type OutputName,
  type PathInfo,
  type StorePath,
  type StoreReferences,
  compareStorePaths,
  equalHashes,
  fingerprintPathInfo,
  makeStorePathFromCA,
  outputPathName,
  sortSignatures,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { type LocalStore, type StagedPath, type StagedTree, TreeStaging } from '../../store/index.ts';
import type { FinishedBuild, LeftOutput } from './finished-build.ts';
import { type OutputReading, type ReadOutputOptions, type Rewrites, noRewrites, readOutput } from './read-output.ts';
import { rejecting, rejection, shownFile, shownPath } from './rejection.ts';
import { type BuildUsers, ownershipCheck, requireOutput, requirePlainFile } from './require-output.ts';

/** What the outputs of one build have in common. */
export interface DraftContext {
  readonly store: LocalStore;
  readonly finished: FinishedBuild;
  readonly users: BuildUsers | undefined;
  readonly signal: AbortSignal;
  /** What outputs may refer to, by hash part. */
  readonly candidates: ReadonlyMap<string, StorePath>;
}

/** Which store paths the builder's names for outputs turned out to be. */
export type FinalPaths = ReadonlyMap<StorePath, StorePath>;

interface Pass extends Pick<ReadOutputOptions, 'rewrites' | 'address' | 'sparesNarHash'> {
  /** Whether the tree is written to the castore; unless given only where it is to become valid. */
  readonly writes?: boolean;
}

/** An output on its way from what a builder left to what can become valid. */
export class OutputDraft implements AsyncDisposable {
  readonly name: OutputName;
  readonly #context: DraftContext;
  readonly #left: LeftOutput;
  readonly #output: DerivationOutput;
  #reading: OutputReading | undefined;
  #rewrites = noRewrites;
  /** Not in mode `check`, where nothing is written that is as it was. */
  #tree: StagedTree | undefined;

  constructor(context: DraftContext, name: OutputName, left: LeftOutput) {
    const output = context.finished.derivation.outputs.get(name);
    if (output === undefined) throw new TypeError(`the derivation has no output '${name}'`);
    this.name = name;
    this.#context = context;
    this.#left = left;
    this.#output = output;
  }

  /** Looks at it for the first time. Throws `BuildError` for what cannot be an output. */
  async read(): Promise<void> {
    const { store, finished, users } = this.#context;
    const { at } = this.#left;
    const stats = requireOutput({ at, output: this.name, users, shown: shownPath(store.storeDir, finished.path) });
    const kind = addressKind(this.#output);
    if (kind?.method === 'flat' || kind?.method === 'text') requirePlainFile(at, stats);
    await this.#pass({ address: this.#addressBy(this.#left.scratch), sparesNarHash: true });
  }

  /** Under the builder's names; none where the derivation wants them not to be looked for. */
  get references(): StorePath[] {
    const { finished, candidates } = this.#context;
    if (finished.options.unsafeDiscardReferences.get(this.name) === true) return [];
    return Array.from(this.#read.found, hashPart => candidates.get(hashPart) ?? []).flat();
  }

  /**
   * What it becomes, now that it is known what became of the outputs that it refers to: their names in it are replaced,
   * and its own, which takes up to two more passes. Throws `BuildError`.
   */
  async settle(finals: FinalPaths): Promise<PathInfo> {
    const { scratch } = this.#left;
    const { found } = this.#read;
    const others = new Map<string, string>();
    for (const [from, to] of finals) {
      const part = storePathHashPart(from);
      if (from !== to && from !== scratch && found.has(part)) others.set(part, storePathHashPart(to));
    }
    const references = this.#storeReferences(finals);
    const address = await this.#contentAddress(others);
    const path = address === undefined ? this.#knownPath() : await this.#pathOf(address, references);
    const own = storePathHashPart(scratch);
    const rewrites = new Map(others);
    if (path !== scratch && found.has(own)) rewrites.set(own, storePathHashPart(path));
    if (rewrites.size > this.#rewrites.size || this.#read.narHash === undefined)
      await this.#pass({ rewrites, address: this.#addressBy(path) });
    const { contentHash } = this.#read;
    // Somebody who outlived the builder may have written to it between two passes.
    if (address !== undefined && (contentHash === undefined || !equalHashes(contentHash, address.hash)))
      throw this.#changed();
    return this.#describe(path, references, address);
  }

  #knownPath(): StorePath {
    if (this.#output.kind === 'input-addressed') return this.#output.path;
    throw new TypeError(`the output '${this.name}' is ${this.#output.kind}: resolve the derivation first`);
  }

  async #contentAddress(others: Rewrites): Promise<ContentAddress | undefined> {
    const kind = addressKind(this.#output);
    if (kind === undefined) return undefined;
    if (others.size > 0) {
      await this.#pass({ rewrites: others, address: this.#addressBy(this.#left.scratch), sparesNarHash: true });
    }
    const { contentHash } = this.#read;
    return contentHash === undefined ? undefined : { method: kind.method, hash: contentHash };
  }

  #pathOf(address: ContentAddress, references: StoreReferences): Promise<StorePath> {
    const { store, finished } = this.#context;
    const name = outputPathName(finished.derivation.name, this.name);
    return rejecting(() => makeStorePathFromCA(store.storeDir, name, address, references));
  }

  #storeReferences(finals: FinalPaths): StoreReferences {
    const { scratch } = this.#left;
    const all = this.references;
    const others = all.filter(path => path !== scratch).map(path => finals.get(path) ?? path);
    return { others, self: all.includes(scratch) };
  }

  #describe(path: StorePath, { others, self }: StoreReferences, contentAddress: ContentAddress | undefined): PathInfo {
    const { store, finished } = this.#context;
    const { narHash, narSize } = this.#read;
    if (narHash === undefined) throw new TypeError('the last pass has no NAR hash');
    const references = [...new Set([...others, ...(self ? [path] : [])])].toSorted(compareStorePaths);
    const known = { path, narHash, narSize, references, deriver: finished.path, ultimate: true, contentAddress };
    return { ...known, signatures: sortSignatures(store.sign(fingerprintPathInfo(store.storeDir, known))) };
  }

  /** What can be committed as `info`, which `settle` returned; the draft's until then. */
  stage(info: PathInfo): StagedPath {
    if (this.#tree === undefined) throw new TypeError('nothing was written of this output');
    return { info, ...this.#tree };
  }

  /** Writes it, as `settle` left it, to `path`, in place of what is there. */
  async checkOut(path: string): Promise<void> {
    const { store, signal } = this.#context;
    await this.#pass({ rewrites: this.#rewrites, address: undefined, writes: true });
    if (this.#tree === undefined) return;
    await this.#tree.batch.commit({ signal });
    removeTree(path);
    await checkoutTree(store.blobs, this.#tree.root, path, { signal });
  }

  get #read(): OutputReading {
    if (this.#reading === undefined) throw new TypeError('the output was not read');
    return this.#reading;
  }

  #addressBy(path: StorePath): ReadOutputOptions['address'] {
    const kind = addressKind(this.#output);
    return kind === undefined ? undefined : { ...kind, hashPart: storePathHashPart(path) };
  }

  async #pass({ rewrites = noRewrites, address, sparesNarHash = false, writes }: Pass): Promise<void> {
    const { store, finished, users, signal, candidates } = this.#context;
    const options = {
      signal,
      scanFor: candidates.keys(),
      rewrites,
      address,
      sparesNarHash,
      ...(users === undefined ? {} : { inspect: ownershipCheck(users) }),
    };
    const before = this.#reading;
    await this[Symbol.asyncDispose]();
    this.#reading = await rejecting(() => {
      return (writes ?? finished.mode !== 'check') ? this.#write(store, options) : readOutput(this.#left.at, options);
    });
    this.#rewrites = rewrites;
    if (before !== undefined && !isEqualSet(before.found, this.#reading.found)) throw this.#changed();
  }

  async #write(store: LocalStore, options: ReadOutputOptions): Promise<OutputReading> {
    const { signal } = options;
    // What is only compared is written beside the valid path, from the castore.
    const { mode } = this.#context.finished;
    await using staging = await TreeStaging.begin(store, {
      signal,
      renew: mode === 'repair',
      blobsOnly: mode === 'check',
      atOnce: true,
    });
    const reading = await readOutput(this.#left.at, { ...options, receiver: staging.receiver });
    this.#tree = await staging.finish();
    return reading;
  }

  #changed(): Error {
    return rejection(`output ${shownFile(this.#left.at)} was changed after its builder had ended`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const tree = this.#tree;
    this.#tree = undefined;
    await tree?.batch[Symbol.asyncDispose]();
  }
}

/** How the output's contents are hashed for its path; undefined where they are not. */
function addressKind(output: DerivationOutput): ContentAddressKind | undefined {
  switch (output.kind) {
    case 'fixed':
      return { method: output.address.method, algorithm: output.address.hash.algorithm };
    case 'floating':
    case 'impure':
      return { method: output.method, algorithm: output.algorithm };
    case 'input-addressed':
    case 'deferred':
      return undefined;
    default:
      return unreachable(output);
  }
}

function isEqualSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && a.isSubsetOf(b);
}
