import { writeSync } from 'node:fs';
import { errnoOf } from '../../base/index.ts';

/** Waits a little for a descriptor that somebody else has made non-blocking; Node has no poll(2). */
export function waitForDescriptor(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}

/** Writes all of `bytes`, also to a descriptor in non-blocking mode. Throws the operating system's error. */
export function writeFully(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength;) {
    try {
      done += writeSync(fd, bytes, done, bytes.byteLength - done);
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      waitForDescriptor();
    }
  }
}
