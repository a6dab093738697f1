import { FirnError } from '../base/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const storeErrorCodes = {
  'path/invalid': 'a store path that the store does not have',
  'path/missing-reference': 'a store path whose reference the store does not have',
  'path/hash-mismatch': 'contents that do not have the NAR hash or size that was announced',
  'path/in-use': 'a store path that something else needs and that therefore stays',
  'content/not-flat': 'a tree that is no plain file where only one can be named',
  'store/corrupt': 'a row of the store’s tables that cannot be',
} as const;

export type StoreErrorCode = keyof typeof storeErrorCodes;

export class StoreError extends FirnError<StoreErrorCode> {}
