import { constants, createZstdCompress, createZstdDecompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { GrpcStatus } from '../../grpc/index.ts';

/**
 * What a decompressor may keep of what came before: 8 MiB, which every one has to know (RFC 8878). Frames that want more,
 * up to gigabytes, are refused.
 */
const maxWindowLog = 23;

const decompressing = { params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog } };

/** Fast: what is sent was asked for now. */
const compressing = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Bytes of at most `size`; throws `invalidArgument` for more, and for what is no zstd. */
export function decompressBlob(bytes: Uint8Array, size: number): Uint8Array {
  try {
    // One more than allowed, so that more are noticed, and none at all are possible.
    return zstdDecompressSync(bytes, { ...decompressing, maxOutputLength: size + 1 });
  } catch (cause) {
    throw badZstd(cause);
  }
}

export function compressBlob(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, compressing);
}

/** What compressed chunks decompress to, no faster than it is taken. Throws `invalidArgument`. */
export async function* decompressChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const stream = createZstdDecompress(decompressing);
  yield* through(stream, source, badZstd);
}

/** The chunks may be lent: each was taken in before the next is asked for. */
export async function* compressChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const stream = createZstdCompress({ ...compressing, chunkSize: 256 * 1024 });
  yield* through(stream, source, error => error);
}

/** Feeds `source` into a transformation while what comes out of it is taken. */
async function* through(
  stream: ReturnType<typeof createZstdCompress>,
  source: AsyncIterable<Uint8Array>,
  explain: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array, void> {
  const stop = new AbortController();
  let failure: { readonly reason: unknown } | undefined;
  const feed = async () => {
    try {
      for await (const chunk of source) {
        if (stop.signal.aborted) return;
        await written(stream, chunk);
      }
      stream.end();
    } catch (reason) {
      failure ??= { reason };
      stream.destroy();
    }
  };
  stream.on('error', () => {});
  // Not waited for at the end: a source may itself wait for a client that has stopped sending, and ends with the call.
  void feed();
  try {
    for await (const chunk of stream) if (chunk instanceof Uint8Array) yield chunk;
  } catch (error) {
    // What broke the source comes first; a stream that was destroyed for it says something about itself.
    throw failure === undefined ? explain(error) : failure.reason;
  } finally {
    stop.abort();
    stream.destroy();
  }
}

/** Resolves when a chunk was taken in, or never will be. */
function written(stream: ReturnType<typeof createZstdCompress>, chunk: Uint8Array): Promise<void> {
  return new Promise(resolve => {
    const settle = () => {
      stream.off('close', settle);
      resolve();
    };
    stream.once('close', settle);
    stream.write(chunk, settle);
  });
}

function badZstd(cause: unknown): GrpcStatus {
  const isTooLarge = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
  const message = isTooLarge
    ? 'the data decompresses to more bytes than the digest says'
    : 'the data is no zstd, or wants a window of more than 8 MiB';
  return new GrpcStatus('invalidArgument', message, { cause });
}
