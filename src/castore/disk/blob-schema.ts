import type { Schema } from './database.ts';

/** Bits of `blobs.files`: which files hold the blob. */
export const plainFile = 1;
export const executableFile = 2;

/**
 * `blobs`: one row a blob that is present. `data` holds small ones; `files` tells which files of docs/formats/data-folder.md
 * hold it (0 when only `data` does). `aliases`: other names of a blob, written only after its bytes were hashed by that
 * function. `foreign_directories`: Directory messages whose digests are of another function, and the tree each stands for.
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
     );`,
  ],
};
