import { type Digest, type Sha256, sha256FromBytes, sha256ToBytes } from '../digest.ts';
import type { Database, Row } from '../disk/database.ts';
import type { LiveRoots } from './blob-marks.ts';

/** What something outside of trees keeps, such as the result of an action. */
export interface HeldBlobs {
  /** Blobs of no tree: themselves alone. */
  readonly blobs: readonly Digest[];
  /** Directories of ours, with everything below them. */
  readonly directories: readonly Digest[];
  /** In bytes, of all of it: what counts against the owner's limit. What several holds share counts for each. */
  readonly size: number;
}

/** How long, and how much of it, an owner's holds keep what they name. */
export interface HoldLimits {
  /** In seconds, without being used. */
  readonly maxAge: number;
  /** In bytes: beyond it those go that were used longest ago. */
  readonly maxSize: number;
}

/** In seconds: a hold that was used so recently stays although its owner is beyond the limit, since its user may be about to read. */
export const protectedAge = 3600;

/** Of owners that set none: 30 days, 32 GiB. */
export const defaultHoldLimits: HoldLimits = { maxAge: 30 * 24 * 3600, maxSize: 32 * 2 ** 30 };

/** Kinds of `hold_roots`. */
const blobKind = 0;
const directoryKind = 1;

/**
 * Holds: rows that keep blobs from garbage collections, until they are released or their owner's limits are reached. What
 * belongs to a hold refers to its row and goes with it (`ON DELETE CASCADE`), so that whoever collects need not know what
 * it is. All are to be called within the transaction that writes what belongs to it.
 */
export class Holds {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Returns the hold's number, which is never used again. The blobs must be present, and kept from collections meanwhile. */
  add(owner: string, { blobs, directories, size }: HeldBlobs, now = Date.now()): number {
    return this.#database.transaction(() => {
      this.#database.run('INSERT INTO holds (owner, used, size) VALUES (?, ?, ?)', owner, seconds(now), size);
      const hold = Number(this.#database.get('SELECT last_insert_rowid() AS id')?.['id']);
      const sql = 'INSERT OR IGNORE INTO hold_roots (hold, kind, hash, size) VALUES (?, ?, ?, ?)';
      for (const [kind, digests] of [[blobKind, blobs] as const, [directoryKind, directories] as const])
        for (const digest of digests) this.#database.run(sql, hold, kind, sha256ToBytes(digest.hash), digest.size);
      return hold;
    });
  }

  rootsOf(hold: number): { readonly blobs: Digest[]; readonly directories: Digest[] } {
    const rows = this.#database.all('SELECT kind, hash, size FROM hold_roots WHERE hold = ?', hold);
    const of = (kind: number) => rows.filter(row => row['kind'] === kind).map(digestOfRow);
    return { blobs: of(blobKind), directories: of(directoryKind) };
  }

  /** Whether it is time to `touch` one that is being used: a quarter of an hour more or less does not matter. */
  isDue(hold: number, now = Date.now()): boolean {
    const row = this.#database.get('SELECT used FROM holds WHERE id = ?', hold);
    return row !== undefined && Number(row['used']) + protectedAge / 4 <= seconds(now);
  }

  /** Notes that it was used. */
  touch(hold: number, now = Date.now()): void {
    this.#database.run('UPDATE holds SET used = ? WHERE id = ?', seconds(now), hold);
  }

  /** With what belongs to it. */
  release(hold: number): void {
    this.#database.run('DELETE FROM holds WHERE id = ?', hold);
  }

  /** For every collection from now on, whoever collects. */
  setLimits(owner: string, { maxAge, maxSize }: HoldLimits): void {
    const { maxAge: age, maxSize: size } = this.limitsOf(owner);
    if (age === maxAge && size === maxSize) return;
    this.#database.run('INSERT OR REPLACE INTO hold_limits VALUES (?, ?, ?)', owner, maxAge, maxSize);
  }

  limitsOf(owner: string): HoldLimits {
    const row = this.#database.get('SELECT max_age, max_size FROM hold_limits WHERE owner = ?', owner);
    return row === undefined ? defaultHoldLimits : { maxAge: Number(row['max_age']), maxSize: Number(row['max_size']) };
  }

  /** Releases what is beyond the limits of its owner, those first that were used longest ago. Returns how many. */
  expire(now = Date.now()): number {
    return this.#database.transaction(() => {
      let released = 0;
      for (const { owner } of this.#database.all('SELECT DISTINCT owner FROM holds')) {
        if (typeof owner !== 'string') continue;
        const { maxAge, maxSize } = this.limitsOf(owner);
        released += this.#database.run('DELETE FROM holds WHERE owner = ? AND used < ?', owner, seconds(now) - maxAge);
        // What was used later comes first; the rest does not fit.
        released += this.#database.run(
          `DELETE FROM holds WHERE used < ? AND id IN (
             SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY used DESC, id DESC) AS total FROM holds WHERE owner = ?)
             WHERE total > ?)`,
          seconds(now) - protectedAge,
          owner,
          maxSize,
        );
      }
      return released;
    });
  }
}

const pageSize = 1000;

/** What holds keep, in the order in which they were made. Numbers of holds are never used again. */
export class HeldRoots {
  readonly #database: Database;
  readonly #after = new Map<number, { hold: number; hash: Uint8Array }>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** What came since the last call, page by page: the tables may change meanwhile. */
  next(): LiveRoots {
    return { nodes: this.#directories(), blobs: this.#digests(blobKind) };
  }

  *#directories() {
    for (const digest of this.#digests(directoryKind)) yield { kind: 'directory', digest } as const;
  }

  *#digests(kind: number): Generator<Digest, void> {
    for (;;) {
      const after = this.#after.get(kind) ?? { hold: -1, hash: new Uint8Array(0) };
      const page = this.#database.all(
        `SELECT hold, hash, size FROM hold_roots WHERE (hold, kind, hash) > (?, ?, ?) AND kind = ?
         ORDER BY hold, kind, hash LIMIT ?`,
        after.hold,
        kind,
        after.hash,
        kind,
        pageSize,
      );
      for (const row of page) {
        this.#after.set(kind, { hold: Number(row['hold']), hash: bytesOf(row) });
        yield digestOfRow(row);
      }
      if (page.length < pageSize) return;
    }
  }
}

function digestOfRow(row: Row): { readonly hash: Sha256; readonly size: number } {
  return { hash: sha256FromBytes(bytesOf(row)), size: Number(row['size']) };
}

function bytesOf(row: Row): Uint8Array {
  const { hash } = row;
  if (!(hash instanceof Uint8Array)) throw new TypeError('a column of hold_roots has the wrong type');
  return hash;
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
