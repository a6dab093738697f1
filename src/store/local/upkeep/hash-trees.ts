import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { startThread } from '../../../base/index.ts';
import type { CallOptions } from '../../../castore/index.ts';
import type { HashOrder, HashReply } from './hash-thread-entry.ts';
import { type HashedTree, hashPipe, hashTree } from './hash-tree.ts';
import { makePipeMemory } from './nar-pipe.ts';

/** More threads than this wait for the disk and for each other. */
const maxThreads = 8;

/** Fewer trees than this are hashed before a thread has started. */
const fewTrees = 4;

/** Bytes of a NAR from which on a thread reads the tree while this one hashes it. */
const large = 64 * 1024 * 1024;

export interface HashTreesOptions extends CallOptions {
  /** About how many bytes there are of a tree. */
  readonly sizeOf?: (index: number) => number;
}

/** Trees that a thread knows of: the one that it hashes, and the next. */
const perThread = 2;

/**
 * Hashes file trees on as many threads as the machine has processors for; `take` gets the results as they come, in any
 * order, one at a time.
 */
export async function hashTrees(
  paths: readonly string[],
  take: (result: HashedTree, index: number) => Promise<void>,
  { sizeOf, signal }: HashTreesOptions = {},
): Promise<void> {
  if (paths.length < fewTrees) {
    for (const [index, path] of paths.entries()) {
      signal?.throwIfAborted();
      const isLarge = (sizeOf?.(index) ?? 0) >= large;
      await take(isLarge ? await hashByTwo(path, signal) : hashTree(path), index);
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

/** Hashes what a thread reads meanwhile. */
async function hashByTwo(path: string, signal: AbortSignal | undefined): Promise<HashedTree> {
  const pipe = makePipeMemory();
  const worker = startHashThread();
  try {
    const reading = ask(worker, { kind: 'read', path, pipe }, signal);
    const stop = new AbortController();
    reading.catch((error: unknown) => stop.abort(error));
    const digest = await hashPipe(pipe, stop.signal);
    const reply = await reading;
    if (reply.kind !== 'read') throw new TypeError('the thread has answered something else');
    const { result } = reply;
    return result.kind === 'failed' ? result : { kind: 'hashed', digest, inodes: result.inodes };
  } finally {
    await worker.terminate();
  }
}

function startHashThread(): Worker {
  return startThread(import.meta.filename, 'hash-thread-entry');
}

async function ask(worker: Worker, order: HashOrder, signal: AbortSignal | undefined): Promise<HashReply> {
  const { promise, resolve, reject } = Promise.withResolvers<HashReply>();
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  worker.on('message', resolve);
  worker.on('error', cause => reject(new Error('the thread that hashes trees has failed', { cause })));
  worker.on('exit', () => reject(new Error('the thread that hashes trees has ended')));
  worker.postMessage(order, []);
  try {
    return await promise;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** One thread, which gets trees of the queue until there are no more. */
async function runThread(
  queue: Iterator<[index: number, path: string]>,
  take: (result: HashedTree, index: number) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const worker = startHashThread();
  try {
    const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>();
    const sent: number[] = [];
    const send = (): void => {
      while (sent.length < perThread) {
        const next = queue.next();
        if (next.done === true) break;
        const [index, path] = next.value;
        sent.push(index);
        worker.postMessage({ kind: 'hash', path } satisfies HashOrder, []);
      }
      if (sent.length === 0) end();
    };
    const abort = (): void => fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    worker.on('error', cause => fail(new Error('the thread that hashes trees has failed', { cause })));
    worker.on('exit', () => fail(new Error('the thread that hashes trees has ended')));
    let taking = Promise.resolve();
    worker.on('message', (reply: HashReply) => {
      const index = sent.shift();
      if (index === undefined || reply.kind !== 'hash') return;
      const { result } = reply;
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
