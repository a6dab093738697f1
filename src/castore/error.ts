import { FirnError } from '../base/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const castoreErrorCodes = {
  'digest/malformed': 'text or bytes that are no digest',
  'digest/mismatch': 'bytes that do not have the digest they were announced or stored with',
  'blob/missing': 'a blob that something refers to is absent',
  'blob/too-large': 'a blob beyond the limit of the one who asked for it',
  'blob/bad-range': 'an offset or a length that is negative or no integer',
  'chunking/bad-parameters': 'chunk sizes or a seed that FastCDC is not defined for',
  'directory/malformed': 'bytes that are no Directory message',
  'directory/not-canonical': 'a Directory message that another encoder would write differently',
  'directory/bad-name': 'a directory entry whose name is empty, `.`, `..`, or has a slash or NUL',
  'directory/unsorted': 'directory entries out of order or with equal names',
  'directory/bad-symlink': 'a symlink target that is empty or has a NUL',
  'directory/unsupported': 'a Directory message with node properties or unknown fields, which our trees do not hold',
  'directory/not-utf8': 'a name or symlink target that is no UTF-8, in a tree for a foreign REAPI peer',
  'directory/too-large': 'a Directory message beyond the limit',
  'directory/too-many-entries': 'a directory of more entries than the limit',
  'tree/bad-event': 'tree events in an order that no tree has, or a file of another size than was announced',
  'tree/unsupported-type': 'a FIFO, socket or device where a file, directory or symlink is wanted',
  'tree/too-deep': 'directories nested beyond the limit',
  'tree/too-many-nodes': 'a tree of more files, directories and symlinks than the limit',
  'tree/name-collision': 'two entries on disk that stand for one name',
  'tree/write-failed': 'contents of a file that the system refuses to write',
  'tree/changed': 'a file that changed while it was read',
  'archive/malformed': 'an archive of tar or zip with a header or a record that is none',
  'archive/truncated': 'an archive that ends before its end',
  'archive/unsupported':
    'an entry of an archive that no tree can hold, such as a device, or a form of it that is not read',
  'archive/bad-path': 'an entry of an archive that leads out of it, or whose name no file can have',
  'archive/conflict': 'an entry of an archive below, or in place of, what an earlier one made',
  'archive/bad-link': 'a hard link in an archive to what is no file before it',
  'archive/too-large': 'an archive beyond a limit',
  'git-object/malformed': 'bytes that are no git object, or none of the kind that is wanted',
  'git-object/unsupported': 'an entry of a git tree that no tree can hold',
  'data-folder/foreign': 'a data folder that belongs to another program',
  'data-folder/newer-format': 'a data folder written by a newer Firn',
  'data-folder/older-format': 'a data folder of an older Firn where nothing may be written',
  'data-folder/unusable': 'a data folder that cannot be opened or created',
  'data-folder/corrupt': 'a database that SQLite finds damaged',
  'data-folder/busy': 'a database that another process keeps to itself',
  'data-folder/full': 'a database that cannot grow, since its disk is full',
  'data-folder/io-error': 'a database whose file the system fails to read or write',
} as const;

export type CastoreErrorCode = keyof typeof castoreErrorCodes;

export class CastoreError extends FirnError<CastoreErrorCode> {
  /** Where in the refused bytes the fault is, counted from their beginning; undefined where no place can be named. */
  readonly offset: number | undefined;
  /** Of the file on disk that is refused, for those who say it in their own words. */
  readonly path: string | undefined;

  constructor(
    code: CastoreErrorCode,
    message: string,
    options: ErrorOptions & { readonly offset?: number | undefined; readonly path?: string } = {},
  ) {
    const { offset, path } = options;
    super(code, offset === undefined ? message : `${message} (at byte ${offset})`, options);
    this.offset = offset;
    this.path = path;
  }
}

/** `found` undefined: the bytes are more than announced, and the rest was not looked at. */
export function digestMismatch(
  expected: { readonly hash: string; readonly size: number },
  found: { readonly hash: string; readonly size: number } | undefined,
): CastoreError {
  const is =
    found === undefined ? `are more than ${expected.size} bytes` : `have the digest ${found.hash}/${found.size}`;
  return new CastoreError('digest/mismatch', `bytes announced as ${expected.hash}/${expected.size} ${is}`);
}
