import type { IncomingMessage } from 'node:http';
import { GrpcStatus } from '../../grpc/index.ts';

export interface BodyLimit {
  /** In bytes. */
  readonly most: number;
  /** What a client is told whose body is longer, or said to be. */
  readonly tooLarge: () => GrpcStatus;
}

/** What a request's body consists of. Throws `tooLarge` at the first byte too many, `cancelled` where it is broken off. */
export async function* bodyChunks(
  request: IncomingMessage,
  { most, tooLarge }: BodyLimit,
): AsyncGenerator<Buffer, void> {
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLarge();
  let size = 0;
  try {
    for await (const chunk of request) {
      if (!(chunk instanceof Buffer)) continue;
      size += chunk.byteLength;
      if (size > most) throw tooLarge();
      yield chunk;
    }
  } catch (error) {
    throw error === request.errored ? brokenOff(error) : error;
  }
  if (!request.complete) throw brokenOff();
}

function brokenOff(cause?: unknown): GrpcStatus {
  return new GrpcStatus('cancelled', 'the upload was broken off', { cause });
}

/** As `bodyChunks`, all of it. */
export async function wholeBody(request: IncomingMessage, limit: BodyLimit): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bodyChunks(request, limit)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
