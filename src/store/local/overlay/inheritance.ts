import type { CallOptions } from '../../../castore/index.ts';
import { type DerivationOutputId, type PathInfo, type StorePath, isDerivationPath } from '../../../nix-compat/index.ts';
import { exploreGraph } from '../../closure/explore-graph.ts';
import { topologicalOrder } from '../../closure/topological-order.ts';
import { StoreError } from '../../error.ts';
import { requirePathInfo } from '../../require-path-info.ts';
import type { Store } from '../../store.ts';
import type { LocalStore } from '../local-store.ts';
import type { KnownOutput } from '../path-table.ts';
import type { RecordedPath } from '../recorded-path.ts';

/** Questions that the lower store is asked at a time. */
const questionsAtOnce = 64;

/**
 * Records in a store's tables what the store below has, when it is asked for: so that whoever asks the tables finds it. Trees
 * stay where they are.
 */
export class Inheritance {
  readonly #store: LocalStore;
  readonly #lower: Store;

  constructor(store: LocalStore, lower: Store) {
    this.#store = store;
    this.#lower = lower;
  }

  /**
   * Makes those of `paths` valid that the lower store has, with all that they refer to. Throws `store/read-only` where something would have to
   * be recorded and cannot be, and what the lower store throws.
   */
  async inheritPaths(paths: Iterable<StorePath>, options: CallOptions = {}): Promise<void> {
    const wanted = new Set(paths);
    for (const path of this.#store.paths.validOf(wanted)) wanted.delete(path);
    if (wanted.size === 0) return;
    const below = await this.#lower.validPaths(wanted, options);
    if (below.size === 0) return;
    this.#store.requireWritable();
    try {
      await this.#record(below, path => this.#store.paths.isValid(path), options);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'path/missing-reference') throw error;
      // A collection came between, which has forgotten what they refer to.
      await this.#record(below, () => false, options);
    }
  }

  /** What `isKnown` is not looked at, nor what it refers to. */
  async #record(
    roots: ReadonlySet<StorePath>,
    isKnown: (path: StorePath) => boolean,
    { signal }: CallOptions,
  ): Promise<void> {
    const infos = new Map<StorePath, PathInfo>();
    await exploreGraph(roots, { limit: questionsAtOnce, signal }, async (path, stop) => {
      const info = await requirePathInfo(this.#lower, path, { signal: stop });
      infos.set(path, info);
      return info.references.filter(reference => !isKnown(reference));
    });
    const outputs = await this.#outputsOf(infos, signal);
    // What is recorded within a transaction that is not durable yet could go again with that.
    await this.#store.earlyCommits.settled();
    const { paths, blobs } = this.#store;
    blobs.folder.database.transaction(() => {
      const valid = paths.validOf(infos.keys());
      const fresh = [...infos.values()].filter(({ path }) => !valid.has(path));
      paths.register(fresh.map(info => ({ info, root: undefined, outputs: outputs.get(info.path) ?? [] })));
    });
  }

  /** As the lower store has noted them, or as the derivations themselves say. */
  async #outputsOf(
    infos: ReadonlyMap<StorePath, PathInfo>,
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<StorePath, readonly KnownOutput[]>> {
    const derivations = [...infos.keys()].filter(isDerivationPath);
    if (derivations.length === 0) return new Map();
    const noted = await this.#lower.knownOutputs?.(derivations, { signal });
    if (noted !== undefined) {
      return new Map(Array.from(noted, ([path, outputs]) => [path, listOutputs(outputs)] as const));
    }
    const order = topologicalOrder(this.#store.storeDir, derivations, path => infos.get(path)?.references ?? []);
    const staged = new Map<StorePath, RecordedPath>();
    for (const path of order) {
      const info = infos.get(path);
      if (info !== undefined) staged.set(path, { info, root: undefined });
    }
    return this.#store.derivations.outputsOf(staged, (_path, error) => {
      throw error;
    });
  }

  /** Takes over what the lower store knows of these outputs. Throws `realisation/conflict`, and as `inheritPaths`. */
  async inheritRealisations(ids: Iterable<DerivationOutputId>, options: CallOptions = {}): Promise<void> {
    for (const id of ids) {
      if (this.#store.realisations.find(id) !== undefined) continue;
      const found = await this.#lower.realisation(id, options);
      if (found === undefined) continue;
      await this.inheritPaths([found.path], options);
      this.#store.requireWritable();
      await this.#store.earlyCommits.settled();
      this.#store.realisations.add({ id, ...found });
    }
  }
}

function listOutputs(outputs: ReadonlyMap<string, StorePath>): KnownOutput[] {
  return Array.from(outputs, ([output, path]) => ({ output, path }));
}
