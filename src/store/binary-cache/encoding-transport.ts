import type { CallOptions } from '../../castore/index.ts';
import type {
  CacheTransport,
  GetFileOptions,
  OpenFileOptions,
  PutFileOptions,
  UploadContent,
} from './cache-transport.ts';
import { hasRoom, runCodec } from './codec.ts';
import { type CompressionMethod, compressor } from './compression.ts';

/** How files of which kind are encoded for those who ask the server for them; not at all where undefined. */
export interface FileEncodings {
  readonly narInfo: CompressionMethod | undefined;
  readonly listing: CompressionMethod | undefined;
  readonly log: CompressionMethod | undefined;
}

/** Uploads some small files compressed, as `Content-Encoding`, which servers and their clients undo. */
export class EncodingTransport implements CacheTransport {
  readonly #transport: CacheTransport;
  readonly #encodings: FileEncodings;

  constructor(transport: CacheTransport, encodings: FileEncodings) {
    this.#transport = transport;
    this.#encodings = encodings;
  }

  get stagingFolder(): string | undefined {
    return this.#transport.stagingFolder;
  }

  get isFar(): boolean {
    return this.#transport.isFar;
  }

  exists(path: string, options?: CallOptions): Promise<boolean> {
    return this.#transport.exists(path, options);
  }

  get(path: string, options: GetFileOptions): Promise<Uint8Array | undefined> {
    return this.#transport.get(path, options);
  }

  open(path: string, options?: OpenFileOptions): Promise<AsyncIterable<Uint8Array> | undefined> {
    return this.#transport.open(path, options);
  }

  async put(path: string, content: UploadContent, options: PutFileOptions): Promise<void> {
    const method = this.#encodingOf(path);
    if (method === undefined || method === 'none' || !('bytes' in content)) {
      await this.#transport.put(path, content, options);
      return;
    }
    const bytes = await compress(content.bytes, method);
    const headers = { ...options.headers, 'content-encoding': method };
    await this.#transport.put(path, { bytes }, { ...options, headers });
  }

  #encodingOf(path: string): CompressionMethod | undefined {
    if (path.endsWith('.narinfo')) return this.#encodings.narInfo;
    if (path.endsWith('.ls')) return this.#encodings.listing;
    return path.startsWith('log/') ? this.#encodings.log : undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#transport[Symbol.asyncDispose]());
  }
}

async function compress(bytes: Uint8Array, method: CompressionMethod): Promise<Uint8Array> {
  const codec = compressor(method);
  if (codec === undefined) return bytes;
  const chunks: Uint8Array[] = [];
  const feed = async (input: Parameters<typeof hasRoom>[0]) => {
    if (!input.write(bytes)) await hasRoom(input);
  };
  await runCodec(codec, feed, chunk => void chunks.push(chunk));
  return Buffer.concat(chunks);
}
