import { mapConcurrent } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import { type PathInfo, type StorePath, compareStorePaths, storePathHashLength } from '../../nix-compat/index.ts';
import type { PathIndex } from '../store.ts';
import type { CacheTransport } from './cache-transport.ts';

const suffix = '.narinfo';

type Lookup = (hashPart: string, options: CallOptions) => Promise<PathInfo | undefined>;

/** What a binary cache has, from all its narinfos: nothing lists them, so each question reads them all. */
export class CacheIndex implements PathIndex {
  readonly #transport: Pick<CacheTransport, 'list'>;
  readonly #lookup: Lookup;

  /** `lookup` finds the path with a hash part. */
  constructor(transport: Pick<CacheTransport, 'list'>, lookup: Lookup) {
    this.#transport = transport;
    this.#lookup = lookup;
  }

  allPaths(options: CallOptions = {}): Promise<StorePath[]> {
    return this.#select(() => true, options);
  }

  referrers(path: StorePath, options: CallOptions = {}): Promise<StorePath[]> {
    return this.#select(({ references }) => references.includes(path), options);
  }

  /** None: a cache says which derivation a path came from, but not which paths a derivation can make. */
  validDerivers(): Promise<StorePath[]> {
    return Promise.resolve([]);
  }

  async #select(isWanted: (info: PathInfo) => boolean, options: CallOptions): Promise<StorePath[]> {
    const names = (await this.#transport.list?.(options)) ?? [];
    const hashParts = names
      .filter(name => name.length === storePathHashLength + suffix.length && name.endsWith(suffix))
      .map(name => name.slice(0, storePathHashLength));
    const infos = await mapConcurrent(hashParts, { limit: 32, signal: options.signal }, (hashPart, signal) =>
      this.#lookup(hashPart, { signal }),
    );
    const wanted = infos.filter(info => info !== undefined).filter(isWanted);
    return wanted.map(({ path }) => path).toSorted(compareStorePaths);
  }
}
