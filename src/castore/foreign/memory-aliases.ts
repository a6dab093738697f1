import { type Digest, formatDigest } from '../digest.ts';
import type { BlobAlias, BlobAliases, DirectoryAlias, DirectoryAliases } from './aliases.ts';
import {
  type DigestFunction,
  type ForeignDigest,
  formatForeignDigest,
  impliedDigest,
  impliedForeignDigest,
  sizeless,
} from './foreign-digest.ts';

/** Pairs in both directions; the first of a key stays. */
class Pairs {
  readonly #own = new Map<string, Digest>();
  readonly #foreign = new Map<string, ForeignDigest>();

  findByHash(digestFunction: DigestFunction, hash: string): Digest | undefined {
    const start = `${digestFunction}:${hash}/`;
    for (const [key, digest] of this.#own) if (key.startsWith(start)) return digest;
    return undefined;
  }

  find(foreign: ForeignDigest): Digest | undefined {
    const found = this.#own.get(formatForeignDigest(foreign));
    if (found !== undefined || !sizeless.has(foreign.function)) return found;
    return this.findByHash(foreign.function, foreign.hash);
  }

  findForeign(digest: Digest, digestFunction: DigestFunction): ForeignDigest | undefined {
    return this.#foreign.get(`${digestFunction} ${formatDigest(digest)}`);
  }

  add(foreign: ForeignDigest, digest: Digest): void {
    const key = formatForeignDigest(foreign);
    if (!this.#own.has(key)) this.#own.set(key, digest);
  }

  addBack(foreign: ForeignDigest, digest: Digest): void {
    const key = `${foreign.function} ${formatDigest(digest)}`;
    if (!this.#foreign.has(key)) this.#foreign.set(key, foreign);
  }
}

/** For tests, and beside a `MemoryBlobStore`. */
export class MemoryBlobAliases implements BlobAliases {
  readonly #pairs = new Pairs();

  find(foreign: readonly ForeignDigest[]): Promise<(Digest | undefined)[]> {
    return Promise.resolve(foreign.map(digest => impliedDigest(digest) ?? this.#pairs.find(digest)));
  }

  findByHash(digestFunction: DigestFunction, hashes: readonly string[]): Promise<(Digest | undefined)[]> {
    const found = hashes.map(
      hash =>
        impliedDigest({ function: digestFunction, hash, size: 0 }) ?? this.#pairs.findByHash(digestFunction, hash),
    );
    return Promise.resolve(found);
  }

  findForeign(digests: readonly Digest[], digestFunction: DigestFunction): Promise<(ForeignDigest | undefined)[]> {
    const found = digests.map(
      digest => impliedForeignDigest(digest, digestFunction) ?? this.#pairs.findForeign(digest, digestFunction),
    );
    return Promise.resolve(found);
  }

  record(aliases: readonly BlobAlias[]): Promise<void> {
    for (const { foreign, digest } of aliases) {
      if (impliedDigest(foreign) !== undefined) continue;
      this.#pairs.add(foreign, digest);
      this.#pairs.addBack(foreign, digest);
    }
    return Promise.resolve();
  }
}

/** For tests, and beside a `MemoryBlobStore`. */
export class MemoryDirectoryAliases implements DirectoryAliases {
  readonly #pairs = new Pairs();

  find(foreign: readonly ForeignDigest[]): Promise<(Digest | undefined)[]> {
    return Promise.resolve(foreign.map(digest => this.#pairs.find(digest)));
  }

  findForeign(digests: readonly Digest[], digestFunction: DigestFunction): Promise<(ForeignDigest | undefined)[]> {
    return Promise.resolve(digests.map(digest => this.#pairs.findForeign(digest, digestFunction)));
  }

  record(aliases: readonly DirectoryAlias[]): Promise<void> {
    for (const { foreign, digest, canonical } of aliases) {
      this.#pairs.add(foreign, digest);
      if (canonical) this.#pairs.addBack(foreign, digest);
    }
    return Promise.resolve();
  }
}
