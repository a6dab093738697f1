import { availableParallelism, tmpdir } from 'node:os';
import {
  type ByteString,
  type Reporter,
  Semaphore,
  byteStringFromText,
  bytesOf,
  forEachConcurrent,
} from '../../base/index.ts';
import { type CallOptions, makeFolder, realFileSystem } from '../../castore/index.ts';
import {
  type NarInfo,
  NixCompatError,
  type PathInfo,
  type Realisation,
  type Signature,
  type StorePath,
  equalHashes,
  formatHash,
  formatJson,
  formatListing,
  formatNarInfo,
  formatOutputId,
  printStorePath,
  realisationFileName,
  realisationToJson,
  sortSignatures,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { type OfferReceiver, type TakeOfferOptions, addInOrder } from '../add-in-order.ts';
import { StoreError } from '../error.ts';
import { signInfo } from '../secret-keys.ts';
import type { AddPathsOptions, AdditionFailure, PathAddition, PathOffer, PathWriter } from '../store.ts';
import type { CacheLookups } from './cache-lookups.ts';
import type { CacheParameters } from './cache-parameters.ts';
import type { CacheTransport } from './cache-transport.ts';
import { compressedSuffix } from './compression.ts';
import { debugInfoLinks } from './debug-info-links.ts';
import { type PackedNar, packNar } from './pack-nar.ts';

/**
 * Additions that run at a time unless told otherwise: most of them wait for a network, or for what they refer to. Over a
 * link of 100 ms 16 keep a third of the connections busy.
 */
const additionsAtOnce = 64;

export interface BinaryCacheWriterOptions {
  readonly lookups: CacheLookups;
  readonly transport: CacheTransport;
  readonly parameters: CacheParameters;
  readonly reporter: Reporter;
}

/**
 * Adds to a binary cache: NAR first, narinfo last, so that whoever finds a path finds all of it. Whether paths are
 * trusted is asked by those who take them from the cache, not here.
 */
export class BinaryCacheWriter implements PathWriter {
  readonly #lookups: CacheLookups;
  readonly #transport: CacheTransport;
  readonly #parameters: CacheParameters;
  readonly #reporter: Reporter;
  /** Compression takes a processor each, and xz 100 MB of memory. */
  readonly #packing = new Semaphore(availableParallelism());

  constructor(options: BinaryCacheWriterOptions) {
    this.#lookups = options.lookups;
    this.#transport = options.transport;
    this.#parameters = options.parameters;
    this.#reporter = options.reporter;
  }

  add(additions: readonly PathAddition[], options: AddPathsOptions = {}): Promise<AdditionFailure[]> {
    const receiver: OfferReceiver = {
      storeDir: this.#lookups.storeDir,
      reporter: this.#reporter,
      concurrency: additionsAtOnce,
      isValid: async (path, lookup) => (await this.#lookups.pathInfo(path, lookup)) !== undefined,
      take: (offer, taking) => this.#takeOffer(offer, taking),
      missingReference: (path, reference) => this.#missingReference(path, reference),
    };
    return addInOrder(receiver, additions, options);
  }

  async #takeOffer(offer: PathOffer, { referencesSettled, repair, signal }: TakeOfferOptions): Promise<void> {
    const { info, packed } = await this.#putNar(offer, { repair, signal });
    await referencesSettled();
    await this.#putListing(info, packed, signal);
    await this.#putDebugInfo(info, packed, signal);
    await this.#putNarInfo(info, signal);
  }

  /** The file has gone when this resolves: many may then wait for what they refer to. */
  async #putNar(offer: PathOffer, { repair, signal }: Pick<TakeOfferOptions, 'repair' | 'signal'>) {
    using packed = await this.#pack(offer, signal);
    this.#checkNar(offer.info, packed);
    const info = signInfo(this.#lookups.storeDir, this.#describe(offer.info, packed), this.#parameters.secretKeys);
    if (repair || !(await this.#transport.exists(info.url, { signal }))) {
      const content = { file: packed.file, size: packed.fileSize };
      await this.#transport.put(info.url, content, { mimeType: 'application/x-nix-nar', signal });
    }
    return { info, packed };
  }

  async #pack({ info, source }: PathOffer, signal: AbortSignal | undefined): Promise<PackedNar> {
    const { compression, compressionLevel, parallelCompression } = this.#parameters;
    using _turn = await this.#packing.acquire(signal);
    const started = performance.now();
    const folder = this.#transport.stagingFolder ?? tmpdir();
    makeFolder(realFileSystem, folder);
    const packed = await packNar(source, {
      method: compression,
      level: compressionLevel,
      parallel: parallelCompression,
      folder,
      signal,
    });
    this.#reporter.log('talkative', () => {
      const saved = ((1 - packed.fileSize / packed.narSize) * 100).toFixed(1);
      const took = Math.round(performance.now() - started);
      return `copying path '${this.#print(info.path)}' (${packed.narSize} bytes, compressed ${saved}% in ${took} ms) to binary cache`;
    });
    return packed;
  }

  #checkNar(info: PathInfo, { narHash, narSize }: PackedNar): void {
    const mismatch = (what: string, specified: string, got: string) => {
      const message = `${what} mismatch importing path '${this.#print(info.path)}';\n  specified: ${specified}\n  got:       ${got}`;
      return new StoreError('path/hash-mismatch', message);
    };
    if (!equalHashes(info.narHash, narHash)) {
      const show = (hash: typeof narHash) => formatHash(hash, 'nix32', { prefix: true });
      throw mismatch('hash', show(info.narHash), show(narHash));
    }
    if (info.narSize !== 0 && info.narSize !== narSize) throw mismatch('size', String(info.narSize), String(narSize));
  }

  #describe(info: PathInfo, { fileHash, fileSize, narSize }: PackedNar): NarInfo {
    const { compression } = this.#parameters;
    const name = formatHash(fileHash, 'nix32');
    return {
      path: info.path,
      url: byteStringFromText(`nar/${name}.nar${compressedSuffix(compression)}`),
      compression: byteStringFromText(compression),
      fileHash,
      fileSize,
      narHash: info.narHash,
      narSize,
      references: info.references,
      deriver: info.deriver,
      signatures: info.signatures,
      contentAddress: info.contentAddress,
    };
  }

  async #putListing(info: NarInfo, { listing }: PackedNar, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#parameters.writesNarListing) return;
    let text: ByteString;
    try {
      text = formatListing(listing);
    } catch (error) {
      if (!(error instanceof NixCompatError)) throw error;
      this.#reporter.warn(`'${this.#print(info.path)}' gets no listing: ${error.message}`);
      return;
    }
    await this.#putJson(`${storePathHashPart(info.path)}.ls`, text, signal);
  }

  async #putDebugInfo(info: NarInfo, { listing }: PackedNar, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#parameters.indexesDebugInfo) return;
    const links = debugInfoLinks(listing, info.url);
    await forEachConcurrent(links, { limit: additionsAtOnce, signal }, async ({ path, contents }, stop) => {
      if (await this.#transport.exists(path, { signal: stop })) return;
      this.#reporter.log('talkative', `creating debuginfo link from '${path}' to '../${info.url}'`);
      await this.#putJson(path, contents, stop);
    });
  }

  async #putNarInfo(info: NarInfo, signal: AbortSignal | undefined): Promise<void> {
    const bytes = formatNarInfo(this.#lookups.storeDir, info);
    const name = `${storePathHashPart(info.path)}.narinfo`;
    await this.#transport.put(name, { bytes }, { mimeType: 'text/x-nix-narinfo', signal });
    this.#lookups.rememberInfo(info);
  }

  #putJson(path: string, text: ByteString, signal: AbortSignal | undefined): Promise<void> {
    return this.#transport.put(path, { bytes: bytesOf(text) }, { mimeType: 'application/json', signal });
  }

  /** Others that do so at the same time may undo it: a binary cache has no locks. */
  async addSignatures(path: StorePath, signatures: readonly Signature[], options: CallOptions = {}): Promise<void> {
    const info = await this.#lookups.requireInfo(path, options);
    const all = sortSignatures([...info.signatures, ...signatures]);
    await this.#putNarInfo({ ...info, signatures: all }, options.signal);
  }

  async addRealisation(realisation: Realisation, options: CallOptions = {}): Promise<void> {
    const { id, path } = realisation;
    const known = await this.#lookups.realisation(id, options);
    if (known !== undefined && known.path !== path) {
      const message = `cannot register '${path}' as '${formatOutputId(id)}' in '${this.#lookups.uri}', which has '${known.path}' as that`;
      throw new StoreError('realisation/conflict', message);
    }
    const signatures = sortSignatures([...(known?.signatures ?? []), ...realisation.signatures]);
    const text = formatJson(realisationToJson({ id, path, signatures }));
    await this.#putJson(realisationFileName(id), text, options.signal);
    this.#lookups.rememberRealisation(id, { path, signatures });
  }

  addBuildLog(path: StorePath, log: Uint8Array, options: CallOptions = {}): Promise<void> {
    const { signal } = options;
    return this.#transport.put(`log/${path}`, { bytes: log }, { mimeType: 'text/plain; charset=utf-8', signal });
  }

  #missingReference(path: StorePath, reference: StorePath): StoreError {
    const message = `cannot add '${this.#print(path)}' to the binary cache because the reference '${this.#print(reference)}' is not valid`;
    return new StoreError('path/missing-reference', message);
  }

  #print(path: StorePath): string {
    return printStorePath(this.#lookups.storeDir, path);
  }
}
