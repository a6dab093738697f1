import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex, Readable, Writable } from 'node:stream';
import { errnoOf } from '../../base/index.ts';
import { StoreError } from '../error.ts';

/** Something that turns one stream of bytes into another, compressing or decompressing, and lives as long as that takes. */
export interface Codec {
  readonly input: Writable;
  readonly output: Readable;
  /** Resolves once nothing of the codec is left; rejects where it failed, which then explains what its streams threw. */
  readonly ended: Promise<void>;
  /** Gives up, whatever the state. */
  destroy(): void;
}

/** A codec that is a transform of `node:zlib`, which works on the threads of the system's pool. */
export function transformCodec(transform: Duplex): Codec {
  const ended = new Promise<void>((resolve, reject) => {
    transform
      .on('error', (cause: Error) => reject(new StoreError('cache/codec-failed', cause.message, { cause })))
      .on('close', resolve);
  });
  return { input: transform, output: transform, ended, destroy: () => void transform.destroy() };
}

/** Whether `program` is somewhere on the PATH. */
export function isInstalled(program: string): boolean {
  let known = installed.get(program);
  if (known === undefined) {
    const folders = (process.env['PATH'] ?? '').split(':').filter(folder => folder.startsWith('/'));
    known = folders.some(folder => existsSync(join(folder, program)));
    installed.set(program, known);
  }
  return known;
}

const installed = new Map<string, boolean>();

/** Bytes of a program's complaints that are kept. */
const maxComplaint = 4096;

/** A codec that is another program, reading from its standard input. */
export function programCodec(program: string, args: readonly string[]): Codec {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  return {
    input: child.stdin,
    output: child.stdout,
    ended: endOf(child, program),
    destroy: () => {
      child.kill('SIGKILL');
      child.stdin.destroy();
      child.stdout.destroy();
    },
  };
}

async function endOf(child: ChildProcessByStdio<Writable, Readable, Readable>, program: string): Promise<void> {
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, maxComplaint);
  });
  const started = once(child, 'spawn').then(
    () => undefined,
    (error: unknown) => error,
  );
  const closed = once(child, 'close');
  const failure = await started;
  if (failure !== undefined) {
    closed.catch(() => {});
    const hint = errnoOf(failure) === 'ENOENT' ? ` (is '${program}' installed?)` : '';
    throw new StoreError('cache/codec-failed', `cannot run the program '${program}'${hint}`, { cause: failure });
  }
  await closed;
  if (child.exitCode === 0) return;
  const reason = complaint.trim() || (child.signalCode ?? `exit code ${child.exitCode}`);
  throw new StoreError('cache/codec-failed', reason);
}

/** Waits until `stream` takes more; also when it never will, which the next write reports. */
export function hasRoom(stream: Writable): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    if (stream.writableNeedDrain && !stream.destroyed) stream.on('drain', done).on('close', done);
    else resolve();
  });
}

/** For a feeder that finds the codec gone, whose own failure then is the one that counts. */
export function endedCodec(): Error {
  return Object.assign(new Error('the codec has ended'), { code: 'EPIPE' });
}

/**
 * Lets `codec` work: `feed` writes to its input (waiting with `hasRoom`), `take` gets each chunk of its output, which is
 * the taker's to keep. Whoever fails first ends the others; that failure is thrown once nothing of the codec is left.
 */
export async function runCodec(
  codec: Codec,
  feed: (input: Writable) => Promise<void>,
  take: (chunk: Uint8Array) => Promise<void> | void,
): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failure ??= { error };
    codec.destroy();
  };
  // What a stream has to complain of comes up where it is written to or read from.
  codec.input.on('error', () => {});
  const feeding = feed(codec.input)
    .then(() => void codec.input.end())
    .catch(fail);
  const taking = takeAll(codec.output, take).catch(fail);
  const ended = codec.ended.catch((error: unknown) => {
    // A codec that gives up explains why its streams broke off; one that was destroyed after another failure does not.
    if (failure === undefined || isBroken(failure.error) || isCausedBy(error, failure.error)) failure = { error };
    codec.destroy();
  });
  await Promise.all([feeding, taking, ended]);
  if (failure !== undefined) throw failure.error;
}

async function takeAll(output: Readable, take: (chunk: Uint8Array) => Promise<void> | void): Promise<void> {
  for await (const chunk of output) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('a codec gives bytes');
    const waiting = take(chunk);
    if (waiting !== undefined) await waiting;
  }
}

/** Whether `error` only says that the other side is gone. */
export function isBroken(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EPIPE' || code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function isCausedBy(error: unknown, cause: unknown): boolean {
  return error instanceof Error && error.cause === cause;
}
