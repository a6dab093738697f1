import type { IncomingMessage } from 'node:http';
import { type DigestFunction, ForeignDigester } from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import type { ReapiPlace } from '../reapi/reapi-place.ts';

/** Adds the blob that a request's body is, durably. Throws `invalidArgument` where it has another hash than was announced. */
export async function receiveBlob(
  request: IncomingMessage,
  { blobs, limits }: ReapiPlace,
  wanted: { readonly function: DigestFunction; readonly hash: string },
): Promise<void> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limits.blobSize) throw tooLarge(limits.blobSize);
  await using upload = blobs.store.upload();
  // Functions that begin with the size are not served over HTTP, where a body need not say it.
  const digester = wanted.function === 'sha256' ? undefined : new ForeignDigester(wanted.function, 0);
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) continue;
    if (upload.size + chunk.byteLength > limits.blobSize) throw tooLarge(limits.blobSize);
    digester?.update(chunk);
    await upload.append(chunk);
  }
  if (!request.complete) throw new GrpcStatus('cancelled', 'the upload was broken off');
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
