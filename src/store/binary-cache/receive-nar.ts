import type { TreeSink } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import {
  Hasher,
  type NarInfo,
  NarReader,
  type StoreDir,
  equalHashes,
  formatHash,
  printStorePath,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import { hasRoom, runCodec } from './codec.ts';
import { type ExpectedSizes, checkMethod, decompressor, wholeDecompressor } from './compression.ts';

export interface ReceiveNarOptions extends CallOptions {
  readonly storeDir: StoreDir;
  /** Waited for after each chunk. */
  readonly drain?: (() => Promise<void>) | undefined;
  /** Gets the NAR's bytes as they come. */
  readonly observe?: (chunk: Uint8Array) => void;
}

/** The file of a NAR, of which one is asked for once. */
export interface NarFile {
  /** Its bytes as they come. */
  open(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** All of them, for small files. */
  whole(limit: number, use: UseWhole): Promise<void>;
}

/** Gets the bytes of a file, undefined if they are too many, and what gives more memory; all of it is lent. */
export type UseWhole = (bytes: Uint8Array | undefined, memory: (size: number) => Uint8Array) => Promise<void>;

/**
 * Decompresses the NAR that `info` describes from the bytes of its file, which is opened once it is known how, and
 * reports its tree to `sink`. Throws
 * `path/hash-mismatch` where size or hash turn out to be others (after the last event if it is the hash),
 * `cache/codec-failed` for what cannot be decompressed, `cache/unknown-compression`, and `nar/…` errors.
 *
 * The file's own hash is not looked at: nobody signs it, and whatever it says, what counts is the NAR. Both what
 * arrives and what it becomes are bounded by the NAR's size.
 */
export async function receiveNar(
  info: NarInfo,
  file: NarFile,
  sink: TreeSink,
  options: ReceiveNarOptions,
): Promise<void> {
  const reader = new NarReader(sink);
  const hasher = new Hasher(info.narHash.algorithm);
  const { drain, observe, signal } = options;
  const name = printStorePath(options.storeDir, info.path);
  const mismatch = (what: 'hash' | 'size', specified: string, got: string) =>
    new StoreError(
      'path/hash-mismatch',
      `${what} mismatch importing path '${name}';\n  specified: ${specified}\n  got:       ${got}`,
    );
  const take = async (chunk: Uint8Array): Promise<void> => {
    signal?.throwIfAborted();
    hasher.update(chunk);
    if (hasher.size > info.narSize) throw mismatch('size', String(info.narSize), `at least ${hasher.size}`);
    observe?.(chunk);
    reader.push(chunk);
    await drain?.();
  };

  const { compression, narSize } = info;
  const sizes = { compressed: info.fileSize, plain: narSize };
  const limit = maxCompressedSize(narSize);
  const checkFed = (fed: number) => {
    if (fed > limit) throw mismatch('size', String(narSize), `${fed === Infinity ? 'more' : fed} bytes compressed`);
  };
  checkMethod(compression);
  const whole = wholeDecompressor(compression, sizes);
  const streaming = { compression, sizes, checkFed, take, stop: new AbortController() };
  if (whole !== undefined) {
    await file.whole(limit, async (bytes, memory) => {
      if (bytes === undefined) return checkFed(Infinity);
      const outcome = await whole(bytes, narSize, memory);
      if (outcome.kind === 'larger') throw mismatch('size', String(narSize), 'more');
      if (outcome.kind === 'plain') await take(outcome.bytes);
      else await stream(onePiece(bytes), streaming);
    });
  } else {
    const stop = streaming.stop.signal;
    await stream(await file.open(signal === undefined ? stop : AbortSignal.any([signal, stop])), streaming);
  }
  reader.end();
  const got = hasher.finish();
  if (!equalHashes(got, info.narHash)) {
    const show = (hash: typeof got) => formatHash(hash, 'nix32', { prefix: true });
    throw mismatch('hash', show(info.narHash), show(got));
  }
  if (hasher.size !== info.narSize) throw mismatch('size', String(info.narSize), String(hasher.size));
}

interface Streaming {
  readonly compression: string;
  readonly sizes: ExpectedSizes;
  readonly checkFed: (size: number) => void;
  readonly take: (chunk: Uint8Array) => Promise<void>;
  /** Ends the waiting for bytes that nobody wants any more. */
  readonly stop: AbortController;
}

async function stream(file: AsyncIterable<Uint8Array>, streaming: Streaming): Promise<void> {
  const { compression, sizes, checkFed, take, stop } = streaming;
  const chunks = file[Symbol.asyncIterator]();
  try {
    const first = await chunks.next();
    const head: Uint8Array = first.done === true ? Buffer.alloc(0) : first.value;
    const codec = decompressor(compression, sizes, head);
    let fed = 0;
    const feed = async (write: (chunk: Uint8Array) => Promise<void> | void): Promise<void> => {
      for (let step = first; step.done !== true; step = await chunks.next()) {
        checkFed((fed += step.value.byteLength));
        const waiting = write(step.value);
        if (waiting !== undefined) await waiting;
      }
    };
    if (codec === undefined) await feed(take);
    else {
      const destroy = () => {
        codec.destroy();
        stop.abort();
      };
      const stoppable = { ...codec, destroy };
      await runCodec(stoppable, input => feed(chunk => (input.write(chunk) ? undefined : hasRoom(input))), take);
    }
  } finally {
    await chunks.return?.();
  }
}

async function* onePiece(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** In bytes. Compression never needs more, but could go on for ever without a byte coming out. */
function maxCompressedSize(narSize: number): number {
  return narSize + Math.ceil(narSize / 8) + 1024 * 1024;
}
