import type { Database } from '../disk/database.ts';
import type { BlobMarks } from './blob-marks.ts';

/** Rows of the index that one statement reads, as two strings: a tenth of what an object a row would take. */
const pageSize = 4096;

const pageSql = `SELECT group_concat(id) AS ids, group_concat(hex(hash), '') AS hashes, max(hash) AS last
  FROM (SELECT id, hash FROM blobs WHERE hash > ? ORDER BY hash LIMIT ${pageSize})`;

/**
 * The numbers of the rows of `blobs` whose hashes are not marked, ascending: rows that were added together are deleted
 * together, on the same pages of the file (in the order of hashes it takes twice the time). Yields after each page.
 *
 * Only the index over the hashes is read, not what small blobs hold.
 */
export function* findDeadRows(database: Database, marks: BlobMarks): Generator<undefined, Float64Array> {
  const dead: number[] = [];
  for (let after: unknown = new Uint8Array(0); after instanceof Uint8Array;) {
    const { ids, hashes, last } = database.get(pageSql, after) ?? {};
    if (typeof ids === 'string' && typeof hashes === 'string') {
      const bytes = Buffer.from(hashes, 'hex');
      for (const [i, id] of ids.split(',').entries()) if (!marks.hasBytes(bytes, i * 32)) dead.push(Number(id));
    }
    after = last;
    yield;
  }
  return Float64Array.from(dead).toSorted();
}

/** A row that is there and whose blob is dead. */
export interface DeadRow {
  readonly hash: Uint8Array;
  /** In bytes. */
  readonly size: number;
  /** Bits: `blob-schema.ts`. */
  readonly files: number;
}

/** Deletes the row with the number `id` unless its blob is marked, and what the blob is called elsewhere. */
export function deleteDeadRow(database: Database, marks: BlobMarks, id: number): DeadRow | undefined {
  const row = database.get('SELECT hash, size, files FROM blobs WHERE id = ?', id);
  if (row === undefined || !(row['hash'] instanceof Uint8Array) || marks.hasBytes(row['hash'], 0)) return undefined;
  database.run('DELETE FROM blobs WHERE id = ?', id);
  database.run('DELETE FROM blob_aliases WHERE own_hash = ?', row['hash']);
  return { hash: row['hash'], size: Number(row['size']), files: Number(row['files']) };
}

/**
 * Deletes what foreign messages mean in dead directories; true when there is nothing left to look at. Whoever finds such
 * an entry takes the directory for complete, so they go before the first blob does.
 */
export class DeadDirectoryAliases {
  readonly #database: Database;
  readonly #marks: BlobMarks;
  #after: readonly [string, Uint8Array] = ['', new Uint8Array(0)];

  constructor(database: Database, marks: BlobMarks) {
    this.#database = database;
    this.#marks = marks;
  }

  deletePage(): boolean {
    const sql = `SELECT function, hash, own_hash FROM directory_aliases WHERE (function, hash) > (?, ?)
      ORDER BY function, hash LIMIT ${pageSize}`;
    const page = this.#database.all(sql, ...this.#after);
    for (const { function: digestFunction, hash, own_hash: ownHash } of page) {
      if (typeof digestFunction !== 'string' || !(hash instanceof Uint8Array) || !(ownHash instanceof Uint8Array))
        throw new TypeError('a column of directory_aliases has the wrong type');
      this.#after = [digestFunction, hash];
      if (this.#marks.hasBytes(ownHash, 0)) continue;
      this.#database.run('DELETE FROM directory_aliases WHERE function = ? AND hash = ?', digestFunction, hash);
    }
    return page.length < pageSize;
  }
}
