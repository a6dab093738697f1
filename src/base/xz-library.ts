/**
 * liblzma, where the system has it: it decompresses several times as fast as anything that Node could be brought, and
 * knows all of the format. Structures and numbers are those of `lzma/base.h`, on machines whose words have 64 bits.
 */
import { loadIfThere, openLibrary } from './ffi-library.ts';

const load = loadIfThere(
  library => ({
    decodeWhole: library.getFunction('lzma_stream_buffer_decode', {
      arguments: ['pointer', 'u32', 'pointer', 'pointer', 'pointer', 'u64', 'pointer', 'pointer', 'u64'],
      return: 'u32',
    }),
    begin: library.getFunction('lzma_stream_decoder', { arguments: ['pointer', 'u64', 'u32'], return: 'u32' }),
    code: library.getFunction('lzma_code', { arguments: ['pointer', 'u32'], return: 'u32' }),
    end: library.getFunction('lzma_end', { arguments: ['pointer'], return: 'void' }),
    addressOf: library.addressOf,
  }),
  () => openLibrary(process.platform === 'darwin' ? 'liblzma.5.dylib' : 'liblzma.so.5'),
);

type Library = NonNullable<ReturnType<typeof load>>;

/** In bytes: what `xz -9` needs is a quarter of it. */
const maxMemory = 256n * 1024n * 1024n;

/** LZMA_CONCATENATED: what follows a stream is another. */
const concatenated = 0x08;

/** LZMA_RUN, and LZMA_FINISH for the last of the input. */
const run = 0;
const finish = 3;

/** LZMA_STREAM_END, and LZMA_BUF_ERROR for that no progress was made. */
const ended = 1;
const noProgress = 10;

/** What `lzma_ret` says, in the words of xz. */
const complaints: ReadonlyMap<number, string> = new Map([
  [3, 'Unsupported type of integrity check'],
  [5, 'Cannot allocate memory'],
  [6, 'Memory usage limit reached'],
  [7, 'File format not recognized'],
  [8, 'Unsupported options'],
  [9, 'Compressed data is corrupt'],
  [noProgress, 'Unexpected end of input'],
]);

/**
 * Decompresses a whole file of xz into `output` and returns how many bytes that are. Undefined where this system has no
 * liblzma, and for what is not decompressed: it is damaged, has more bytes than `output`, or needs too much memory.
 */
export function decompressXz(input: Uint8Array, output: Uint8Array): number | undefined {
  const library = load();
  if (library === undefined) return undefined;
  const { decodeWhole, addressOf } = library;
  // The memory that it may take, then how much of the input and of the output is used.
  const state = BigUint64Array.of(maxMemory, 0n, 0n);
  const at = addressOf(state);
  const inputSize = BigInt(input.byteLength);
  const outputSize = BigInt(output.byteLength);
  const inputAt = addressOf(input);
  const result = decodeWhole(
    at,
    concatenated,
    0n,
    inputAt,
    at + 8n,
    inputSize,
    addressOf(output),
    at + 16n,
    outputSize,
  );
  return result === 0 ? Number(state[2]) : undefined;
}

/** What a step of an `XzDecoder` came to, in bytes. */
export interface XzStep {
  readonly read: number;
  readonly written: number;
  /** Whether all that was compressed is out. */
  readonly isDone: boolean;
}

/** Words of an `lzma_stream`: five are about input and output, the rest is the library's. */
const streamWords = 17;
const [nextIn, availableIn, nextOut, availableOut] = [0, 1, 3, 4] as const;

/** Decompresses xz as it comes. */
export class XzDecoder implements Disposable {
  readonly #library: Library;
  readonly #stream = new BigUint64Array(streamWords);

  private constructor(library: Library) {
    this.#library = library;
    this.#check(library.begin(this.#at, maxMemory, concatenated));
  }

  /** Undefined where this system has no liblzma. */
  static open(): XzDecoder | undefined {
    const library = load();
    return library === undefined ? undefined : new XzDecoder(library);
  }

  /** Reads what it can of `input` and writes what it can to `output`. Throws an `Error` for what cannot be decompressed. */
  step(input: Uint8Array, output: Uint8Array, isLast: boolean): XzStep {
    const stream = this.#stream;
    const { addressOf, code } = this.#library;
    stream[nextIn] = input.byteLength === 0 ? 0n : addressOf(input);
    stream[availableIn] = BigInt(input.byteLength);
    stream[nextOut] = addressOf(output);
    stream[availableOut] = BigInt(output.byteLength);
    const result = code(this.#at, isLast ? finish : run);
    const read = input.byteLength - Number(stream[availableIn]);
    const written = output.byteLength - Number(stream[availableOut]);
    if (result !== ended) this.#check(result);
    return { read, written, isDone: result === ended };
  }

  get #at(): bigint {
    return this.#library.addressOf(this.#stream);
  }

  #check(result: number): void {
    if (result !== 0) throw new Error(complaints.get(result) ?? `liblzma says ${result}`);
  }

  [Symbol.dispose](): void {
    this.#library.end(this.#at);
  }
}
