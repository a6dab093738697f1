import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { type ByteString, byteStringFromText, byteStringOf, messageOf } from '../../base/index.ts';
import { type CallOptions, type FsPath, type TarContents, displayFsPath, listTar } from '../../castore/index.ts';
import { JsonCursor, NixCompatError, parseJson } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import { fileChunks } from '../file-chunks.ts';

/** What a part of an image has to be. */
export interface ContentDigest {
  readonly algorithm: 'sha256' | 'sha512';
  /** In lowercase base16. */
  readonly hash: string;
}

/** Of an index, a manifest or a configuration, in bytes; registries take no larger ones (OCI distribution, 4 MiB). */
const maxJsonSize = 4 * 1024 * 1024;

/** The files of an archive of container images, in any order. */
export class ImageArchive implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #shown: string;
  readonly #members: ReadonlyMap<ByteString, TarContents>;

  private constructor(file: FileHandle, shown: string, members: ReadonlyMap<ByteString, TarContents>) {
    this.#file = file;
    this.#shown = shown;
    this.#members = members;
  }

  /** Throws `image/malformed` for what is no archive, `archive/…`, and what the system says. */
  static async open(path: FsPath, { signal }: CallOptions = {}): Promise<ImageArchive> {
    const shown = displayFsPath(path);
    const file = await open(path, 'r');
    try {
      if (!(await file.stat()).isFile()) {
        const message = `'${shown}' is no plain file; an image archive is, as 'skopeo copy' and 'docker save' write it`;
        throw new StoreError('image/malformed', message);
      }
      return new ImageArchive(file, shown, await listTar(fileChunks(file, undefined, signal), { signal }));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  has(name: string): boolean {
    return this.#members.has(byteStringFromText(name));
  }

  /** The contents of a file. Throws `image/malformed` if there is none. */
  async *contents(name: string, { signal }: CallOptions = {}): AsyncGenerator<Uint8Array, void> {
    const { offset, size } = this.#member(name);
    let left = size;
    for await (const chunk of fileChunks(this.#file, { offset, length: size }, signal)) {
      left -= chunk.byteLength;
      yield chunk;
    }
    if (left > 0) throw this.malformed(`'${name}' breaks off`);
  }

  /** Reads a file of JSON, which is held against `expected` if given. Throws `image/malformed` and `image/wrong-digest`. */
  async json<T>(
    name: string,
    expected: ContentDigest | undefined,
    read: (json: JsonCursor) => T,
    options: CallOptions = {},
  ): Promise<T> {
    const { size } = this.#member(name);
    if (size > maxJsonSize) throw this.malformed(`'${name}' has ${size} bytes, at most ${maxJsonSize} are allowed`);
    const bytes = Buffer.concat(await Array.fromAsync(this.contents(name, options)));
    if (expected !== undefined) await this.verify(name, expected, [bytes]);
    try {
      return read(new JsonCursor(parseJson(byteStringOf(bytes), { maxDepth: 100 })));
    } catch (error) {
      if (!(error instanceof NixCompatError)) throw error;
      throw this.malformed(`'${name}': ${messageOf(error)}`, error);
    }
  }

  /** Throws `image/wrong-digest` unless `chunks`, which are those of `name`, have that digest. */
  async verify(
    name: string,
    { algorithm, hash }: ContentDigest,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void> {
    const hasher = createHash(algorithm);
    for await (const chunk of chunks) hasher.update(chunk);
    const found = hasher.digest('hex');
    if (found === hash) return;
    const message = `'${name}' in '${this.#shown}' has the digest ${algorithm}:${found}, not ${algorithm}:${hash}`;
    throw new StoreError('image/wrong-digest', message);
  }

  /** What is wrong with the archive. */
  malformed(complaint: string, cause?: unknown): StoreError {
    return new StoreError('image/malformed', `the image archive '${this.#shown}' is damaged: ${complaint}`, { cause });
  }

  unsupported(complaint: string): StoreError {
    return new StoreError('image/unsupported', `the image archive '${this.#shown}' ${complaint}`);
  }

  noPlatform(wanted: string, found: readonly string[]): StoreError {
    const others = found.length === 0 ? 'has no image at all' : `has none for it, but for ${found.join(', ')}`;
    const message = `an image for ${wanted} is wanted, and '${this.#shown}' ${others} (--platform chooses another)`;
    return new StoreError('image/no-platform', message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  #member(name: string): TarContents {
    const found = this.#members.get(byteStringFromText(name));
    if (found === undefined) throw this.malformed(`'${name}' is not in it`);
    return found;
  }
}
