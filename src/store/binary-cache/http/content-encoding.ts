import type { Duplex } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';

/** What is asked for: what `decoderOf` knows. */
export const acceptedEncodings = 'deflate, gzip, br, zstd';

const chunkSize = 256 * 1024;

const decoders: ReadonlyMap<string, () => Duplex> = new Map([
  ['br', () => createBrotliDecompress({ chunkSize })],
  ['deflate', () => createInflate({ chunkSize })],
  ['gzip', () => createGunzip({ chunkSize })],
  ['x-gzip', () => createGunzip({ chunkSize })],
  ['zstd', () => createZstdDecompress({ chunkSize })],
]);

/** Whether a header says that contents were encoded for the way alone. */
export function isEncoded(header: string | undefined): header is string {
  const name = header?.trim().toLowerCase();
  return name !== undefined && name !== '' && name !== 'identity';
}

/** Undefined for an encoding that nobody asked for. */
export function decoderOf(header: string): Duplex | undefined {
  return decoders.get(header.trim().toLowerCase())?.();
}
