import type { Schema } from './database.ts';

/** Blobs of at most this many bytes are rows of the database rather than files: docs/adr/0003-rows-and-files.md. */
export const defaultInlineLimit = 16 * 1024;

/** Bits of `blobs.files`: which files hold the blob. */
export const plainFile = 1;
export const executableFile = 2;

/**
 * `blobs`: one row a blob that is present. `data` holds small ones; `files` tells which files of docs/formats/data-folder.md
 * hold it (0 when only `data` does). `blob_aliases`: what a blob (`own_hash`) is called by another digest function.
 * `directory_aliases`: what a foreign Directory message means in ours, and whether it is how we would write it. `holds`,
 * `hold_roots`, `hold_limits`: what keeps blobs beside trees of store paths (`gc/holds.ts`).
 */
export const blobSchema: Schema = {
  name: 'castore',
  migrations: [
    `CREATE TABLE blobs (
       id INTEGER PRIMARY KEY,
       hash BLOB NOT NULL UNIQUE,
       size INTEGER NOT NULL,
       files INTEGER NOT NULL,
       data BLOB
     );
     CREATE TABLE blob_aliases (
       function TEXT NOT NULL,
       hash BLOB NOT NULL,
       own_hash BLOB NOT NULL,
       size INTEGER NOT NULL,
       PRIMARY KEY (function, hash)
     ) WITHOUT ROWID;
     CREATE UNIQUE INDEX blob_aliases_back ON blob_aliases (own_hash, function);
     CREATE TABLE directory_aliases (
       function TEXT NOT NULL,
       hash BLOB NOT NULL,
       size INTEGER NOT NULL,
       own_hash BLOB NOT NULL,
       own_size INTEGER NOT NULL,
       canonical INTEGER NOT NULL,
       PRIMARY KEY (function, hash)
     ) WITHOUT ROWID;
     CREATE UNIQUE INDEX directory_aliases_back ON directory_aliases (own_hash, function) WHERE canonical = 1;`,
    `CREATE TABLE holds (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       owner TEXT NOT NULL,
       used INTEGER NOT NULL,
       size INTEGER NOT NULL
     );
     CREATE INDEX holds_by_use ON holds (owner, used);
     CREATE TABLE hold_roots (
       hold INTEGER NOT NULL REFERENCES holds (id) ON DELETE CASCADE,
       kind INTEGER NOT NULL,
       hash BLOB NOT NULL,
       size INTEGER NOT NULL,
       PRIMARY KEY (hold, kind, hash)
     ) WITHOUT ROWID;
     CREATE TABLE hold_limits (
       owner TEXT PRIMARY KEY,
       max_age INTEGER NOT NULL,
       max_size INTEGER NOT NULL
     ) WITHOUT ROWID;`,
  ],
};
