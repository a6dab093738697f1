import { FirnError } from '../base/index.ts';
import type { ForeignDigest } from '../castore/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const reapiErrorCodes = {
  'digest/malformed': 'a digest that is missing, or has a hash or a size that its digest function does not have',
  'digest/unknown-function': 'a digest function that is not served, or that the length of a hash does not tell',
  'resource/malformed': 'a resource name of ByteStream that names no blob',
  'compressor/unsupported': 'a compressor that is not spoken',
  'message/malformed': 'bytes that are not the message that a digest was to name',
  'blobs/missing': 'blobs that an action, a command or a result of an action names are absent',
  'action/malformed': 'an action or a command that cannot be carried out as it is written',
  'action/unsatisfiable': 'an action with requirements that nobody here satisfies',
  'action/bad-output': 'an output that cannot be given back: a device, a socket, a directory where a file was wanted',
  'action/timed-out': 'an action that ran longer than it may',
  'action/cancelled': 'an action that somebody asked to end',
  'action/too-much-output': 'an action that wrote more than it may',
  'closure/unknown': 'a store path that an action names and nobody who is asked knows',
  'closure/other': 'a store path that is something else here than what an action says it has to be',
  'closure/refused': 'store paths that an action may not see here',
  'action/too-much-disk': 'an action that filled more of the disk than it may',
  'channel/unknown': 'a channel of an action that nobody has open',
  'channel/refused': 'a channel of an action that cannot be opened',
  'executor/unavailable': 'an action that could not be run for want of something that has nothing to do with it',
  'executor/failed': 'an action that was not executed to its end for a fault of ours',
  'queue/full': 'an action for which there is no place in the queue',
  'endpoint/malformed': 'an address of a server that cannot be understood',
  'server/incapable': 'a server that lacks what is needed of it',
  'server/bad-answer': 'an answer of a server that does not fit what was asked',
  'server/refused': 'a blob or a result that a server did not take',
  'entry/malformed': 'an entry of a store in a cache that cannot be read',
  'operation/unknown': 'an operation that there is not, or not any more',
} as const;

export type ReapiErrorCode = keyof typeof reapiErrorCodes;

/** What is wrong with a request, or stands in its way. Which status of gRPC that is, `server` says. */
export class ReapiError extends FirnError<ReapiErrorCode> {
  /** Of `blobs/missing`: each once. */
  readonly missing: readonly ForeignDigest[];

  constructor(
    code: ReapiErrorCode,
    message: string,
    options: ErrorOptions & { readonly missing?: readonly ForeignDigest[] } = {},
  ) {
    const { missing = [], ...rest } = options;
    super(code, message, rest);
    this.missing = missing;
  }
}
