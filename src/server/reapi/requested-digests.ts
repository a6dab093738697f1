import type { ForeignDigest } from '../../castore/index.ts';
import { type DigestMessage, digestOfMessage, requestedFunction } from '../../reapi/index.ts';

/**
 * What the digests of a request name, which are all of one function: the one that is given by its number, or else the one
 * whose hashes are as long as the first. Throws `digest/malformed`, `digest/unknown-function`.
 */
export function requestedDigests(
  messages: readonly (DigestMessage | undefined)[],
  functionNumber: number,
  what: string,
): ForeignDigest[] {
  const [first] = messages;
  if (first === undefined && messages.length === 0) return [];
  const digestFunction = requestedFunction(functionNumber, first?.hash ?? '');
  return messages.map(message => digestOfMessage(message, digestFunction, what));
}

/** As `requestedDigests`, of one that must be there. */
export function requestedDigest(
  message: DigestMessage | undefined,
  functionNumber: number,
  what: string,
): ForeignDigest {
  return digestOfMessage(message, requestedFunction(functionNumber, message?.hash ?? ''), what);
}
