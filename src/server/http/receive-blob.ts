import type { IncomingMessage } from 'node:http';
import { type DigestFunction, ForeignDigester } from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import type { ReapiPlace } from '../reapi/reapi-place.ts';
import { bodyChunks } from './request-body.ts';

/** Adds the blob that a request's body is, durably. Throws `invalidArgument` where it has another hash than was announced. */
export async function receiveBlob(
  request: IncomingMessage,
  { blobs, limits }: ReapiPlace,
  wanted: { readonly function: DigestFunction; readonly hash: string },
): Promise<void> {
  await using upload = blobs.store.upload();
  // Functions that begin with the size are not served over HTTP, where a body need not say it.
  const digester = wanted.function === 'sha256' ? undefined : new ForeignDigester(wanted.function, 0);
  const most = limits.blobSize;
  for await (const chunk of bodyChunks(request, { most, tooLarge: () => tooLarge(most) })) {
    digester?.update(chunk);
    await upload.append(chunk);
  }
  const received = await upload.finish();
  const { hash } = digester?.finish() ?? received.digest;
  if (hash !== wanted.hash) {
    throw new GrpcStatus('invalidArgument', `bytes announced as ${wanted.hash} have the ${wanted.function} ${hash}`);
  }
  await blobs.putReceived(received, { ...wanted, size: received.digest.size });
}

function tooLarge(limit: number): GrpcStatus {
  return new GrpcStatus('invalidArgument', `a blob of more than ${limit} bytes`);
}
