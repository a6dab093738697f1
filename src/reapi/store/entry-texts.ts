import { byteStringOf } from '../../base/index.ts';
import type { BlobStore, CallOptions } from '../../castore/index.ts';
import {
  type DerivationOutputId,
  type RealisedOutput,
  type StoreDir,
  type StorePath,
  formatOutputId,
  parseJson,
  realisedOutputFromJson,
} from '../../nix-compat/index.ts';
import type { RemoteActionCache } from '../client/remote-action-cache.ts';
import { ownDigestOf } from '../digests/own-digest.ts';
import { type EntryKey, entryKey } from './entry-key.ts';

/** Bytes of the largest realisation and the largest build log that are read. */
const maxRealisationSize = 1024 * 1024;
const maxBuildLogSize = 256 * 1024 * 1024;

/** The entries of a cache that are one text: realisations and build logs. */
export class EntryTexts {
  readonly #storeDir: StoreDir;
  readonly #blobs: BlobStore;
  readonly #results: RemoteActionCache;

  constructor(storeDir: StoreDir, blobs: BlobStore, results: RemoteActionCache) {
    this.#storeDir = storeDir;
    this.#blobs = blobs;
    this.#results = results;
  }

  async realisation(id: DerivationOutputId, options: CallOptions): Promise<RealisedOutput | undefined> {
    const key = entryKey('realisation', this.#storeDir, formatOutputId(id));
    const bytes = await this.#read(key, { ...options, limit: maxRealisationSize });
    return bytes === undefined ? undefined : realisedOutputFromJson(parseJson(byteStringOf(bytes)));
  }

  buildLog(path: StorePath, options: CallOptions): Promise<Uint8Array | undefined> {
    return this.#read(entryKey('build-log', this.#storeDir, path), { ...options, limit: maxBuildLogSize });
  }

  async #read(key: EntryKey, options: CallOptions & { readonly limit: number }): Promise<Uint8Array | undefined> {
    const result = await this.#results.get(key.action, { signal: options.signal });
    if (result === undefined) return undefined;
    return this.#blobs.get(ownDigestOf(result.stdoutDigest, 'stdout_digest'), options);
  }
}
