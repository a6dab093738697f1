import { availableParallelism } from 'node:os';
import { startThread } from '../../../base/index.ts';
import { type HashedTree, hashTree } from './hash-tree.ts';

/** More threads than this wait for the disk and for each other. */
const maxThreads = 8;

/** Fewer trees than this are hashed before a thread has started. */
const fewTrees = 4;

/** Trees that a thread knows of: the one that it hashes, and the next. */
const perThread = 2;

/**
 * Hashes file trees on as many threads as the machine has processors for; `take` gets the results as they come, in any
 * order, one at a time.
 */
export async function hashTrees(
  paths: readonly string[],
  take: (result: HashedTree, index: number) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  if (paths.length < fewTrees) {
    for (const [index, path] of paths.entries()) {
      signal?.throwIfAborted();
      await take(hashTree(path), index);
    }
    return;
  }
  const queue = paths.entries();
  const stop = new AbortController();
  const count = Math.min(availableParallelism(), maxThreads, Math.ceil(paths.length / perThread));
  const threads = Array.from({ length: count }, () => {
    return runThread(queue, take, signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]));
  });
  try {
    await Promise.all(threads);
  } finally {
    stop.abort();
    await Promise.allSettled(threads);
  }
}

/** One thread, which gets trees of the queue until there are no more. */
async function runThread(
  queue: Iterator<[index: number, path: string]>,
  take: (result: HashedTree, index: number) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const worker = startThread(import.meta.filename, 'hash-thread-entry');
  try {
    const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>();
    const sent: number[] = [];
    const send = (): void => {
      while (sent.length < perThread) {
        const next = queue.next();
        if (next.done === true) break;
        const [index, path] = next.value;
        sent.push(index);
        worker.postMessage(path, []);
      }
      if (sent.length === 0) end();
    };
    const abort = (): void => fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    worker.on('error', cause => fail(new Error('the thread that hashes trees has failed', { cause })));
    worker.on('exit', () => fail(new Error('the thread that hashes trees has ended')));
    let taking = Promise.resolve();
    worker.on('message', (result: HashedTree) => {
      const index = sent.shift();
      if (index === undefined) return;
      taking = taking.then(() => take(result, index)).then(send);
      taking.catch(fail);
    });
    send();
    try {
      await ended;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  } finally {
    await worker.terminate();
  }
}
