import { byteStringFromLatin1, byteStringFromText } from '../../../base/index.ts';
import type { CallOptions } from '../../../castore/index.ts';
import { decodeQuery } from '../../../nix-compat/index.ts';
import { StoreError } from '../../error.ts';
import { StoreParameters } from '../../store-parameters.ts';
import { type ClientContext, sharedHttpClient } from '../http-clients.ts';
import { resolveUrl } from '../http-transport.ts';
import { s3Access, takeS3Parameters } from './open-s3-cache.ts';

/**
 * What `s3://BUCKET/KEY` is, with the parameters of caches in S3 after a question mark, and `versionId`. Throws as
 * `openDownload`, and `store-uri/malformed`.
 */
export async function openS3Object(
  url: URL,
  { signal, ...context }: ClientContext & CallOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const query = decodeQuery(byteStringFromText(url.search.slice(1)));
  const version = byteStringFromText('versionId');
  const versionId = query.get(version);
  const parameters = new StoreParameters(new Map([...query].filter(([name]) => name !== version)));
  const { location, sign } = s3Access(url.host, takeS3Parameters(parameters), context.reporter);
  parameters.warnUnknown(context.reporter);
  const key = decodeURIComponent(url.pathname.replace(/^\/+/, ''));
  if (key === '') throw new StoreError('store-uri/malformed', `'${url.href}' names no object`);
  const object = resolveUrl(key.split('/').map(encodeURIComponent).join('/'), location);
  if (versionId !== undefined) object.searchParams.set('versionId', byteStringFromLatin1(versionId));
  const outcome = await sharedHttpClient(context).open({ method: 'GET', url: object, signal, sign });
  if (outcome.kind !== 'found') throw outcome.error;
  return outcome.value;
}
