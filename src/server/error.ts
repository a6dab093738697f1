import { FirnError } from '../base/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const serverErrorCodes = {
  'request/forbidden': 'a request that this client may not make',
  'request/unsupported': 'a request that nobody serves',
  'request/malformed': 'a request that says what cannot be',
  'build/failed': 'what a client wanted built and could not be',
} as const;

export type ServerErrorCode = keyof typeof serverErrorCodes;

export class ServerError extends FirnError<ServerErrorCode> {}
