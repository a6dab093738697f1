import { createCipheriv } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';

const zeros = Buffer.alloc(1024 * 1024);

/** Bytes that do not compress, the same for the same `seed`, in chunks lent until the next. */
function* noise(size: number, seed: number): Generator<Uint8Array, void> {
  const iv = Buffer.alloc(16);
  iv.writeUInt32LE(seed);
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), iv);
  for (let left = size; left > 0; left -= zeros.byteLength)
    yield cipher.update(zeros.subarray(0, Math.min(left, zeros.byteLength)));
}

export function writeNoise(path: string, size: number, seed: number, mode = 0o644): void {
  const fd = openSync(path, 'wx', mode);
  try {
    for (const chunk of noise(size, seed)) writeSync(fd, chunk);
  } finally {
    closeSync(fd);
  }
}
