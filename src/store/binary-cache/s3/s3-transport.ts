import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { type Reporter, forEachConcurrent } from '../../../base/index.ts';
import type { CallOptions } from '../../../castore/index.ts';
import { StoreError } from '../../error.ts';
import {
  type CacheTransport,
  type GetFileOptions,
  type OpenFileOptions,
  type PutFileOptions,
  type UploadContent,
  uploadSize,
} from '../cache-transport.ts';
import { fileChunks } from '../../file-chunks.ts';
import type { FileAddress, HttpTransport } from '../http-transport.ts';

const mebibyte = 1024 * 1024;

/** What S3 allows: bytes of a part but the last, bytes of what is put at once, parts of an upload. */
export const minPartSize: number = 5 * mebibyte;
export const maxPartSize: number = 5 * 1024 * mebibyte;
const maxParts = 10_000;

/** Parts that are sent at a time, each held in memory. */
const partsAtOnce = 4;

export interface S3TransportOptions {
  readonly http: HttpTransport;
  readonly address: (path: string) => FileAddress;
  readonly storageClass: string | undefined;
  /** Undefined where files are always put at once. */
  readonly multipart: MultipartOptions | undefined;
  readonly reporter: Reporter;
}

export interface MultipartOptions {
  /** In bytes, of each part. */
  readonly partSize: number;
  /** Larger files are sent in parts. */
  readonly threshold: number;
}

/** A binary cache in a bucket. Reading is that of HTTP with signatures; large files can be written in parts. */
export class S3Transport implements CacheTransport {
  readonly stagingFolder = undefined;
  readonly isFar = true;
  readonly #options: S3TransportOptions;

  constructor(options: S3TransportOptions) {
    this.#options = options;
  }

  exists(path: string, options?: CallOptions): Promise<boolean> {
    return this.#options.http.exists(path, options);
  }

  get(path: string, options: GetFileOptions): Promise<Uint8Array | undefined> {
    return this.#options.http.get(path, options);
  }

  open(path: string, options?: OpenFileOptions): Promise<AsyncIterable<Uint8Array> | undefined> {
    return this.#options.http.open(path, options);
  }

  async put(path: string, content: UploadContent, options: PutFileOptions): Promise<void> {
    const { storageClass, multipart, http, reporter } = this.#options;
    const stored = storageClass === undefined ? {} : { 'x-amz-storage-class': storageClass };
    const size = uploadSize(content);
    const all = { ...options, headers: { ...options.headers, ...stored } };
    if (multipart !== undefined && size > multipart.threshold && 'file' in content) {
      reporter.log('debug', `using S3 multipart upload for '${path}' (${size} bytes)`);
      await this.#putParts(path, content, { ...all, partSize: this.#partSize(size, multipart) });
      return;
    }
    if (size > maxPartSize) {
      const message = `file too large for S3 upload without multipart: ${showSize(size)} would exceed maximum size of ${showSize(maxPartSize)}. Consider enabling multipart-upload.`;
      throw new StoreError('cache/file-too-large', message);
    }
    const headers = { ...all.headers, 'content-md5': await md5Of(content) };
    await http.send({ method: 'PUT', ...this.#options.address(path), body: content }, { ...all, headers });
  }

  #partSize(size: number, { partSize }: MultipartOptions): number {
    const least = Math.ceil(size / maxParts);
    if (least <= partSize) return partSize;
    if (least > maxPartSize) {
      const message = `file too large for S3 multipart upload: ${showSize(size)} would require chunk size of ${showSize(least)} (max ${showSize(maxPartSize)}) to stay within ${maxParts} part limit`;
      throw new StoreError('cache/file-too-large', message);
    }
    this.#options.reporter.warn(
      `adjusting S3 multipart chunk size from ${showSize(partSize)} to ${showSize(least)} to stay within ${maxParts} part limit for ${showSize(size)} file`,
    );
    return least;
  }

  async #putParts(
    path: string,
    { file, size }: Extract<UploadContent, { readonly file: string }>,
    { partSize, ...options }: PutFileOptions & { readonly partSize: number },
  ): Promise<void> {
    const { http } = this.#options;
    const address = (query: Readonly<Record<string, string>>): FileAddress => {
      const { url, ...access } = this.#options.address(path);
      const whole = new URL(url);
      for (const [name, value] of Object.entries(query)) whole.searchParams.set(name, value);
      return { url: whole, ...access };
    };
    const nothing = { bytes: Buffer.alloc(0) };
    const begun = await http.send({ method: 'POST', ...address({ uploads: '' }), body: nothing }, options);
    const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(Buffer.from(begun.body).toString('utf8'))?.[1];
    if (uploadId === undefined)
      throw new StoreError('cache/transfer-failed', 'S3 CreateMultipartUpload response missing <UploadId>');
    const { signal } = options;
    try {
      const tags: string[] = [];
      const count = Math.ceil(size / partSize);
      await using handle = await open(file);
      await forEachConcurrent(
        Array.from({ length: count }).keys(),
        { limit: partsAtOnce, signal },
        async (at, stop) => {
          const range = { offset: at * partSize, length: Math.min(partSize, size - at * partSize) };
          const bytes = Buffer.concat(await Array.fromAsync(fileChunks(handle, range, stop)));
          const part = address({ partNumber: String(at + 1), uploadId });
          const answer = await http.send(
            { method: 'PUT', ...part, body: { bytes } },
            { mimeType: 'application/octet-stream', headers: { 'content-md5': md5(bytes) }, signal: stop },
          );
          const tag = answer.headers['etag'];
          if (typeof tag !== 'string')
            throw new StoreError('cache/transfer-failed', `S3 UploadPart response missing ETag for part ${at + 1}`);
          tags[at] = tag;
        },
      );
      const parts = tags.map(
        (tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${escapeXml(tag)}</ETag></Part>`,
      );
      const bytes = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
      const done = await http.send(
        { method: 'POST', ...address({ uploadId }), body: { bytes } },
        { mimeType: 'text/xml', signal },
      );
      // S3 begins with a success while it is still at it, and may then say that it failed.
      const complaint = /<Error>.*<\/Error>/s.exec(Buffer.from(done.body).toString('utf8'))?.[0];
      if (complaint !== undefined)
        throw new StoreError('cache/transfer-failed', `S3 could not put the parts of '${path}' together: ${complaint}`);
    } catch (error) {
      await this.#abort(address({ uploadId }));
      throw error;
    }
  }

  /** Parts that nobody puts together cost their owner money. */
  async #abort(address: FileAddress): Promise<void> {
    try {
      await this.#options.http.send({ method: 'DELETE', ...address }, { mimeType: 'application/octet-stream' });
    } catch (error) {
      this.#options.reporter.logError(error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#options.http[Symbol.asyncDispose]();
  }
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('base64');
}

async function md5Of(content: UploadContent): Promise<string> {
  if ('bytes' in content) return md5(content.bytes);
  const hash = createHash('md5');
  await using file = await open(content.file);
  for await (const chunk of fileChunks(file, undefined, undefined)) hash.update(chunk);
  return hash.digest('base64');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** As C++ Nix shows sizes: `5.0 MiB`. */
export function showSize(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / 1024;
  let at = 0;
  for (; value >= 1024 && at + 1 < units.length; at++) value /= 1024;
  return `${value.toFixed(1)} ${units[at] ?? ''}`;
}
