import { randomBytes } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../base/index.ts';
import { makeFolder, realFileSystem } from '../../castore/index.ts';
import { StoreError } from '../error.ts';
import type { CacheTransport, GetFileOptions, OpenFileOptions, UploadContent } from './cache-transport.ts';
import { type ByteRange, fileChunks } from '../file-chunks.ts';
import { fileTooLarge } from './file-too-large.ts';

/** Where the parts of uploads are until they are whole; within the cache, so that a rename puts them into place. */
const stagingName = 'nar';

/** A binary cache in a folder of this machine. Small files are read there and then. */
export class FileTransport implements CacheTransport {
  readonly stagingFolder: string;
  readonly isFar = false;
  readonly #root: string;
  readonly #isReadOnly: boolean;

  /** `root` is absolute. With `isReadOnly`, nothing can be put. */
  constructor(root: string, options: { readonly isReadOnly?: boolean } = {}) {
    this.#root = root;
    this.#isReadOnly = options.isReadOnly ?? false;
    this.stagingFolder = join(root, stagingName);
  }

  /** Makes the folders that every cache has, and those of `names`. */
  makeFolders(...names: readonly string[]): void {
    for (const name of [stagingName, 'realisations', 'log', ...names]) {
      makeFolder(realFileSystem, join(this.#root, name));
    }
  }

  exists(path: string): Promise<boolean> {
    return attempt(() => existsSync(this.#locate(path)));
  }

  get(path: string, { limit, memory }: GetFileOptions): Promise<Uint8Array | undefined> {
    return attempt(() => {
      const fd = unlessMissing(() => openSync(this.#locate(path), 'r'));
      if (fd === undefined) return undefined;
      try {
        return readWhole(fd, { limit, memory, refuse: () => fileTooLarge(join(this.#root, path), limit) });
      } finally {
        closeSync(fd);
      }
    });
  }

  async open(path: string, { range, signal }: OpenFileOptions = {}): Promise<AsyncIterable<Uint8Array> | undefined> {
    signal?.throwIfAborted();
    try {
      return chunksOnce(await open(this.#locate(path)), range, signal);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  put(path: string, content: UploadContent): Promise<void> {
    return attempt(() => {
      const target = this.#locate(path);
      if (this.#isReadOnly) {
        throw new StoreError('store/unsupported', `uploading to 'file://${target}' is not supported`);
      }
      const temporary = `${target}.tmp.${process.pid}.${randomBytes(6).toString('hex')}`;
      makeFolder(realFileSystem, dirname(target));
      try {
        if ('bytes' in content) {
          writeFileSync(temporary, content.bytes, { flag: 'wx' });
          renameSync(temporary, target);
        } else if (!movedWithin(content.file, target)) {
          copyFileSync(content.file, temporary);
          renameSync(temporary, target);
        }
      } catch (error) {
        rmSync(temporary, { force: true });
        throw error;
      }
    });
  }

  list(): Promise<readonly string[]> {
    return attempt(() => unlessMissing(() => readdirSync(this.#root)) ?? []);
  }

  #locate(path: string): string {
    const message = `local binary cache path '${path}' must not`;
    if (path === '' || path.includes('\0')) throw new StoreError('cache/bad-path', `${message} be empty or have a NUL`);
    if (path.startsWith('/')) throw new StoreError('cache/bad-path', `${message} be absolute`);
    if (path.split('/').some(segment => segment === '..' || segment === '.'))
      throw new StoreError('cache/bad-path', `${message} contain '..' or '.' segments`);
    return join(this.#root, path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** As an async function: what `work` throws becomes a rejection. */
// oxlint-disable-next-line typescript/promise-function-async -- nothing here waits
function attempt<T>(work: () => T): Promise<T> {
  return new Promise(resolve => {
    resolve(work());
  });
}

function unlessMissing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function readWhole(
  fd: number,
  { limit, memory, refuse }: Pick<GetFileOptions, 'limit' | 'memory'> & { readonly refuse: () => Error },
): Uint8Array {
  const { size } = fstatSync(fd);
  if (size > limit) throw refuse();
  const bytes = memory?.(size) ?? Buffer.allocUnsafe(size);
  let used = 0;
  // Others replace files, they do not change them; one that shrank nevertheless is read as it is now.
  for (let count = -1; used < size && count !== 0; used += count) count = readSync(fd, bytes, used, size - used, null);
  return bytes.subarray(0, used);
}

async function* chunksOnce(
  handle: FileHandle,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  await using file = handle;
  // Memory for what there is: files of a cache are replaced, not changed.
  const { size } = await file.stat();
  const { offset = 0, length = size } = range ?? {};
  yield* fileChunks(file, { offset, length: Math.min(length, Math.max(size - offset, 0)) }, signal);
}

/** False where the two are on different file systems. */
function movedWithin(file: string, target: string): boolean {
  try {
    renameSync(file, target);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EXDEV') return false;
    throw error;
  }
}
