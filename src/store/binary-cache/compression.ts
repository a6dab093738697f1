import {
  brotliDecompressSync,
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createGunzip,
  createGzip,
  createZstdCompress,
  createZstdDecompress,
  gunzipSync,
  zstdDecompressSync,
} from 'node:zlib';
import { byteStringFromText, messageOf } from '../../base/index.ts';
import type { SettingType } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import { type Codec, isInstalled, programCodec, transformCodec } from './codec.ts';
import { decompressOnThread, threadDecoder } from './decode-thread.ts';
import { isPlainXz } from './xz-header.ts';

export interface CompressOptions {
  /** The method's own scale; its default where undefined. */
  readonly level?: number | undefined;
  /** Whether to use several threads, where the method can. */
  readonly parallel?: boolean;
}

/** In bytes; 0 where nobody knows. Codecs get on whatever the sizes turn out to be. */
export interface ExpectedSizes {
  readonly compressed: number;
  readonly plain: number;
}

interface Method {
  /** Of the names of compressed NARs. */
  readonly suffix: string;
  /** What a level may be, both ends included. */
  readonly levels: readonly [least: number, most: number];
  readonly compress: (options: CompressOptions) => Codec;
  /** `head` is how the compressed bytes begin. */
  readonly decompress: (sizes: ExpectedSizes, head: Uint8Array) => Codec;
  /** A small file as a whole; at least as `maxWhole` where `limits` are not given. */
  readonly decompressWhole?: WholeDecompressor;
  readonly wholeLimits?: ExpectedSizes;
}

/**
 * Decompresses a whole file of so many bytes (`plain`), into what `memory` gives if it has a use for that. `larger`: there
 * are more bytes than that; `unsuited`: a stream may be able to, or say what is wrong. Throws `cache/codec-failed`.
 */
export type WholeDecompressor = (
  bytes: Uint8Array,
  plain: number,
  memory: (size: number) => Uint8Array,
) => Promise<WholeOutcome> | WholeOutcome;

export type WholeOutcome =
  | { readonly kind: 'plain'; readonly bytes: Uint8Array }
  | { readonly kind: 'larger' }
  | { readonly kind: 'unsuited' };

interface WholeOptions {
  readonly maxOutputLength: number;
  readonly chunkSize: number;
}

