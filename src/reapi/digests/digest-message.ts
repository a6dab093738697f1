import { create } from '@bufbuild/protobuf';
import { type DigestFunction, type ForeignDigest, checkForeignDigest, digestFunctions } from '../../castore/index.ts';
import { type Digest, DigestSchema } from '../../proto/index.ts';
import { ReapiError } from '../error.ts';
import { type ServedDigestFunction, digestFunctionNumbers, parseTaggedHash, wireHash } from './digest-functions.ts';

/** A `Digest` of a message. */
export interface DigestMessage {
  readonly hash: string;
  readonly sizeBytes: bigint;
}

/**
 * The function that a request names by its number (`DigestFunction.Value`), or else the one whose hashes are as long as
 * `hash`: BLAKE3, whose are as long as SHA-256's, is named by everybody. Throws `digest/unknown-function`.
 */
export function requestedFunction(value: number, hash: string): ServedDigestFunction {
  const tagged = parseTaggedHash(hash);
  if (tagged !== undefined && nativeNumbers.has(value)) return tagged.function;
  for (const name of servedFunctions) {
    if (value === 0 ? hash.length === 2 * digestFunctions[name] : digestFunctionNumbers[name] === value) return name;
  }
  const what = value === 0 ? `that hashes have ${hash.length} digits` : `number ${value}`;
  throw new ReapiError(
    'digest/unknown-function',
    `no digest function ${what}: there are ${servedFunctions.join(', ')}`,
  );
}

/** What just's native mode may name its functions by. */
const nativeNumbers: ReadonlySet<number> = new Set([0, digestFunctionNumbers.sha1, digestFunctionNumbers.gitsha1]);

/** In the order in which the length of a hash tells them. */
const servedFunctions = ['sha256', 'sha1', 'sha384', 'sha512', 'blake3', 'gitsha1'] as const;

/**
 * What a message's `Digest` names. In just's native mode each hash tells by its tag whether it is a file's or a tree's,
 * whichever of the two functions is given. `what` names the field, for the message of `digest/malformed`.
 */
export function digestOfMessage(
  message: DigestMessage | undefined,
  digestFunction: DigestFunction,
  what: string,
): ForeignDigest {
  if (message === undefined) throw new ReapiError('digest/malformed', `${what} is missing`);
  const isNative = digestFunction === 'gitblob' || digestFunction === 'gittree';
  const named = (isNative ? parseTaggedHash(message.hash) : undefined) ?? {
    function: digestFunction,
    hash: message.hash,
  };
  const digest = { ...named, size: Number(message.sizeBytes) };
  try {
    checkForeignDigest(digest);
  } catch (cause) {
    const shown = `'${message.hash.slice(0, 160)}', ${message.sizeBytes} bytes`;
    throw new ReapiError('digest/malformed', `${what} is no ${digestFunction} digest: ${shown}`, { cause });
  }
  return digest;
}

export function messageOfDigest(digest: ForeignDigest): Digest {
  return create(DigestSchema, { hash: wireHash(digest), sizeBytes: BigInt(digest.size) });
}

/** Those that resource names need not name, since the length of their hashes tells them. */
const impliedByLength: ReadonlySet<DigestFunction> = new Set([
  'md5',
  'sha1',
  'sha256',
  'sha384',
  'sha512',
  'gitblob',
  'gittree',
]);

/** A blob's resource name without that of its instance: `blobs/{digest_function/}HASH/SIZE`. */
export function blobResource(digest: ForeignDigest): string {
  const hash = wireHash(digest);
  const { function: digestFunction, size } = digest;
  return impliedByLength.has(digestFunction) ? `blobs/${hash}/${size}` : `blobs/${digestFunction}/${hash}/${size}`;
}
