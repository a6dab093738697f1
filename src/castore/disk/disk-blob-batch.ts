import type { BlobBatch, CallOptions, PutOptions } from '../blob-store.ts';
import { type Digest, Digester, type Sha256, checkDigest, digestOf, sha256ToBytes } from '../digest.ts';
import type { Node } from '../node.ts';
import type { BlobFiles, DraftToPlace, NewFile } from './blob-files.ts';
import type { ReceivedBlob } from './blob-upload.ts';
import { executableFile, plainFile } from './blob-schema.ts';
import type { DataFolder } from './data-folder.ts';
import type { DraftContents } from './draft-table.ts';
import type { DraftTree } from './draft-writer.ts';
import type { DraftOptions, TreeDraft } from './drafts.ts';
import type { CollectionLock } from './gc-lock.ts';
import type { Placing } from './place-draft.ts';
import type { AdditionsLock } from './additions-lock.ts';

/** Rows waiting in memory beyond this many bytes go to the database before the commit; visible early, which harms nobody. */
const pendingRowsLimit = 8 * 1024 * 1024;

interface NewRow {
  readonly hash: Sha256;
  readonly data: Uint8Array;
}

type SizedFile = NewFile & { readonly size: number };

/** What the batch needs of its store. */
export interface BatchOwner {
  readonly folder: DataFolder;
  readonly files: BlobFiles;
  readonly lock: AdditionsLock;
  /** Blobs of at most this many bytes become rows of the database. */
  readonly inlineLimit: number;
  isPresent(hash: Sha256): boolean;
}

const upsert = `INSERT INTO blobs (hash, size, files, data) VALUES (?, ?, ?, ?)
  ON CONFLICT (hash) DO UPDATE SET files = files | excluded.files, data = coalesce(data, excluded.data)`;

export interface BatchOptions {
  /**
   * Whether what is added as a file, `executable` or not, is about to be checked out: it becomes a file whatever its size,
   * instead of a row first and a file afterwards. 11,000 files of 18 KB: 3.1 s of processor time instead of 4.5 s.
   */
  readonly forCheckout?: boolean;
}

export interface CommitOptions extends CallOptions {
  /** Where the drafts of the batches belong; a draft that is not among them stays a draft. */
  readonly places?: ReadonlyMap<TreeDraft, Omit<Placing, 'durably'>>;
  /** Told of a draft that could not be placed: its blobs are not added. */
  readonly notPlaced?: (draft: TreeDraft, error: Error) => void;
  /** Writes what refers to the blobs, in the same transaction. */
  readonly record?: () => void;
}

/** Drafts that are where they belong, but not durably. The batches are to be kept until they are. */
export interface EarlyDrafts {
  /** Makes them durable, and their files blobs. */
  readonly settle: () => Promise<void>;
  /** Records their blobs: to be called afterwards, within a transaction. */
  readonly record: () => void;
}

/** A `BlobBatch` of a `DiskBlobStore`. */
export class DiskBlobBatch implements BlobBatch {
  readonly #owner: BatchOwner;
  readonly #forCheckout: boolean;
  #isPrepared = true;
  readonly #added = new Map<Sha256, Promise<void>>();
  #rows: NewRow[] = [];
  #rowBytes = 0;
  #files: SizedFile[] = [];
  #drafts: TreeDraft[] = [];
  #lock: Promise<CollectionLock> | undefined;
  #state: 'open' | 'committed' | 'disposed' = 'open';

  constructor(owner: BatchOwner, { forCheckout = false }: BatchOptions = {}) {
    this.#owner = owner;
    this.#forCheckout = forCheckout;
  }

  /** Whether, once this is committed, all files that were added can be linked without `prepareFiles`. */
  get isPrepared(): boolean {
    return this.#forCheckout && this.#isPrepared;
  }

