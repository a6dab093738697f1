import { FirnError } from '../base/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const fuseErrorCodes = {
  'fuse/malformed': 'bytes from the kernel that are no request of its protocol',
  'fuse/unsupported': 'a system or a kernel that has no FUSE, or an older protocol than is spoken here',
  'fuse/not-permitted': 'a user who may not mount',
  'fuse/bad-mount-point': 'a place where nothing can be mounted',
  'fuse/mount-failed': 'a mount that the system refuses for another reason',
  'fuse/ended': 'a mount whose serving thread has ended',
  'fuse/bad-view': 'a view that cannot be had under that name',
} as const;

export type FuseErrorCode = keyof typeof fuseErrorCodes;

export class FuseError extends FirnError<FuseErrorCode> {}
