import { FirnError } from '../base/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const storeErrorCodes = {
  'path/invalid': 'a store path that the store does not have',
  'path/missing-reference': 'a store path whose reference the store does not have',
  'path/hash-mismatch': 'contents that do not have the NAR hash or size that was announced',
  'path/in-use': 'a store path that something else needs and that therefore stays',
  'path/untrusted': 'a path that no trusted key has signed',
  'path/irreparable': 'a path whose contents are damaged and can be had nowhere',
  'path/unreadable': 'a store path whose checkout cannot be read',
  'path/cycle': 'store paths that refer to each other in a circle',
  'path/wrong-name': 'a store path that claims to be content-addressed and does not follow from its content',
  'store/read-only': 'a change of a store that is open for reading alone',
  'path/no-substituter':
    'a path that is needed and that no substituter has, or none that is trusted, or none in a good state',
  'path/unrealised-references': 'a path that is needed and refers to another that could not be had',
  'profile/bad-age': 'an age of generations that is no number of days',
  'profile/current': 'a deletion of the generation that a profile leads to',
  'profile/no-generation': 'a generation that a profile does not have',
  'root/exists': 'a link for a root in whose place there is something else',
  'root/in-store': 'a link for a root within the store directory',
  'realisation/conflict': 'an output that is known to be another store path already',
  'tree/not-a-file': 'an entry of a tree that was to be read and is no plain file',
  'store/unsupported': 'what this kind of store cannot do',
  'store/forbidden': 'a store whose data folder this user may not write to',
  'store-uri/malformed': 'a store’s URI that cannot be parsed',
  'store-uri/unknown-scheme': 'a store’s URI of a kind that nobody knows',
  'cache/bad-path': 'a path of a file that would be outside of its binary cache',
  'cache/missing-file': 'a file that a binary cache refers to and does not have',
  'cache/access-denied': 'a file that its server does not give to us, or a server that is not to be asked',
  'cache/file-too-large': 'a file of a binary cache with more bytes than such a file may have',
  'cache/other-store-dir': 'a binary cache for another store directory',
  'cache/not-a-cache': 'a place that has no binary cache and cannot be made one',
  'cache/bad-secret-key': 'a secret key that cannot be read',
  'cache/no-credentials': 'credentials for a service that cannot be had',
  'cache/disabled': 'a binary cache that failed shortly before and is not asked for a while',
  'cache/transfer-failed': 'a file of a binary cache that could not be transferred',
  'cache/unknown-compression': 'a compression method that nobody knows or that is not supported',
  'cache/bad-compression-level': 'a compression level that the method does not have',
  'cache/codec-failed': 'data that could not be compressed or decompressed',
  'derivation/too-large': 'a file of a derivation with more bytes than a derivation may have',
  'content/not-flat': 'a tree that is no plain file where only one can be named',
  'remote/unreachable': 'a store behind a connection that cannot be opened',
  'remote/disconnected': 'a connection that ended before what was asked for was answered',
  'remote/failed': 'what the other side of a connection says has failed',
  'remote/bad-answer': 'an answer that does not fit what was asked for',
  'store/corrupt': 'a row of the store’s tables that cannot be',
} as const;

export type StoreErrorCode = keyof typeof storeErrorCodes;

export class StoreError extends FirnError<StoreErrorCode> {}