  async put(bytes: Uint8Array, options: PutOptions = {}): Promise<Digest> {
    const digest = digestOf(bytes);
    if (options.expected !== undefined) checkDigest(digest, options.expected);
    // Before the first wait: the bytes are hashed and, if small, copied while they are surely still lent.
    const isFile = this.#forCheckout && options.executable !== undefined;
    const small = bytes.byteLength <= this.#owner.inlineLimit && !isFile ? Uint8Array.from(bytes) : undefined;
    await this.#start(options.signal);
    await this.#addOnce(digest, isFile, async () => {
      if (small !== undefined) return this.#addRow({ hash: digest.hash, data: small });
      const { executable = false } = options;
      const temporary = await this.#owner.files.write(bytes, executable);
      this.#files.push({ ...digest, executable, temporary });
    });
    return digest;
  }

  async putStream(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: PutOptions = {}): Promise<Digest> {
    const { expected, signal, executable = false } = options;
    await this.#start(signal);
    const digester = new Digester();
    const head: Uint8Array[] = [];
    // Assigned within the loop, disposed of by the stack unless it was finished.
    using owned = new DisposableStack();
    let file: Awaited<ReturnType<BlobFiles['create']>> | undefined;
    for await (const chunk of source) {
      signal?.throwIfAborted();
      digester.update(chunk, expected);
      if (file === undefined && digester.size <= this.#owner.inlineLimit) {
        head.push(Uint8Array.from(chunk));
        continue;
      }
      if (file === undefined) {
        file = owned.use(await this.#owner.files.create(executable));
        for (const piece of head.splice(0)) await file.append(piece);
      }
      await file.append(chunk);
    }
    const digest = digester.finish();
    if (expected !== undefined) checkDigest(digest, expected);
    const finished = file;
    await this.#addOnce(digest, options.executable !== undefined, async () => {
      if (finished === undefined) this.#isPrepared = false;
      if (finished === undefined) return this.#addRow({ hash: digest.hash, data: Buffer.concat(head) });
      finished.finish();
      this.#files.push({ ...digest, executable, temporary: finished.path });
    });
    return digest;
  }

  /** Adds what an upload has received; the file, if it is one, is the batch's then, and gone with it unless it is committed. */
  async putReceived({ digest, data, temporary }: ReceivedBlob, options: CallOptions = {}): Promise<Digest> {
    await this.#start(options.signal);
    await this.#addOnce(digest, false, async () => {
      if (temporary !== undefined) this.#files.push({ ...digest, executable: false, temporary });
      else if (data !== undefined) await this.#addRow({ hash: digest.hash, data });
    });
    return digest;
  }

  /** Starts a tree that is about to be checked out on the data folder's own file system: `CommitOptions.places`. */
  async draft(options: DraftOptions = {}): Promise<TreeDraft> {
    await this.#start(options.signal);
    const draft = this.#owner.files.drafts.begin(options);
    this.#drafts.push(draft);
    return draft;
  }

  /** After the last event of a draft: its root. */
  async finishDraft(draft: TreeDraft, { signal }: CallOptions = {}): Promise<Node> {
    const { root, directories } = await draft.finish();
    for (const bytes of directories) if (bytes.byteLength > this.#owner.inlineLimit) await this.put(bytes, { signal });
    return root;
  }

  async #start(signal: AbortSignal | undefined): Promise<CollectionLock> {
    if (this.#state !== 'open') throw new TypeError(`the batch is ${this.#state}`);
    signal?.throwIfAborted();
    // Held from before the first look at what is present, so that it stays present.
    const lock = (this.#lock ??= this.#owner.lock.acquire(signal));
    try {
      return await lock;
    } catch (error) {
      // Whoever comes next asks anew: it was this addition's signal that ended the wait.
      if (this.#lock === lock) this.#lock = undefined;
      throw error;
    }
  }

  /** Adds a blob that is neither present nor on its way in this batch. */
  async #addOnce(digest: Digest, isFile: boolean, add: () => Promise<void>): Promise<void> {
    const underWay = this.#added.get(digest.hash);
    if (underWay === undefined && digest.size > 0 && !this.#owner.isPresent(digest.hash)) {
      const adding = add();
      this.#added.set(digest.hash, adding);
      try {
        await adding;
      } catch (error) {
        this.#added.delete(digest.hash);
        throw error;
      }
      return;
    }
    // What is there may be a row, or a file of the other mode.
    if (isFile) this.#isPrepared = false;
    await underWay;
  }

  async #addRow(row: NewRow): Promise<void> {
    this.#rows.push(row);
    this.#rowBytes += row.data.byteLength;
    if (this.#rowBytes <= pendingRowsLimit) return;
    this.#owner.folder.database.transaction(() => insert(this.#owner, this.#rows, []));
    this.#rows = [];
    this.#rowBytes = 0;
  }

  commit(options: CallOptions = {}): Promise<void> {
    return DiskBlobBatch.commitTogether([this], options);
  }

  /** `DiskBlobStore.commitAll`. */
  static async commitTogether(given: readonly DiskBlobBatch[], options: CommitOptions): Promise<void> {
    const { signal, record } = options;
    const batches = [...new Set(given)];
    const [first] = batches;
    if (first === undefined) return record?.();
    const owner = first.#owner;
    if (batches.some(batch => batch.#owner !== owner)) throw new TypeError('these are batches of several stores');
    const locks: CollectionLock[] = [];
    for (const batch of batches) locks.push(await batch.#start(signal));
    const rows = batches.flatMap(batch => batch.#rows);
    const files = batches.flatMap(batch => batch.#files);
    // Files first: a row must not survive a crash without its file. The reverse only leaves a file that nothing names.
    await owner.files.publish(files, oldest(locks));
    const drafts = await placeDrafts(
      owner,
      batches.flatMap(batch => batch.#drafts),
      { ...options, lock: oldest(locks) },
    );
    rows.push(...rowsOf(owner, drafts));
    if (rows.length + files.length + drafts.length > 0 || record !== undefined)
      owner.folder.database.transaction(() => {
        insert(owner, rows, files);
        for (const draft of drafts) insertDraft(owner, draft);
        record?.();
      });
    for (const batch of batches) {
      batch.#files = [];
      batch.#rows = [];
      batch.#state = 'committed';
    }
  }

  /** `DiskBlobStore.placeEarly`. */
  static placeEarly(
    batches: readonly DiskBlobBatch[],
    targets: ReadonlyMap<TreeDraft, string>,
  ): EarlyDrafts | undefined {
    const [first] = batches;
    if (first === undefined) return undefined;
    const owner = first.#owner;
    if (batches.some(batch => batch.#state !== 'open' || batch.#owner !== owner)) return undefined;
    const drafts = batches.flatMap(batch => batch.#drafts);
    const hasOthers = batches.some(batch => batch.#files.length > 0 || batch.#rows.length > 0);
    if (hasOthers || !owner.files.areFew(drafts)) return undefined;
    const trees: DraftTree[] = [];
    const contents: DraftContents[] = [];
    for (const draft of drafts) {
      const target = targets.get(draft);
      if (target === undefined || draft.contents === undefined) throw new TypeError('a draft has no place');
      trees.push(owner.files.drafts.move(draft, target));
      draft.placed();
      contents.push(draft.contents);
    }
    for (const batch of batches) batch.#state = 'committed';
    return {
      settle: () => owner.files.settleDrafts(trees),
      record: () => {
        insert(owner, rowsOf(owner, contents), []);
        for (const draft of contents) insertDraft(owner, draft);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'disposed') return;
    this.#state = 'disposed';
    await Promise.allSettled(this.#added.values());
    for (const { temporary } of this.#files) this.#owner.files.remove(temporary);
    this.#files = [];
    await Promise.all(this.#drafts.map(draft => draft.discard()));
    (await this.#lock?.catch(() => undefined))?.[Symbol.dispose]();
  }
}

/** Of the directories of drafts that are no files. */
function rowsOf({ inlineLimit }: BatchOwner, drafts: readonly DraftContents[]): NewRow[] {
  const small = drafts.flatMap(({ directories }) => directories).filter(bytes => bytes.byteLength <= inlineLimit);
  return small.map(bytes => ({ hash: digestOf(bytes).hash, data: bytes }));
}

function insert({ folder: { database } }: BatchOwner, rows: readonly NewRow[], files: readonly SizedFile[]): void {
  for (const { hash, data } of rows) database.run(upsert, sha256ToBytes(hash), data.byteLength, 0, data);
  for (const { hash, size, executable } of files) {
    database.run(upsert, sha256ToBytes(hash), size, executable ? executableFile : plainFile, null);
  }
}

/** The contents of those drafts that are where they belong then, durably. */
async function placeDrafts(
  { files }: BatchOwner,
  drafts: readonly TreeDraft[],
  options: CommitOptions & { readonly lock: CollectionLock },
): Promise<DraftContents[]> {
  const { places, notPlaced, lock } = options;
  const parts: DraftToPlace[] = [];
  for (const draft of drafts) {
    const place = places?.get(draft);
    if (place !== undefined) parts.push({ draft, ...place });
  }
  const failures = await files.publishDrafts(parts, lock);
  const placed: DraftContents[] = [];
  for (const [i, { draft }] of parts.entries()) {
    const failure = failures[i];
    if (failure !== undefined) {
      notPlaced?.(draft, failure);
      continue;
    }
    draft.placed();
    if (draft.contents !== undefined) placed.push(draft.contents);
  }
  return placed;
}

function insertDraft({ folder: { database } }: BatchOwner, { hashes, sizes, kinds }: DraftContents): void {
  for (const [i, size] of sizes.entries()) {
    database.run(upsert, hashes.subarray(32 * i, 32 * i + 32), size, kinds[i] ?? plainFile, null);
  }
}

/** The one whose descriptor is older than the files of all of them: see `BlobFiles.publish`. */
function oldest(locks: readonly CollectionLock[]): CollectionLock {
  return locks.reduce((a, b) => (a.serial < b.serial ? a : b));
}
