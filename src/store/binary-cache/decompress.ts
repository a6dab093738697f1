import type { Writable } from 'node:stream';
import type { CallOptions } from '../../castore/index.ts';
import { hasRoom, isBroken } from './codec.ts';
import { type CompressionMethod, decompressor } from './compression.ts';

/** How files begin that are compressed. */
const beginnings: readonly (readonly [method: CompressionMethod, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['lzip', [0x4c, 0x5a, 0x49, 0x50]],
  ['lzop', [0x89, 0x4c, 0x5a, 0x4f]],
  ['lzma', [0x5d, 0x00, 0x00]],
];

function methodOf(head: Uint8Array): CompressionMethod {
  return beginnings.find(([, bytes]) => bytes.every((byte, at) => head[at] === byte))?.[0] ?? 'none';
}

/** Bytes by which the method is told. */
const headSize = 6;

/**
 * `source` without its compression, which is `method` or else told by how it begins; bytes that begin otherwise come as
 * they are. Chunks are the caller's to keep. Throws `cache/codec-failed` and what the source throws.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  method: CompressionMethod | undefined,
  { signal }: CallOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const chunks = source[Symbol.asyncIterator]();
  try {
    let head: Uint8Array = new Uint8Array(0);
    while (head.byteLength < headSize) {
      const next = await chunks.next();
      if (next.done === true) break;
      head = head.byteLength === 0 ? next.value : Buffer.concat([head, next.value]);
    }
    const codec = decompressor(method ?? methodOf(head), { compressed: 0, plain: 0 }, head);
    if (codec === undefined) {
      if (head.byteLength > 0) yield head;
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
      return;
    }
    const destroy = () => codec.destroy();
    signal?.addEventListener('abort', destroy, { once: true });
    // Complaints of the streams come up where they are written to and read from, and then `ended` explains them.
    codec.input.on('error', () => {});
    let feedFailure: { readonly error: unknown } | undefined;
    const feeding = feed(codec.input, head, chunks).catch((error: unknown) => {
      feedFailure = { error };
      codec.destroy();
    });
    const ended = codec.ended.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    try {
      for await (const chunk of codec.output) if (chunk instanceof Uint8Array) yield chunk;
      await feeding;
      const failed = await ended;
      if (failed !== undefined) throw failed.error;
    } catch (error) {
      signal?.throwIfAborted();
      codec.destroy();
      await feeding;
      const failed = await ended;
      if (feedFailure !== undefined && !isBroken(feedFailure.error)) throw feedFailure.error;
      throw failed?.error ?? error;
    } finally {
      signal?.removeEventListener('abort', destroy);
      codec.destroy();
    }
  } finally {
    await chunks.return?.();
  }
}

async function feed(input: Writable, head: Uint8Array, chunks: AsyncIterator<Uint8Array>): Promise<void> {
  if (!input.write(head)) await hasRoom(input);
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    if (input.destroyed) return;
    if (!input.write(next.value)) await hasRoom(input);
  }
  input.end();
}
