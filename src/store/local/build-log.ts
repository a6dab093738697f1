import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompress, zstdCompressSync, zstdDecompress } from 'node:zlib';
import { errnoOf } from '../../base/index.ts';
import { makeFolder, realFileSystem } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import { hasRoom, runCodec } from '../binary-cache/codec.ts';
import { decompressor } from '../binary-cache/compression.ts';

/** Bytes of the longest log that is read at once; more of it is an error of the decompressor. */
const maxLogSize = 1024 * 1024 * 1024;

/** How logs are found: as C++ Nix writes them, plain and with bzip2, and as we do. */
const forms: { readonly suffix: string; readonly unpack: (bytes: Buffer) => Promise<Uint8Array> | Uint8Array }[] = [
  { suffix: '', unpack: bytes => bytes },
  // A log to which nothing was written yet has no frame.
  {
    suffix: '.zst',
    unpack: bytes =>
      bytes.byteLength === 0 ? bytes : promisify(zstdDecompress)(bytes, { maxOutputLength: maxLogSize }),
  },
  { suffix: '.bz2', unpack: unpackBzip2 },
];

/** The log of building the derivation at `path`, of the folder of logs `logDir`. One that cannot be unpacked is passed over. */
export async function readBuildLog(logDir: string, path: StorePath): Promise<Uint8Array | undefined> {
  let problem: { readonly error: unknown } | undefined;
  // The second place is that of versions of Nix that nobody has any more, whose logs are still there.
  for (const place of [logFile(logDir, path), join(logDir, 'drvs', path)]) {
    for (const { suffix, unpack } of forms) {
      const bytes = readIfPresent(place + suffix);
      if (bytes === undefined) continue;
      try {
        return await unpack(bytes);
      } catch (error) {
        problem = { error };
      }
    }
  }
  if (problem !== undefined) throw problem.error;
  return undefined;
}

/** Writes a log as one zstd frame, unless the derivation has one. */
export async function writeBuildLog(logDir: string, path: StorePath, log: Uint8Array): Promise<void> {
  const place = logFile(logDir, path);
  if (forms.some(({ suffix }) => existsSync(place + suffix))) return;
  const packed = await promisify(zstdCompress)(log);
  makeFolder(realFileSystem, dirname(place));
  // Whole under its name or not at all; a log is not worth a sync.
  const draft = `${place}.tmp.${process.pid}.${crypto.randomUUID()}`;
  try {
    writeFileSync(draft, packed, { mode: 0o644 });
    renameSync(draft, `${place}.zst`);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Bytes of a log that are packed together, and milliseconds after which they are though they are fewer. */
const frameSize = 64 * 1024;
const frameTime = 1000;

/**
 * The log of a build that goes on, in place of older ones of the same derivation. It can be read meanwhile: what is in the
 * file are whole zstd frames, or plain text. A log that cannot be written any more is left as it is: no build fails for
 * want of its log, `problem` tells of it.
 */
export class BuildLogWriter implements Disposable {
  #fd: number | undefined;
  readonly #compress: boolean;
  readonly #held: Uint8Array[] = [];
  #heldSize = 0;
  #timer: NodeJS.Timeout | undefined;
  problem: unknown;

  /** Throws the system's errors. */
  constructor(logDir: string, path: StorePath, options: { readonly compress: boolean }) {
    const place = logFile(logDir, path);
    makeFolder(realFileSystem, dirname(place));
    for (const { suffix } of forms) rmSync(place + suffix, { force: true });
    this.#fd = openSync(options.compress ? `${place}.zst` : place, 'wx', 0o644);
    this.#compress = options.compress;
  }

  /** `chunk` is lent until the call returns. */
  write(chunk: Uint8Array): void {
    if (this.problem !== undefined) return;
    if (!this.#compress) return this.#append(chunk);
    this.#held.push(Uint8Array.from(chunk));
    this.#heldSize += chunk.byteLength;
    if (this.#heldSize >= frameSize) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), frameTime).unref();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#heldSize === 0) return;
    const frame = zstdCompressSync(Buffer.concat(this.#held));
    this.#held.length = 0;
    this.#heldSize = 0;
    this.#append(frame);
  }

  #append(bytes: Uint8Array): void {
    if (this.#fd === undefined) return;
    try {
      for (let at = 0; at < bytes.byteLength;) at += writeSync(this.#fd, bytes, at);
    } catch (error) {
      this.problem = error;
    }
  }

  [Symbol.dispose](): void {
    this.#flush();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Where the log of building `path` is, but for a suffix that tells its compression. */
export function logFile(logDir: string, path: StorePath): string {
  return join(logDir, 'drvs', path.slice(0, 2), path.slice(2));
}

function readIfPresent(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function unpackBzip2(bytes: Buffer): Promise<Uint8Array> {
  const codec = decompressor('bzip2', { compressed: bytes.byteLength, plain: 0 }, bytes);
  if (codec === undefined) return bytes;
  const chunks: Uint8Array[] = [];
  let size = 0;
  await runCodec(
    codec,
    async input => {
      if (!input.write(bytes)) await hasRoom(input);
    },
    chunk => {
      size += chunk.byteLength;
      if (size > maxLogSize) throw new RangeError(`the log is longer than ${maxLogSize} bytes`);
      chunks.push(chunk);
    },
  );
  return Buffer.concat(chunks);
}
