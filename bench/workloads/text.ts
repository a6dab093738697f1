import { closeSync, openSync, writeSync } from 'node:fs';

/** Words of which texts are made, as many and as long as in source code; the same everywhere. */
const words = makeWords(4000);

/** A file of `size` bytes that compresses to about a third, the same for the same `seed`. */
export function writeText(path: string, size: number, seed: number): void {
  const random = randomNumbers(seed);
  const parts: Buffer[] = [];
  let written = 0;
  while (written < size) {
    // Few of the words are frequent.
    const word = words[Math.floor(random() ** 3 * words.length)] ?? Buffer.alloc(1);
    parts.push(word);
    written += word.byteLength;
  }
  const fd = openSync(path, 'wx', 0o644);
  try {
    writeSync(fd, Buffer.concat(parts, size));
  } finally {
    closeSync(fd);
  }
}

function makeWords(count: number): Buffer[] {
  const random = randomNumbers(1);
  const letters = 'etaoinshrdlucmfwypvbgkjqxz_(){};=.0123456789';
  return Array.from({ length: count }, () => {
    const length = 2 + Math.floor(random() * 9);
    const word = Array.from({ length }, () => letters.charAt(Math.floor(random() ** 2 * letters.length)));
    return Buffer.from(`${word.join('')}${random() < 0.15 ? '\n' : ' '}`);
  });
}

/** From 0 up to 1: xorshift32. */
function randomNumbers(seed: number): () => number {
  let state = (seed + 1) * 0x9e3779b1 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
