import { writeSync } from 'node:fs';

/** Writes all of `chunk` where the file is. */
export function writeFully(fd: number, chunk: Uint8Array): void {
  for (let done = 0; done < chunk.byteLength;) done += writeSync(fd, chunk, done);
}
