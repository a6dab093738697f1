import { toHex } from '../../base/index.ts';
import { type Digest, sha256FromBytes, sha256ToBytes } from '../digest.ts';
import type { BlobAlias, BlobAliases, DirectoryAlias, DirectoryAliases } from '../foreign/aliases.ts';
import {
  type DigestFunction,
  type ForeignDigest,
  impliedDigest,
  impliedForeignDigest,
  sizeless,
} from '../foreign/foreign-digest.ts';
import type { Database, Row } from './database.ts';

/** In the database of a data folder. The two names of a blob have one size. */
export class DiskBlobAliases implements BlobAliases {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async find(foreign: readonly ForeignDigest[]): Promise<(Digest | undefined)[]> {
    return foreign.map(digest => impliedDigest(digest) ?? this.#find(digest));
  }

  async findByHash(digestFunction: DigestFunction, hashes: readonly string[]): Promise<(Digest | undefined)[]> {
    return hashes.map(hash => {
      const implied = impliedDigest({ function: digestFunction, hash, size: 0 });
      if (implied !== undefined) return implied;
      const sql = 'SELECT own_hash, size FROM blob_aliases WHERE function = ? AND hash = ?';
      const row = this.#database.get(sql, digestFunction, Buffer.from(hash, 'hex'));
      return row && { hash: sha256FromBytes(bytesOf(row, 'own_hash')), size: Number(row['size']) };
    });
  }

  #find({ function: digestFunction, hash, size }: ForeignDigest): Digest | undefined {
    const sql = 'SELECT own_hash, size FROM blob_aliases WHERE function = ? AND hash = ?';
    const row = this.#database.get(sql, digestFunction, Buffer.from(hash, 'hex'));
    if (row === undefined || (row['size'] !== size && !sizeless.has(digestFunction))) return undefined;
    return { hash: sha256FromBytes(bytesOf(row, 'own_hash')), size: Number(row['size']) };
  }

  async findForeign(
    digests: readonly Digest[],
    digestFunction: DigestFunction,
  ): Promise<(ForeignDigest | undefined)[]> {
    const sql = 'SELECT hash FROM blob_aliases WHERE own_hash = ? AND function = ? AND size = ?';
    return digests.map(digest => {
      const implied = impliedForeignDigest(digest, digestFunction);
      if (implied !== undefined) return implied;
      const row = this.#database.get(sql, sha256ToBytes(digest.hash), digestFunction, digest.size);
      return row && { function: digestFunction, hash: toHex(bytesOf(row, 'hash')), size: digest.size };
    });
  }

  async record(aliases: readonly BlobAlias[]): Promise<void> {
    const sql = 'INSERT OR IGNORE INTO blob_aliases (function, hash, own_hash, size) VALUES (?, ?, ?, ?)';
    const worthwhile = aliases.filter(({ foreign }) => impliedDigest(foreign) === undefined);
    if (worthwhile.length === 0) return;
    this.#database.transaction(() => {
      for (const { foreign, digest } of worthwhile) {
        this.#database.run(
          sql,
          foreign.function,
          Buffer.from(foreign.hash, 'hex'),
          sha256ToBytes(digest.hash),
          digest.size,
        );
      }
    });
  }
}

/** In the database of a data folder. */
export class DiskDirectoryAliases implements DirectoryAliases {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async find(foreign: readonly ForeignDigest[]): Promise<(Digest | undefined)[]> {
    const sql = 'SELECT size, own_hash, own_size FROM directory_aliases WHERE function = ? AND hash = ?';
    return foreign.map(({ function: digestFunction, hash, size }) => {
      const row = this.#database.get(sql, digestFunction, Buffer.from(hash, 'hex'));
      if (row === undefined || row['size'] !== size) return undefined;
      return { hash: sha256FromBytes(bytesOf(row, 'own_hash')), size: Number(row['own_size']) };
    });
  }

  async findForeign(
    digests: readonly Digest[],
    digestFunction: DigestFunction,
  ): Promise<(ForeignDigest | undefined)[]> {
    const sql = `SELECT hash, size, own_size FROM directory_aliases WHERE own_hash = ? AND function = ? AND canonical = 1`;
    return digests.map(({ hash, size }) => {
      const row = this.#database.get(sql, sha256ToBytes(hash), digestFunction);
      if (row === undefined || row['own_size'] !== size) return undefined;
      return { function: digestFunction, hash: toHex(bytesOf(row, 'hash')), size: Number(row['size']) };
    });
  }

  async record(aliases: readonly DirectoryAlias[]): Promise<void> {
    if (aliases.length === 0) return;
    // The way back leads to the first canonical message; later ones are found forwards all the same.
    const sql = `INSERT OR IGNORE INTO directory_aliases (function, hash, size, own_hash, own_size, canonical)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6 AND NOT EXISTS
        (SELECT 1 FROM directory_aliases WHERE own_hash = ?4 AND function = ?1 AND canonical = 1))`;
    this.#database.transaction(() => {
      for (const { foreign, digest, canonical } of aliases) {
        const names = [foreign.function, Buffer.from(foreign.hash, 'hex'), foreign.size] as const;
        this.#database.run(sql, ...names, sha256ToBytes(digest.hash), digest.size, canonical ? 1 : 0);
      }
    });
  }
}

function bytesOf(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw new TypeError(`the column '${column}' holds no bytes`);
  return value;
}
