import { type ForeignDigest, isHashOf } from '../../castore/index.ts';
import { ReapiError } from '../error.ts';
import {
  type ServedDigestFunction,
  digestFunctionNumbers,
  isServedDigestFunction,
  parseTaggedHash,
} from './digest-functions.ts';
import { blobResource, requestedFunction } from './digest-message.ts';

/** The compressors of blobs that are spoken, as resource names write them. */
export type BlobCompressor = 'identity' | 'zstd';

/** What a resource name of ByteStream says. */
export interface BlobResource {
  readonly instance: string;
  readonly digest: ForeignDigest & { readonly function: ServedDigestFunction };
  readonly compressor: BlobCompressor;
}

export interface UploadResource extends BlobResource {
  /** What the client chose: tells uploads of one blob apart. */
  readonly uploadId: string;
}

/** Words that begin what follows the instance's name, which therefore has none of them as a segment. */
const keywords: ReadonlySet<string> = new Set(['blobs', 'compressed-blobs', 'uploads']);

/** Characters of the longest name that is looked at. */
const maxNameLength = 8192;

/**
 * The blob that `[instance/]blobs/[function/]hash/size` or `[instance/]compressed-blobs/zstd/[function/]hash/size` names.
 * Throws `resource/malformed`, `compressor/unsupported`, `digest/unknown-function`.
 */
export function parseBlobResource(name: string): BlobResource {
  const { instance, rest } = splitName(name);
  const resource = parseBlob(name, rest);
  if (resource.left.length > 0) throw malformed(name);
  return { instance, digest: resource.digest, compressor: resource.compressor };
}

/**
 * The upload that `[instance/]uploads/id/blobs/[function/]hash/size[/anything]` names, or its compressed sibling. Throws
 * as `parseBlobResource`.
 */
export function parseUploadResource(name: string): UploadResource {
  const { instance, rest } = splitName(name);
  const [word, uploadId = '', ...blob] = rest;
  if (word !== 'uploads' || uploadId === '') throw malformed(name);
  const { digest, compressor } = parseBlob(name, blob);
  return { instance, digest, compressor, uploadId };
}

export function formatBlobResource({ instance, digest, compressor }: BlobResource): string {
  const plain = blobResource(digest);
  const blob = compressor === 'identity' ? plain : plain.replace('blobs', `compressed-blobs/${compressor}`);
  return instance === '' ? blob : `${instance}/${blob}`;
}

export function formatUploadResource(resource: UploadResource): string {
  const { instance, uploadId } = resource;
  const blob = formatBlobResource({ ...resource, instance: '' });
  return [...(instance === '' ? [] : [instance]), 'uploads', uploadId, blob].join('/');
}

function splitName(name: string): { readonly instance: string; readonly rest: readonly string[] } {
  if (name.length > maxNameLength) throw malformed(name);
  const segments = name.split('/');
  const at = segments.findIndex(segment => keywords.has(segment));
  if (at < 0) throw malformed(name);
  return { instance: segments.slice(0, at).join('/'), rest: segments.slice(at) };
}

function parseBlob(
  name: string,
  segments: readonly string[],
): Omit<BlobResource, 'instance'> & { readonly left: readonly string[] } {
  const [word, ...rest] = segments;
  if (word !== 'blobs' && word !== 'compressed-blobs') throw malformed(name);
  const compressor = word === 'blobs' ? 'identity' : rest.shift();
  if (compressor !== 'identity' && compressor !== 'zstd') {
    throw new ReapiError('compressor/unsupported', `the compressor '${compressor}' is not served, only zstd`);
  }
  const [first = ''] = rest;
  let named: ServedDigestFunction | undefined;
  if (isServedDigestFunction(first) && digestFunctionNumbers[first] !== 0) {
    named = first;
    rest.shift();
  }
  const [hash = '', size = '', ...left] = rest;
  const digestFunction = named ?? requestedFunction(0, hash);
  const own = parseTaggedHash(hash)?.hash ?? hash;
  if (!isHashOf(digestFunction, own) || !/^(?:0|[1-9][0-9]{0,15})$/.test(size)) throw malformed(name);
  const digest = { function: digestFunction, hash: own, size: Number(size) };
  if (!Number.isSafeInteger(digest.size)) throw malformed(name);
  return { digest, compressor, left };
}

function malformed(name: string): ReapiError {
  return new ReapiError('resource/malformed', `'${name.slice(0, 300)}' is no resource name of a blob`);
}
