import { availableParallelism, loadavg } from 'node:os';
import { SocketWatch } from '../../base/index.ts';

/** Milliseconds that the next request of a client is watched for after an answer: to sleep and be woken takes two processors about as long. */
const patience = 0.2;

/** Milliseconds after which a client who was not watched may come to be taken for quick: half of it may be the time that waking up takes. */
const quick = 0.5;

/** So many requests are not watched for after one that was in vain. */
const penalty = 8;

/** Milliseconds after which the event loop gets its turn, whatever comes: others' requests, timers, ends of processes. */
const turn = 2;

/** Bytes received at a time. */
const bufferSize = 64 * 1024;

/** Milliseconds between two looks at what the machine has to do. */
const lookEvery = 1000;

let lookedAt = -Infinity;
let isCrowded = false;

/** Whether the machine has had no more to do in the last minute than it has processors: else watching takes time that somebody needs. */
function hasFreeProcessor(now: number): boolean {
  if (now - lookedAt > lookEvery) {
    lookedAt = now;
    const [load = 0] = loadavg();
    isCrowded = load > availableParallelism();
  }
  return !isCrowded;
}

/** Whose bytes the event loop of this thread has brought last. */
let heardLast: SocketWatch | undefined;

/**
 * Sees to it that a client which asks one thing after the other is answered without a round of the event loop for each, which
 * costs more than most answers: after an answer the socket is watched for a moment. Not for those who take their time, nor
 * while others are heard in between, nor where other programs want the processors.
 */
export class SocketAttention {
  readonly #watch: SocketWatch;
  readonly #mayWatch: (now: number) => boolean;
  /** By `performance.now()`: since when nothing is left to be read, and when the event loop has to get its turn. */
  #silentSince: number | undefined;
  #turnEnd = 0;
  #isQuick = false;
  /** Requests that are not to be watched for. */
  #unwatched = 0;

  /** Of a socket that the event loop reads from, too. `mayWatch` is for tests. Throws `syscall/unavailable`. */
  constructor(fd: number, mayWatch: (now: number) => boolean = hasFreeProcessor) {
    this.#watch = new SocketWatch(fd, bufferSize);
    this.#mayWatch = mayWatch;
  }

  /** To be told that the event loop has brought bytes. */
  heard(): void {
    const now = performance.now();
    const wasQuick = heardLast === this.#watch && now - (this.#silentSince ?? now) < quick;
    this.#isQuick = wasQuick && this.#mayWatch(now) && --this.#unwatched < 0;
    this.#silentSince = undefined;
    heardLast = this.#watch;
    this.#turnEnd = now + turn;
  }

  /** What has come meanwhile, to be called when nothing is left of what the event loop has brought; lent until the next call. */
  receive(): Uint8Array | undefined {
    // Once nothing has come the event loop is waited for.
    if (this.#silentSince !== undefined) return undefined;
    const now = performance.now();
    if (this.#isQuick && now < this.#turnEnd) {
      const bytes = this.#watch.receive(Math.min(now + patience, this.#turnEnd));
      if (bytes !== undefined) return bytes;
      this.#unwatched = penalty;
    }
    this.#silentSince = now;
    return undefined;
  }
}
