import { type ByteString, brandAs, bytesOf } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { formatHash } from '../hash/hash-format.ts';
import { hashBytes } from '../hash/hasher.ts';
import { type NixHash, compressHash } from '../hash/hash.ts';
import { encodeNix32 } from '../hash/nix32.ts';
import type { ContentAddress, ContentAddressMethod } from './content-address.ts';
import { type StoreDir, printStorePath } from './store-dir.ts';
import { type StorePath, compareStorePaths, joinStorePath } from './store-path.ts';

/** What a store object refers to: other store objects (in any order), and possibly itself. */
export interface StoreReferences {
  readonly others: Iterable<StorePath>;
  readonly self: boolean;
}

export const noReferences: StoreReferences = { others: [], self: false };

/** Bytes of a store path's hash part. */
const hashPartSize = 20;

/**
 * The store path of the fingerprint `<type>:<inner>:<store directory>:<name>` ("Store path specification" in Nix's
 * manual). Throws `store-path/bad-name`.
 */
export function makeStorePath(storeDir: StoreDir, type: string, inner: string, name: string): StorePath {
  const fingerprint = brandAs<ByteString>(`${type}:${inner}:${storeDir}:${name}`);
  const hash = compressHash(hashBytes('sha256', bytesOf(fingerprint)), hashPartSize);
  return joinStorePath(encodeNix32(hash.digest), name);
}

/** `makeStorePath` whose inner digest is a hash. */
export function makeTypedStorePath(storeDir: StoreDir, type: string, hash: NixHash, name: string): StorePath {
  return makeStorePath(storeDir, type, formatHash(hash, 'base16', { prefix: true }), name);
}

/** Of output `output` of an input-addressed derivation named `name` whose hash modulo is `hash`. */
export function makeOutputPath(storeDir: StoreDir, output: string, hash: NixHash, name: string): StorePath {
  return makeTypedStorePath(storeDir, `output:${output}`, hash, outputPathName(name, output));
}

/** The name of the store path of an output: that of the derivation for `out`, else with the output's appended. */
export function outputPathName(derivationName: string, output: string): string {
  return output === 'out' ? derivationName : `${derivationName}-${output}`;
}

/**
 * The store path of an object with content address `address` and `references`. Throws
 * `content-address/not-allowed-references` for references that the method cannot carry,
 * `content-address/not-allowed-algorithm`, or `store-path/bad-name`.
 */
export function makeStorePathFromCA(
  storeDir: StoreDir,
  name: string,
  address: ContentAddress,
  references: StoreReferences = noReferences,
): StorePath {
  const { method, hash } = address;
  if (method === 'text') {
    if (references.self) {
      throw new NixCompatError(
        'content-address/not-allowed-references',
        'self-reference not allowed with text hashing',
      );
    }
    return makeTextPath(storeDir, name, { hash, references: references.others });
  }
  return makeFixedOutputPath(storeDir, name, { method, hash, references });
}

export interface TextInfo {
  /** SHA-256 of the file's bytes. */
  readonly hash: NixHash;
  readonly references: Iterable<StorePath>;
}

/** Of a file whose references are in its path: derivations and `builtins.toFile`. */
export function makeTextPath(storeDir: StoreDir, name: string, info: TextInfo): StorePath {
  if (info.hash.algorithm !== 'sha256') {
    const message = `text hashing of '${name}' must use SHA-256 hash, but instead using: ${info.hash.algorithm}`;
    throw new NixCompatError('content-address/not-allowed-algorithm', message);
  }
  const type = typeWithReferences(storeDir, 'text', { others: info.references, self: false });
  return makeTypedStorePath(storeDir, type, info.hash, name);
}

export interface FixedOutputInfo {
  readonly method: Exclude<ContentAddressMethod, 'text'>;
  readonly hash: NixHash;
  readonly references?: StoreReferences;
}

/** The SHA-256 of a NAR makes a `source` path, which alone may have references; all else goes through `output:out`. */
export function makeFixedOutputPath(storeDir: StoreDir, name: string, info: FixedOutputInfo): StorePath {
  const { method, hash, references = noReferences } = info;
  if (method === 'git' && hash.algorithm !== 'sha1' && hash.algorithm !== 'sha256') {
    const message = `Git file ingestion must use SHA-1 or SHA-256 hash, but instead using: ${hash.algorithm}`;
    throw new NixCompatError('content-address/not-allowed-algorithm', message);
  }
  const type = typeWithReferences(storeDir, 'source', references);
  if (method === 'nar' && hash.algorithm === 'sha256') return makeTypedStorePath(storeDir, type, hash, name);
  if (type !== 'source') {
    const message =
      `fixed output derivation '${name}' is not allowed to refer to other store paths.\n` +
      "You may need to use the 'unsafeDiscardReferences' derivation attribute, see the manual for more details.";
    throw new NixCompatError('content-address/not-allowed-references', message);
  }
  const prefix = { flat: '', nar: 'r:', git: 'git:' }[method];
  const inner = hashBytes('sha256', Buffer.from(`fixed:out:${prefix}${formatHash(hash, 'base16', { prefix: true })}:`));
  return makeTypedStorePath(storeDir, 'output:out', inner, name);
}

function typeWithReferences(storeDir: StoreDir, type: string, references: StoreReferences): string {
  const others = [...new Set(references.others)].toSorted(compareStorePaths);
  return [type, ...others.map(path => printStorePath(storeDir, path)), ...(references.self ? ['self'] : [])].join(':');
}
