import { messageOf } from '../../base/index.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';

interface Cause {
  readonly code: CastoreErrorCode;
  readonly message: (path: string, reason: string) => string;
}

const unusable: Cause = {
  code: 'data-folder/unusable',
  message: (path, reason) =>
    `cannot use the database '${path}': ${reason} (choose another data folder with --data or FIRN_DATA)`,
};
const busy: Cause = {
  code: 'data-folder/busy',
  message: (path, reason) =>
    `SQLite database '${path}' is busy (${reason}): another process is using it; try again when that has ended`,
};
const corrupt: Cause = {
  code: 'data-folder/corrupt',
  message: (path, reason) =>
    `the database '${path}' is damaged (${reason}): move it away; blobs that are files can be imported again`,
};

/** By SQLite's primary result code: https://sqlite.org/rescode.html */
const causes: ReadonlyMap<number, Cause> = new Map([
  [3, unusable], // SQLITE_PERM
  [5, busy], // SQLITE_BUSY
  [6, busy], // SQLITE_LOCKED
  [8, unusable], // SQLITE_READONLY
  [
    10, // SQLITE_IOERR
    {
      code: 'data-folder/io-error',
      message: (path, reason) => `cannot read or write the database '${path}': ${reason}; look after its disk`,
    },
  ],
  [11, corrupt], // SQLITE_CORRUPT
  [
    13, // SQLITE_FULL
    {
      code: 'data-folder/full',
      message: (path, reason) => `cannot write the database '${path}': ${reason}; make space on its file system`,
    },
  ],
  [14, unusable], // SQLITE_CANTOPEN
  [26, corrupt], // SQLITE_NOTADB
]);

/** What SQLite threw, as a `data-folder/…` error that names the file; anything else as it is. */
export function explainSqliteError(path: string, error: unknown): unknown {
  if (!(error instanceof Error && 'errcode' in error && typeof error.errcode === 'number')) return error;
  const cause = causes.get(error.errcode & 0xff);
  return cause === undefined
    ? error
    : new CastoreError(cause.code, cause.message(path, messageOf(error)), { cause: error });
}
