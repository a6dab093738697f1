import type { CallOptions } from '../../castore/index.ts';
import type { Realisation, Signature, StorePath } from '../../nix-compat/index.ts';
import type {
  AddPathsOptions,
  AdditionFailure,
  OrderedAdding,
  OrderedAddingOptions,
  PathAddition,
  PathWriter,
} from '../store.ts';
import { writeBuildLog } from './build-log.ts';
import type { LocalStore } from './local-store.ts';
import { OrderedAdder } from './ordered-adder.ts';
import { PathAdder, type Stageable } from './path-adder.ts';
import { stageOffer } from './staged-path.ts';

/** The `PathWriter` of a local store. */
export class LocalWriter implements PathWriter {
  readonly #store: LocalStore;

  constructor(store: LocalStore) {
    this.#store = store;
  }

  async add(additions: readonly PathAddition[], options: AddPathsOptions = {}): Promise<AdditionFailure[]> {
    options.signal?.throwIfAborted();
    const byPath = new Map(additions.map(addition => [addition.path, addition]));
    const references = additions.flatMap(({ offers }) => offers.flatMap(({ info }) => info.references));
    const valid = await this.keep([...byPath.keys(), ...references], options);
    if (options.repair !== true) for (const path of valid) byPath.delete(path);
    if (byPath.size === 0) return [];
    this.#store.requireWritable();
    await this.#store.makeRoom();
    const { checkSignatures = true, repair = false } = options;
    const isAlone = byPath.size === 1;
    const stageables = new Map<StorePath, Stageable[]>();
    for (const [path, { offers }] of byPath) {
      const ways = offers.map(offer => ({
        references: offer.info.references,
        stage: (signal: AbortSignal) => stageOffer(this.#store, offer, { checkSignatures, repair, isAlone, signal }),
      }));
      stageables.set(path, ways);
    }
    return new PathAdder(this.#store, stageables, { ...options, valid, replace: repair }).run();
  }

  beginAdding(options: OrderedAddingOptions): OrderedAdding {
    return new OrderedAdder(this.#store, options);
  }

  /** Keeps `paths` until the process ends, whether or not they are valid yet; returns those that are. */
  async keep(paths: readonly StorePath[], { signal }: CallOptions = {}): Promise<Set<StorePath>> {
    if (!this.#store.readOnly) await this.#store.temporaryRoots.add(paths, signal);
    await this.#store.inherit(paths, { signal });
    return this.#store.paths.validOf(paths);
  }

  async addSignatures(path: StorePath, signatures: readonly Signature[], { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#store.requireWritable();
    await this.#store.inherit([path], { signal });
    this.#store.paths.addSignatures(path, signatures);
  }

  async addRealisation(realisation: Realisation, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await this.addRealisations([realisation], { signal });
  }

  async addRealisations(realisations: readonly Realisation[], { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#store.requireWritable();
    await this.#store.inherit(
      realisations.map(({ path }) => path),
      { signal },
    );
    await this.#store.inheritRealisations(
      realisations.map(({ id }) => id),
      { signal },
    );
    this.#store.realisations.addAll(realisations);
  }

  async addBuildLog(path: StorePath, log: Uint8Array, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#store.requireWritable();
    await writeBuildLog(this.#store.logDir, path, log);
  }
}
