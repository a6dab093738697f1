import type { CallOptions } from '../blob-store.ts';
import type { Digest } from '../digest.ts';
import type { DigestFunction, ForeignDigest } from './foreign-digest.ts';

/** That both digests name the same bytes. Made by `putForeign` and `aliasBlob` alone, who have hashed the bytes under both. */
export interface BlobAlias {
  readonly foreign: ForeignDigest;
  readonly digest: Digest;
}

/**
 * What blobs are called elsewhere. Digests of `sha256`, which stand for themselves, and of the empty blob are known without
 * a record (`impliedDigest`). What an alias says stays true for ever, so a first record is never replaced; the blob may be
 * gone all the same.
 */
export interface BlobAliases {
  /** For each of `foreign`, in their order, the blob that it names, if that is known; of `sizeless` functions it has its own size. */
  find(foreign: readonly ForeignDigest[], options?: CallOptions): Promise<(Digest | undefined)[]>;

  /** As `find`, of hashes without sizes: git's trees do not say them. */
  findByHash(digestFunction: DigestFunction, hashes: readonly string[]): Promise<(Digest | undefined)[]>;

  /** For each of `digests`, in their order, the blob's digest under another function, if that is known. */
  findForeign(
    digests: readonly Digest[],
    digestFunction: DigestFunction,
    options?: CallOptions,
  ): Promise<(ForeignDigest | undefined)[]>;

  /** To be called when the blobs are durable, before their batch is disposed of. */
  record(aliases: readonly BlobAlias[], options?: CallOptions): Promise<void>;
}

/** That a foreign `Directory` message, together with all below it, says what a directory of ours says. */
export interface DirectoryAlias {
  /** Of the message, whose bytes are a blob of ours like any other. */
  readonly foreign: ForeignDigest;
  readonly digest: Digest;
  /** Whether it is the message that we write for the directory in that function: in canonical form, without properties. */
  readonly canonical: boolean;
}

/**
 * Which directories of ours foreign ones were mapped to, and back. Many foreign messages may mean one directory of
 * ours; the way back leads to the canonical one. `sha256` is a function like the others here, since its messages need not
 * be canonical. A collection of garbage that keeps a foreign message keeps the directory it was mapped to.
 */
export interface DirectoryAliases {
  find(foreign: readonly ForeignDigest[], options?: CallOptions): Promise<(Digest | undefined)[]>;

  findForeign(
    digests: readonly Digest[],
    digestFunction: DigestFunction,
    options?: CallOptions,
  ): Promise<(ForeignDigest | undefined)[]>;

  record(aliases: readonly DirectoryAlias[], options?: CallOptions): Promise<void>;
}
