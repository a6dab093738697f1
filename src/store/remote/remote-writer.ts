import { type Reporter, forEachConcurrent, messageOf } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import {
  type Realisation,
  type Signature,
  type StoreDir,
  type StorePath,
  printStorePath,
} from '../../nix-compat/index.ts';
import { AdditionGroup } from '../addition-group.ts';
import { topologicalOrder } from '../closure/topological-order.ts';
import { StoreError } from '../error.ts';
import type { AddPathsOptions, AdditionFailure, PathAddition, PathWriter } from '../store.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { PeerConnection } from './peer-connection.ts';
import { unsupportedOperation } from '../unsupported-operation.ts';

export interface RemoteWriterOptions {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly pool: ConnectionPool<PeerConnection>;
  readonly reporter: Reporter;
  readonly maxConnections: number;
}

/** Adds to a store behind connections: each path when all that it refers to is there. The other side checks what it gets. */
export class RemoteWriter implements PathWriter {
  readonly #options: RemoteWriterOptions;
  readonly #pool: ConnectionPool<PeerConnection>;

  constructor(options: RemoteWriterOptions) {
    this.#options = options;
    this.#pool = options.pool;
  }

  async add(additions: readonly PathAddition[], options: AddPathsOptions = {}): Promise<AdditionFailure[]> {
    const { repair = false, keepGoing = false, signal, added } = options;
    const all = new AdditionGroup(additions);
    const concerned = new Set(additions.flatMap(({ path }) => [path, ...all.references(path)]));
    if (concerned.size === 0) return [];
    const valid =
      options.knownValid ?? (await this.#pool.use(connection => connection.validPaths(concerned, false), { signal }));
    const group = new AdditionGroup(additions.filter(({ path }) => repair || !valid.has(path)));
    const order = topologicalOrder(this.#options.storeDir, group.paths, path => group.references(path));
    if (order.length > 1 && !keepGoing && (await this.#addAll(order, { group, valid }, options))) {
      for (const path of order) added?.(path);
      return [];
    }
    const failures: AdditionFailure[] = [];
    const limit = Math.min(options.concurrency ?? Infinity, Math.max(1, this.#options.maxConnections));
    // In this order, those that wait for others wait only for what has started.
    await forEachConcurrent(order, { limit, signal }, async (path, stop) => {
      try {
        await this.#addPath(path, { group, valid }, { ...options, signal: stop });
        group.settle(path, true);
        added?.(path);
      } catch (error) {
        group.settle(path, false);
        if (!keepGoing || stop.aborted || !(error instanceof Error)) throw error;
        failures.push({ path, error });
      }
    });
    return failures;
  }

  /** Adds all in one stream; false where that cannot be: the other side has no word for it, or what to try is not one thing. */
  async #addAll(
    order: readonly StorePath[],
    { group, valid }: { readonly group: AdditionGroup; readonly valid: ReadonlySet<StorePath> },
    { repair = false, checkSignatures = true, signal }: AddPathsOptions,
  ): Promise<boolean> {
    const offers = order.flatMap(path => group.offers(path));
    const [first] = offers;
    if (first === undefined || offers.length > order.length) return false;
    if (offers.some(({ isTrusted }) => isTrusted !== first.isTrusted)) return false;
    for (const { info } of offers) {
      const missing = info.references.find(each => each !== info.path && !valid.has(each) && !group.has(each));
      if (missing !== undefined) throw this.#missingReference(info.path, missing);
    }
    return this.#pool.use(
      async connection => {
        if (connection.addAll === undefined) return false;
        await connection.addAll(offers, { repair, checkSignatures: checkSignatures && !first.isTrusted, signal });
        return true;
      },
      { signal },
    );
  }

  async #addPath(
    path: StorePath,
    { group, valid }: { readonly group: AdditionGroup; readonly valid: ReadonlySet<StorePath> },
    { repair = false, checkSignatures = true, signal }: AddPathsOptions,
  ): Promise<void> {
    const offers = group.offers(path);
    for (const [at, offer] of offers.entries()) {
      try {
        for (const reference of offer.info.references) {
          if (reference === path || (valid.has(reference) && !group.has(reference))) continue;
          if (!(await group.whenSettled(reference))) throw this.#missingReference(path, reference);
        }
        const options = { repair, checkSignatures: checkSignatures && !offer.isTrusted, signal };
        await this.#pool.use(connection => connection.add(offer, options), { signal });
        return;
      } catch (error) {
        if (at + 1 === offers.length || signal?.aborted === true) throw error;
        this.#options.reporter.warn(messageOf(error));
      }
    }
  }

  async addSignatures(path: StorePath, signatures: readonly Signature[], options: CallOptions = {}): Promise<void> {
    await this.#pool.use(connection => {
      if (connection.addSignatures !== undefined) return connection.addSignatures(path, signatures);
      throw unsupportedOperation(this.#options.uri, 'addSignatures');
    }, options);
  }

  async addRealisation(realisation: Realisation, options: CallOptions = {}): Promise<void> {
    await this.#pool.use(connection => {
      if (connection.addRealisation !== undefined) return connection.addRealisation(realisation);
      throw unsupportedOperation(this.#options.uri, 'registerDrvOutput');
    }, options);
  }

  async addBuildLog(path: StorePath, log: Uint8Array, options: CallOptions = {}): Promise<void> {
    await this.#pool.use(connection => {
      if (connection.addBuildLog !== undefined) return connection.addBuildLog(path, log);
      throw unsupportedOperation(this.#options.uri, 'addBuildLog');
    }, options);
  }

  #missingReference(path: StorePath, reference: StorePath): StoreError {
    const [printed, missing] = [path, reference].map(each => printStorePath(this.#options.storeDir, each));
    const message = `cannot add path '${printed}' because its reference, path '${missing}' is not valid`;
    return new StoreError('path/missing-reference', message);
  }
}
