import { type Reporter, displayBytes, silentReporter } from '../../base/index.ts';
import type { CallOptions, Node } from '../../castore/index.ts';
import {
  type ContentAddress,
  type DerivationOutputId,
  type PathInfo,
  type RealisedOutput,
  type StoreDir,
  type StorePath,
  formatOutputId,
  makeStorePathFromCA,
  printStorePath,
  storePathName,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import { parseRoot } from '../root-text.ts';
import type { LazyTrees, Store } from '../store.ts';
import {
  type TrustPolicy,
  describeSigners,
  isTrustedRealisation,
  isTrustedClaim,
  learnTrust,
} from '../trust-policy.ts';

export interface SubstitutersOptions {
  /** Of the store that things are substituted into. */
  readonly storeDir: StoreDir;
  readonly trust: TrustPolicy;
  /** Whether a substituter that fails counts as one that has nothing, instead of failing whatever asks. */
  readonly fallback?: boolean;
  readonly reporter?: Reporter;
}

export type OpenStores = () => Promise<readonly Store[]>;

/** Where a path can be had. */
export interface Substitute {
  readonly store: Store;
  readonly info: PathInfo;
  /** What the path is called there, if its store directory is another. */
  readonly source?: StorePath;
  /** Which of the substituters it is, counted from 0 in the order in which they are asked. */
  readonly rank: number;
}

/** A tree that can be read blob by blob. */
export interface LazyTree {
  readonly root: Node;
  readonly trees: LazyTrees;
}

export interface FindOptions extends CallOptions {
  /** Substituters before this one are not asked. */
  readonly from?: number;
  /** Whether those are passed over, with a warning, whose word is not trusted. */
  readonly trustedOnly?: boolean;
  /** What the path must be, if that is known: stores with other store directories have it under another name then. */
  readonly contentAddress?: ContentAddress | undefined;
}

/** Answers that are remembered for each substituter: closures of systems have a tenth of that. */
const maxRemembered = 100_000;

/**
 * Stores that are asked in turn for what is missing, the one with the smallest priority first. What they said, also that
 * they lack a path, is remembered as long as this lives.
 */
export class Substituters {
  readonly storeDir: StoreDir;
  readonly #trust: TrustPolicy;
  readonly #fallback: boolean;
  readonly #reporter: Reporter;
  readonly #open: OpenStores;
  #sources: Promise<readonly Source[]> | undefined;
  readonly #warned = new Set<string>();

  /** The stores remain their owner's. A function is called once, when something is asked for the first time. */
  constructor(
    stores: readonly Store[] | OpenStores,
    { storeDir, trust, fallback = false, reporter }: SubstitutersOptions,
  ) {
    this.storeDir = storeDir;
    this.#trust = trust;
    this.#fallback = fallback;
    this.#reporter = reporter ?? silentReporter;
    this.#open = typeof stores === 'function' ? stores : () => Promise.resolve(stores);
  }

  /**
   * The first place that has `path`. Substituters that fail are reported and passed over; if it is the last of them, and
   * there is no `fallback`, its error is thrown instead.
   */
  async find(path: StorePath, options: FindOptions = {}): Promise<Substitute | undefined> {
    const { from = 0, trustedOnly = false, contentAddress, signal } = options;
    const sources = await this.#all();
    let failure: { readonly error: unknown } | undefined;
    for (let rank = from; rank < sources.length; rank++) {
      const source = sources[rank];
      if (source === undefined) break;
      const there = nameIn(source, path, contentAddress);
      if (there === undefined) continue;
      if (failure !== undefined) this.#reporter.logError(failure.error);
      failure = undefined;
      try {
        const found = await ask(source, there, signal);
        if (found === undefined || !this.#isOf(there, found, source.store)) continue;
        // What refers to others is not the same thing under other names.
        if (source.isForeign && found.references.length > 0) continue;
        const info = source.isForeign ? { ...found, path } : found;
        if (trustedOnly && !(await this.#isTrusted(info, source.store))) continue;
        return { store: source.store, info, rank, ...(source.isForeign ? { source: there } : {}) };
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof StoreError && error.code === 'cache/disabled') continue;
        failure = { error };
      }
    }
    if (failure === undefined) return undefined;
    if (!this.#fallback) throw failure.error;
    this.#reporter.logError(failure.error);
    return undefined;
  }

  /** The tree of what was found, if it can be read before all of it is here, and somebody trusted says what it is. */
  async lazyTree({ store, info, source }: Substitute, options: CallOptions = {}): Promise<LazyTree | undefined> {
    const trees = source === undefined ? store.lazyTrees : undefined;
    const claim = await trees?.claim(info.path, options);
    const root = claim && parseRoot(claim.root);
    if (trees === undefined || claim === undefined || root === undefined) return undefined;
    const isTrusted = store.isTrusted || isTrustedClaim(this.storeDir, this.#trust, { info, claim });
    return isTrusted ? { root, trees } : undefined;
  }

  /** Whether there are any to ask. */
  async hasAny(): Promise<boolean> {
    return (await this.#all()).length > 0;
  }

  /**
   * What the first that knows, and whose word is taken, says an output of a content-addressed derivation is. The others are
   * asked, too: that they say something else is reported. Substituters that fail are reported and passed over.
   */
  async findRealisation(id: DerivationOutputId, { signal }: CallOptions = {}): Promise<RealisedOutput | undefined> {
    const sources = (await this.#all()).filter(({ isForeign }) => !isForeign);
    if (sources.length === 0) return undefined;
    const answers = await Promise.all(sources.map(({ store }) => this.#askForRealisation(store, id, signal)));
    let first: StoredRealisation | undefined;
    for (const found of answers) {
      if (found === undefined) continue;
      const { store, output } = found;
      const name = `'${displayBytes(formatOutputId(id))}'`;
      if (!store.isTrusted && !isTrustedRealisation(this.#trust, { id, ...output })) {
        this.#warnOnce(
          `ignoring the realisation of ${name} from '${store.uri}', as it's not signed by any of the keys in 'trusted-public-keys'`,
        );
      } else if (first === undefined) first = found;
      else if (first.output.path !== output.path) {
        const [kept, other] = [first, found].map(each => {
          const { path, signatures } = each.output;
          return `'${this.#print(path)}' in '${each.store.uri}'${describeSigners(signatures)}`;
        });
        this.#warnOnce(`the output ${name} is ${kept}, and ${other}: the first is taken`);
      }
    }
    return first?.output;
  }

  async #askForRealisation(
    store: Store,
    id: DerivationOutputId,
    signal: AbortSignal | undefined,
  ): Promise<StoredRealisation | undefined> {
    try {
      const output = await store.realisation(id, { signal });
      return output === undefined ? undefined : { store, output };
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof StoreError && error.code === 'cache/disabled')) this.#reporter.logError(error);
      return undefined;
    }
  }

  /** Those of many paths that are to be had from somebody who wants to be asked for many. Failures are reported. */
  async findSubstitutable(paths: Iterable<StorePath>, { signal }: CallOptions = {}): Promise<Set<StorePath>> {
    const found = new Set<StorePath>();
    const left = new Set(paths);
    for (const { store, isForeign } of await this.#all()) {
      if (isForeign || !store.wantMassQuery || left.size === 0) continue;
      try {
        for (const path of await store.validPaths(left, { signal })) {
          found.add(path);
          left.delete(path);
        }
      } catch (error) {
        signal?.throwIfAborted();
        this.#reporter.logError(error);
      }
    }
    return found;
  }

  #all(): Promise<readonly Source[]> {
    this.#sources ??= this.#openAll();
    return this.#sources;
  }

  async #openAll(): Promise<readonly Source[]> {
    const stores = await this.#open();
    return stores
      .toSorted((a, b) => a.priority - b.priority)
      .map(store => ({ store, isForeign: store.storeDir !== this.storeDir, infos: new Map() }));
  }

  #isOf(path: StorePath, info: PathInfo, store: Store): boolean {
    if (info.path === path) return true;
    const message = `asked '${store.uri}' for '${this.#print(path)}' but got '${this.#print(info.path)}'`;
    this.#reporter.log('error', message);
    return false;
  }

  async #isTrusted(info: PathInfo, store: Store): Promise<boolean> {
    if (store.isTrusted || (await learnTrust(this.storeDir, this.#trust, info))) return true;
    const warning = `ignoring substitute for '${this.#print(info.path)}' from '${store.uri}', as it's not signed by any of the keys in 'trusted-public-keys'`;
    this.#warnOnce(warning);
    return false;
  }

  #warnOnce(warning: string): void {
    if (!this.#warned.has(warning)) this.#reporter.warn(warning);
    this.#warned.add(warning);
  }

  #print(path: StorePath): string {
    return displayBytes(printStorePath(this.storeDir, path));
  }
}

/** What a substituter says an output is. */
interface StoredRealisation {
  readonly store: Store;
  readonly output: RealisedOutput;
}

interface Source {
  readonly store: Store;
  /** Whether its paths have other names than ours. */
  readonly isForeign: boolean;
  readonly infos: Map<StorePath, Answer>;
}

interface Answer {
  readonly info: Promise<PathInfo | undefined>;
  /** Of whoever asked first, and can call the question off. */
  readonly signal: AbortSignal | undefined;
}

/** What `source` calls `path`; undefined where that cannot be told. */
function nameIn(
  { store, isForeign }: Source,
  path: StorePath,
  contentAddress: ContentAddress | undefined,
): StorePath | undefined {
  if (!isForeign) return path;
  if (contentAddress === undefined) return undefined;
  return makeStorePathFromCA(store.storeDir, storePathName(path), contentAddress);
}

/** Failures are forgotten: whether to ask again is the store's to know. */
async function ask(
  { store, infos }: Source,
  path: StorePath,
  signal: AbortSignal | undefined,
): Promise<PathInfo | undefined> {
  const known = infos.get(path);
  if (known !== undefined && known.signal?.aborted !== true) return known.info;
  const [oldest] = infos.keys();
  if (infos.size >= maxRemembered && oldest !== undefined) infos.delete(oldest);
  const answer: Answer = { info: store.pathInfo(path, { signal }), signal };
  infos.set(path, answer);
  try {
    return await answer.info;
  } catch (error) {
    if (infos.get(path) === answer) infos.delete(path);
    throw error;
  }
}
