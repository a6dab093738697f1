/** Waiting for several open files at once (poll(2)). */
import { constants } from 'node:os';
import { loadOnce, syscallFailure } from './ffi-library.ts';

type Fd = number;

const load = loadOnce(library => ({
  poll: library.getFunction('poll', { arguments: ['buffer', 'u64', 'i32'], return: 'i32' }),
  errno: library.errno,
}));

const readable = 1;

/** Blocks this thread until one of two files can be read from, has an error, or the time is over. */
export class ReadablePair {
  readonly #calls = load();
  /** Of struct pollfd: the descriptor in 32 bits, the events asked for and those that came in 16 each. */
  readonly #files: Int32Array;

  constructor(first: Fd, second: Fd) {
    this.#files = new Int32Array([first, readable, second, readable]);
  }

  /** `timeout` in milliseconds, for ever if it is undefined. */
  wait(timeout?: number): { readonly first: boolean; readonly second: boolean } {
    const { poll, errno } = this.#calls;
    const files = this.#files;
    files[1] = files[3] = readable;
    if (poll(files, 2n, timeout ?? -1) < 0) {
      const code = errno();
      if (code !== constants.errno.EINTR) throw syscallFailure('poll', code);
      files[1] = files[3] = readable;
    }
    // What came is in the upper half; machines that this runs on have the lower one first.
    return { first: (files[1] ?? 0) >>> 16 !== 0, second: (files[3] ?? 0) >>> 16 !== 0 };
  }
}
