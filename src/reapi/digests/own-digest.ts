import { type Digest, sha256FromHex } from '../../castore/index.ts';
import { type DigestMessage, digestOfMessage, messageOfDigest } from './digest-message.ts';

/** A digest of our own function as REAPI writes it. */
export function messageOfOwnDigest(digest: Digest): DigestMessage {
  return messageOfDigest({ function: 'sha256', ...digest });
}

/** What names a blob of ours. `what` names the field, for the message of `digest/malformed`. */
export function ownDigestOf(message: DigestMessage | undefined, what: string): Digest {
  const { hash, size } = digestOfMessage(message, 'sha256', what);
  return { hash: sha256FromHex(hash), size };
}
