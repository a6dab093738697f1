import {
  type CallOptions,
  type DigestFunction,
  type DiskBlobStore,
  type ForeignDigest,
  type HeldBlobs,
  type HoldLimits,
  lockAgainstCollection,
} from '../../castore/index.ts';
import { type ActionResult, ActionResultSchema, messageCodec } from '../../proto/index.ts';
import { actionResultSchema } from './action-result-schema.ts';
import { checkTree } from './check-tree.ts';
import { blobsNamedBy } from './named-blobs.ts';
import { resolveBlobs } from './resolve-blobs.ts';
import { WriteGroup } from './write-group.ts';

/** Results belong to an instance: what one may read, another may not. */
export interface ActionKey {
  readonly instance: string;
  /** Of the `Action` message; the result is in its digest function. */
  readonly action: ForeignDigest;
}

/** Whether we ran the action ourselves, or somebody says so. */
export type ResultOrigin = 'executed' | 'uploaded';

export interface CachedResult {
  readonly result: ActionResult;
  readonly origin: ResultOrigin;
}

export interface RecordOptions extends CallOptions {
  readonly origin: ResultOrigin;
}

const origins: readonly ResultOrigin[] = ['executed', 'uploaded'];

/** Of its holds. */
const owner = 'action-results';
const readersOwner = 'readers';

const readersLimits: HoldLimits = { maxAge: 3600, maxSize: 2 ** 40 };

const resultCodec = messageCodec(ActionResultSchema);

/**
 * Results of actions, in the database of the store that has their blobs. A result that is there is whole: it is recorded
 * when all that it names is durable, is kept from collections by a hold, and is looked at again before it is given out.
 * Nothing in here says anything of store paths: who writes results can make no path valid, nor trusted.
 */
export class ActionCache {
  readonly #store: DiskBlobStore;
  readonly #writes: WriteGroup;

  constructor(store: DiskBlobStore, limits?: HoldLimits) {
    this.#store = store;
    const { database } = store.folder;
    database.use(actionResultSchema);
    if (limits !== undefined) store.holds.setLimits(owner, limits);
    store.holds.setLimits(readersOwner, readersLimits);
    this.#writes = new WriteGroup(database);
  }

  /** Undefined as well where something that the result names is gone: it is forgotten then. */
  async get(key: ActionKey, options: CallOptions = {}): Promise<CachedResult | undefined> {
    options.signal?.throwIfAborted();
    const found = this.#find(key);
    if (found === undefined) return undefined;
    const { hold } = found;
    if (!(await this.#isWhole(hold, options))) {
      await this.#writes.write(() => this.#store.holds.release(hold));
      return undefined;
    }
    if (this.#store.holds.isDue(hold)) await this.#writes.write(() => this.#store.holds.touch(hold));
    return { result: resultCodec.decode(found.result), origin: found.origin };
  }

  /**
   * Records a result, in place of another one of that action. Throws `blobs/missing`, `digest/malformed` and
   * `message/malformed`; then the other one stays.
   */
  async record(key: ActionKey, result: ActionResult, { origin, signal }: RecordOptions): Promise<void> {
    using _lock = await lockAgainstCollection(this.#store.folder, 'shared', signal);
    const held = await resolveBlobs(this.#store, blobsNamedBy(result, key.action.function), { signal });
    await this.#writes.write(() => this.insert(key, { result, origin, held }));
  }

  /**
   * Keeps what a result names for an hour, for who reads it now: one that others are not to have. The caller keeps it from
   * collections until this resolves.
   */
  async retain(result: ActionResult, digestFunction: DigestFunction): Promise<void> {
    const held = await resolveBlobs(this.#store, blobsNamedBy(result, digestFunction));
    if (held.blobs.length + held.directories.length === 0) return;
    await this.#writes.write(() => void this.#store.holds.add(readersOwner, held));
  }

  /** As `record`, within a transaction that makes what is held durable. */
  insert({ instance, action }: ActionKey, { result, origin, held }: CachedResult & { readonly held: HeldBlobs }): void {
    const { database } = this.#store.folder;
    const hash = Buffer.from(action.hash, 'hex');
    const sql = 'SELECT hold FROM action_results WHERE instance = ? AND function = ? AND hash = ?';
    const known = database.get(sql, instance, action.function, hash);
    if (known !== undefined) this.#store.holds.release(Number(known['hold']));
    const bytes = resultCodec.encode(result);
    const hold = this.#store.holds.add(owner, { ...held, size: held.size + bytes.byteLength });
    database.run(
      'INSERT INTO action_results VALUES (?, ?, ?, ?, ?, ?, ?)',
      instance,
      action.function,
      hash,
      action.size,
      hold,
      origins.indexOf(origin),
      bytes,
    );
  }

  #find({ instance, action }: ActionKey) {
    const row = this.#store.folder.database.get(
      'SELECT size, hold, origin, result FROM action_results WHERE instance = ? AND function = ? AND hash = ?',
      instance,
      action.function,
      Buffer.from(action.hash, 'hex'),
    );
    if (row === undefined || row['size'] !== action.size) return undefined;
    const { hold, origin, result } = row;
    const known = origins[Number(origin)];
    if (!(result instanceof Uint8Array) || known === undefined)
      throw new TypeError('a column of action_results has the wrong type');
    return { hold: Number(hold), origin: known, result };
  }

  async #isWhole(hold: number, options: CallOptions): Promise<boolean> {
    const { blobs, directories } = this.#store.holds.rootsOf(hold);
    if ((await this.#store.findMissing(blobs, options)).length > 0) return false;
    for (const directory of directories)
      if ((await checkTree(this.#store, directory, options)).missing.length > 0) return false;
    return true;
  }
}