/** By one of the functions of node:zlib, there and then. */
function atOnce(decompress: (bytes: Uint8Array, options: WholeOptions) => Uint8Array): WholeDecompressor {
  return (bytes, plain) => {
    try {
      const options = { maxOutputLength: Math.max(plain, 1), chunkSize: Math.max(plain, 1024) };
      return { kind: 'plain', bytes: decompress(bytes, options) };
    } catch (cause) {
      if (cause instanceof RangeError && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE')
        return { kind: 'larger' };
      throw new StoreError('cache/codec-failed', messageOf(cause), { cause });
    }
  };
}

/** What streams of node:zlib hand on at a time: with the default of 16 KiB, the hand-over costs as much as gzip itself. */
const chunkSize = 256 * 1024;

/** No more memory than a small NAR needs: what is allocated outside V8's heap has it collect garbage again and again. */
function outputSize(plain: number): number {
  return plain === 0 ? chunkSize : Math.min(Math.max(plain, 1024), chunkSize);
}

/** One of the programs that know `-dc`, `-c` and levels from `-1` on. */
function program(name: string, suffix: string, levels: readonly [number, number] = [1, 9]): Method {
  return {
    suffix,
    levels,
    compress: ({ level }) => programCodec(name, level === undefined ? ['-c'] : ['-c', `-${level}`]),
    decompress: () => programCodec(name, ['-dc']),
  };
}

/**
 * Compressed bytes from which on the xz program is worth its start: 1,000 files of 60 KB take it 85 s where a thread takes
 * 17 s, but one file of 26 MB 1.4 s where a thread takes 2.6 s.
 */
const smallestForProgram = 4 * 1024 * 1024;

const mebibyte = 1024 * 1024;

const xzOnThread: WholeDecompressor = async (bytes, plain, memory) => {
  const found = await decompressOnThread(bytes, () => memory(plain).subarray(0, plain));
  return found === undefined ? { kind: 'unsuited' } : { kind: 'plain', bytes: found };
};

/** Formats of liblzma. One thread unless told otherwise: the result then does not depend on the machine. */
function xzProgram(format: 'xz' | 'lzma', suffix: string): Method {
  return {
    suffix,
    levels: [0, 9],
    compress: ({ level = 6, parallel = false }) =>
      programCodec('xz', ['-c', `--format=${format}`, `-${level}`, parallel && format === 'xz' ? '-T0' : '-T1']),
    ...(format === 'xz'
      ? { decompressWhole: xzOnThread, wholeLimits: { compressed: 4 * mebibyte, plain: 8 * mebibyte } }
      : {}),
    decompress: ({ compressed }, head) => {
      const suitsThread = format === 'xz' && isPlainXz(head);
      const usesThread = suitsThread && (compressed < smallestForProgram || !isInstalled('xz'));
      return usesThread ? threadDecoder() : programCodec('xz', ['-dc', `--format=${format}`]);
    },
  };
}

/** By the names of C++ Nix 2.34. Undefined for those that it has from its libraries' programs and nobody uses. */
const methods = {
  br: {
    suffix: '.br',
    levels: [0, 11],
    compress: ({ level = constants.BROTLI_DEFAULT_QUALITY }) =>
      transformCodec(createBrotliCompress({ chunkSize, params: { [constants.BROTLI_PARAM_QUALITY]: level } })),
    decompress: ({ plain }) => transformCodec(createBrotliDecompress({ chunkSize: outputSize(plain) })),
    decompressWhole: atOnce((bytes, options) => brotliDecompressSync(bytes, options)),
  },
  bzip2: program('bzip2', '.bz2'),
  compress: undefined,
  grzip: undefined,
  gzip: {
    suffix: '',
    levels: [0, 9],
    compress: ({ level = constants.Z_DEFAULT_COMPRESSION }) => transformCodec(createGzip({ chunkSize, level })),
    decompress: ({ plain }) => transformCodec(createGunzip({ chunkSize: outputSize(plain) })),
    decompressWhole: atOnce((bytes, options) => gunzipSync(bytes, options)),
  },
  lrzip: undefined,
  lz4: program('lz4', '.lz4', [1, 12]),
  lzip: program('lzip', '.lzip', [0, 9]),
  lzma: xzProgram('lzma', ''),
  lzop: program('lzop', ''),
  none: undefined,
  xz: xzProgram('xz', '.xz'),
  zstd: {
    suffix: '.zst',
    levels: [1, 22],
    compress: ({ level = constants.ZSTD_CLEVEL_DEFAULT }) =>
      transformCodec(createZstdCompress({ chunkSize, params: { [constants.ZSTD_c_compressionLevel]: level } })),
    decompress: ({ plain }) => transformCodec(createZstdDecompress({ chunkSize: outputSize(plain) })),
    decompressWhole: atOnce((bytes, options) => zstdDecompressSync(bytes, options)),
  },
} as const satisfies { readonly [name: string]: Method | undefined };

/** How NARs are compressed, as narinfos and parameters call it. */
export type CompressionMethod = keyof typeof methods;

export function isCompression(name: string): name is CompressionMethod {
  return Object.hasOwn(methods, name);
}

/** For parameters; throws `cache/unknown-compression`. */
export const compressionType: SettingType<CompressionMethod> = {
  parse(text, setting) {
    if (isCompression(text)) return text;
    throw new StoreError('cache/unknown-compression', `option '${setting}' has invalid value '${text}'`);
  },
  format: value => value,
  toJson: byteStringFromText,
};

/** As `compressionType`; undefined for no text. */
export const optionalCompressionType: SettingType<CompressionMethod | undefined> = {
  parse: (text, setting) => (text === '' ? undefined : compressionType.parse(text, setting)),
  format: value => value ?? '',
  toJson: value => (value === undefined ? null : byteStringFromText(value)),
};

/** What follows `.nar` in the names of NARs; C++ Nix has none for some methods. */
export function compressedSuffix(method: CompressionMethod): string {
  return methods[method]?.suffix ?? '';
}

/** Undefined for `none`. Throws `cache/unknown-compression` for what cannot be done here. */
export function compressor(method: CompressionMethod, options: CompressOptions = {}): Codec | undefined {
  if (method === 'none') return undefined;
  const known = requireMethod(method);
  const { level } = options;
  if (level !== undefined && !(level >= known.levels[0] && level <= known.levels[1])) {
    const [least, most] = known.levels;
    const message = `compression level ${level} is not one of ${method}, whose levels are ${least} to ${most}`;
    throw new StoreError('cache/bad-compression-level', message);
  }
  return known.compress(options);
}

function isPlain(method: string): boolean {
  return method === 'none' || method === '' || method === 'identity';
}

/** Throws `cache/unknown-compression` for what cannot be decompressed here. */
export function checkMethod(method: string): void {
  if (!isPlain(method)) requireMethod(method);
}

/**
 * `method` as narinfos call it; `head` is how the compressed bytes begin. Undefined for what is not compressed. Throws as
 * `checkMethod`.
 */
export function decompressor(method: string, sizes: ExpectedSizes, head: Uint8Array): Codec | undefined {
  return isPlain(method) ? undefined : requireMethod(method).decompress(sizes, head);
}

/** Compressed bytes, and bytes that they become, up to which NARs are decompressed as a whole. */
const maxWhole: ExpectedSizes = { compressed: mebibyte, plain: mebibyte };

/**
 * How to decompress a small file as a whole: what a stream costs beside (threads of the pool, memory of its own) is several
 * times what decompressing does. Undefined where a stream is the better way. Throws as `checkMethod`.
 */
export function wholeDecompressor(method: string, sizes: ExpectedSizes): WholeDecompressor | undefined {
  const known = isPlain(method) ? undefined : requireMethod(method);
  const limits = known?.wholeLimits ?? maxWhole;
  if (sizes.compressed === 0 || sizes.compressed > limits.compressed || sizes.plain > limits.plain) return undefined;
  return known === undefined ? asItIs : known.decompressWhole;
}

const asItIs: WholeDecompressor = (bytes, plain) =>
  bytes.byteLength > plain ? { kind: 'larger' } : { kind: 'plain', bytes };

function requireMethod(name: string): Method {
  const method = isCompression(name) ? methods[name] : undefined;
  if (method !== undefined) return method;
  const why = isCompression(name)
    ? `this version of Firn lacks compression method '${name}'`
    : `unknown compression method '${name}'`;
  throw new StoreError('cache/unknown-compression', why);
}
