import { type StorePath, parseStorePath } from '../../nix-compat/index.ts';
import type { DiskBlobStore, Schema, SqlValue } from '../../castore/index.ts';

/** `sent`: one row for each file that somebody sent to a binary cache (docs/formats/store-tables.md). Nothing is kept for it. */
const sentSchema: Schema = {
  name: 'nix-cache',
  migrations: [
    `CREATE TABLE sent (
       instance TEXT NOT NULL,
       path TEXT NOT NULL,
       name TEXT NOT NULL,
       nar_hash BLOB NOT NULL,
       compression TEXT NOT NULL,
       PRIMARY KEY (instance, path, name)
     ) WITHOUT ROWID;
     CREATE INDEX sent_by_name ON sent (instance, name);`,
  ],
};

/** A file below an instance of the cache, under the name that its sender gave it: `nar/….nar.xz`, `log/…`, `realisations/…`. */
export interface SentFile {
  readonly instance: string;
  readonly name: string;
}

/** What a file is of. */
export interface SentContents {
  readonly path: StorePath;
  /** Of the path; empty where the file is no NAR. */
  readonly narHash: Uint8Array;
  /** Of the file, as its narinfo calls it. */
  readonly compression: string;
}

/**
 * What was sent to which instance, and as what: those who sent it ask for it by these names, and private instances have nothing
 * else. A path counts as sent while it has the contents that were.
 */
export class SentTable {
  readonly #database: DiskBlobStore['folder']['database'];

  constructor(blobs: DiskBlobStore) {
    this.#database = blobs.folder.database;
    this.#database.use(sentSchema);
  }

  record({ instance, name }: SentFile, { path, narHash, compression }: SentContents): void {
    const values: SqlValue[] = [instance, path, name, narHash, compression];
    this.#database.run('INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?, ?)', ...values);
  }

  /** By name: several paths may have equal NARs, and any will do. */
  find({ instance, name }: SentFile): SentContents | undefined {
    const row = this.#database.get(
      'SELECT path, nar_hash, compression FROM sent WHERE instance = ? AND name = ? LIMIT 1',
      instance,
      name,
    );
    const narHash = row?.['nar_hash'];
    if (row === undefined || !(narHash instanceof Uint8Array)) return undefined;
    return { path: parseStorePath(String(row['path'])), narHash, compression: String(row['compression']) };
  }

  has(instance: string, { path, narHash }: Pick<SentContents, 'path' | 'narHash'>): boolean {
    const query = 'SELECT 1 FROM sent WHERE instance = ? AND path = ? AND nar_hash = ? LIMIT 1';
    return this.#database.get(query, instance, path, narHash) !== undefined;
  }

  /** Forgets the NARs of paths that are not valid any more, a few at a time. */
  async forget(validPaths: (paths: readonly StorePath[]) => Promise<ReadonlySet<StorePath>>): Promise<void> {
    for (let after = ''; ;) {
      const rows = this.#database.all(
        "SELECT DISTINCT path FROM sent WHERE path > ? AND nar_hash <> x'' ORDER BY path LIMIT 1000",
        after,
      );
      const paths = rows.map(row => parseStorePath(String(row['path'])));
      const last = paths.at(-1);
      if (last === undefined) return;
      const valid = await validPaths(paths);
      this.#database.transaction(() => {
        for (const path of paths) if (!valid.has(path)) this.#database.run('DELETE FROM sent WHERE path = ?', path);
      });
      after = last;
    }
  }
}
