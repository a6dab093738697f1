import { FirnError } from '../base/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const storeErrorCodes = {
  'path/invalid': 'a store path that the store does not have',
  'path/missing-reference': 'a store path whose reference the store does not have',
  'path/hash-mismatch': 'contents that do not have the NAR hash or size that was announced',
  'path/in-use': 'a store path that something else needs and that therefore stays',
  'path/untrusted': 'a path that no trusted key has signed',
  'path/irreparable': 'a path whose contents are damaged and can be had nowhere',
  'realisation/conflict': 'an output that is known to be another store path already',
  'tree/not-a-file': 'an entry of a tree that was to be read and is no plain file',
  'store/unsupported': 'what this kind of store cannot do',
  'store-uri/malformed': 'a store’s URI that cannot be parsed',
  'store-uri/unknown-scheme': 'a store’s URI of a kind that nobody knows',
  'content/not-flat': 'a tree that is no plain file where only one can be named',
  'store/corrupt': 'a row of the store’s tables that cannot be',
} as const;

export type StoreErrorCode = keyof typeof storeErrorCodes;

export class StoreError extends FirnError<StoreErrorCode> {}
