import { type Reporter, byteStringOf } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import {
  type DerivationOutputId,
  type NarInfo,
  type RealisedOutput,
  type RootClaim,
  type StoreDir,
  type StorePath,
  maxNarInfoSize,
  parseJson,
  parseNarInfo,
  realisationFileName,
  realisedOutputFromJson,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { invalidPath } from '../require-path-info.ts';
import type { CacheMemory, TimesToLive } from './cache-memory.ts';
import type { CacheTransport } from './cache-transport.ts';
import { RecentLookups } from './recent-lookups.ts';

/** Bytes of the largest file of one realisation that is read. */
const maxRealisationSize = 1024 * 1024;

export interface CacheLookupsOptions {
  /** What messages call the cache. */
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly transport: CacheTransport;
  /** Undefined where asking costs no more than remembering. */
  readonly memory: CacheMemory | undefined;
  readonly timesToLive: TimesToLive;
  /** Lookups that are remembered within the process. */
  readonly pathInfoCacheSize: number;
  readonly reporter: Reporter;
}

/** What a binary cache knows: asked for where nobody remembers, and remembered. */
export class CacheLookups implements Disposable {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly #transport: CacheTransport;
  readonly #memory: CacheMemory | undefined;
  readonly #recent: RecentLookups<NarInfo>;
  readonly #reporter: Reporter;

  constructor(options: CacheLookupsOptions) {
    this.uri = options.uri;
    this.storeDir = options.storeDir;
    this.#transport = options.transport;
    this.#memory = options.memory;
    this.#recent = new RecentLookups(options.pathInfoCacheSize, options.timesToLive);
    this.#reporter = options.reporter;
  }

  async pathInfo(path: StorePath, options: CallOptions = {}): Promise<NarInfo | undefined> {
    const info = await this.narInfo(storePathHashPart(path), options, path);
    // The hash alone does not make it the same path.
    return info?.path === path ? info : undefined;
  }

  /** Throws `path/invalid`. */
  async requireInfo(path: StorePath, options: CallOptions = {}): Promise<NarInfo> {
    const info = await this.pathInfo(path, options);
    if (info === undefined) throw invalidPath(this.storeDir, path);
    return info;
  }

  /**
   * What the cache says that the tree of a path is. It is asked, where what is remembered does not say: whoever sent the path
   * there remembers it as he sent it, and the cache has more to say.
   */
  async rootClaim(path: StorePath, options: CallOptions = {}): Promise<RootClaim | undefined> {
    const info = await this.pathInfo(path, options);
    if (info === undefined || info.rootClaim !== undefined) return info?.rootClaim;
    const hashPart = storePathHashPart(path);
    const asked = await this.#fetchNarInfo(hashPart, options.signal);
    if (asked?.path !== path) return undefined;
    this.#remember(hashPart, asked);
    return asked.rootClaim;
  }

  /** Of the path with this hash part, of which the caller knows that it is one. */
  async narInfo(hashPart: string, { signal }: CallOptions, shownAs = `${hashPart}-x`): Promise<NarInfo | undefined> {
    const known = this.#recent.get(hashPart) ?? this.#memory?.narInfo(hashPart);
    if (known !== undefined) {
      this.#recent.set(hashPart, known);
      return known.value;
    }
    const shown = `${this.storeDir}/${shownAs}`;
    using _query = this.#reporter.startActivity({
      type: 'queryPathInfo',
      level: 'talkative',
      text: () => `querying info about '${shown}' on '${this.uri}'`,
      fields: [shown, this.uri],
    });
    const value = await this.#fetchNarInfo(hashPart, signal);
    this.#remember(hashPart, value);
    return value;
  }

  async #fetchNarInfo(hashPart: string, signal: AbortSignal | undefined): Promise<NarInfo | undefined> {
    const source = `${hashPart}.narinfo`;
    const bytes = await this.#transport.get(source, { limit: maxNarInfoSize, isSmall: true, signal });
    if (bytes === undefined) return undefined;
    const info = parseNarInfo(this.storeDir, bytes, { source });
    // A cache that answers with another path has not got this one.
    return storePathHashPart(info.path) === hashPart ? info : undefined;
  }

  /** What the cache has from now on. */
  rememberInfo(info: NarInfo): void {
    this.#remember(storePathHashPart(info.path), info);
  }

  #remember(hashPart: string, value: NarInfo | undefined): void {
    this.#recent.set(hashPart, { value });
    this.#memory?.rememberNarInfo(hashPart, { value });
  }

  async realisation(id: DerivationOutputId, options: CallOptions = {}): Promise<RealisedOutput | undefined> {
    const known = this.#memory?.realisation(id);
    if (known !== undefined) return known.value;
    const name = realisationFileName(id);
    const bytes = await this.#transport.get(name, { limit: maxRealisationSize, signal: options.signal });
    const value = bytes === undefined ? undefined : realisedOutputFromJson(parseJson(byteStringOf(bytes)));
    this.rememberRealisation(id, value);
    return value;
  }

  rememberRealisation(id: DerivationOutputId, value: RealisedOutput | undefined): void {
    this.#memory?.rememberRealisation(id, { value });
  }

  [Symbol.dispose](): void {
    this.#memory?.[Symbol.dispose]();
  }
}
