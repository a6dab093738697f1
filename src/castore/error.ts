import { FirnError } from '../base/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const castoreErrorCodes = {
  'digest/malformed': 'text or bytes that are no digest',
  'digest/mismatch': 'bytes that do not have the digest they were announced or stored with',
  'blob/missing': 'a blob that something refers to is absent',
  'blob/too-large': 'a blob beyond the limit of the one who asked for it',
  'directory/malformed': 'bytes that are no Directory message',
  'directory/not-canonical': 'a Directory message that another encoder would write differently',
  'directory/bad-name': 'a directory entry whose name is empty, `.`, `..`, or has a slash or NUL',
  'directory/unsorted': 'directory entries out of order or with equal names',
  'directory/bad-symlink': 'a symlink target that is empty or has a NUL',
  'directory/unsupported': 'a Directory message with node properties or unknown fields, which our trees do not hold',
  'directory/too-large': 'a Directory message beyond the limit',
} as const;

export type CastoreErrorCode = keyof typeof castoreErrorCodes;

export class CastoreError extends FirnError<CastoreErrorCode> {
  /** Where in the refused bytes the fault is, counted from their beginning; undefined where no place can be named. */
  readonly offset: number | undefined;

  constructor(
    code: CastoreErrorCode,
    message: string,
    options: ErrorOptions & { readonly offset?: number | undefined } = {},
  ) {
    const { offset } = options;
    super(code, offset === undefined ? message : `${message} (at byte ${offset})`, options);
    this.offset = offset;
  }
}
