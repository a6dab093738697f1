import { type BlobUpload, type DiskBlobStore, type ForeignDigest, ForeignDigester } from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import { mismatch } from './served-blobs.ts';

/** Uploads that are kept although nobody is sending, and for how long: a client that lost its connection comes again. */
const maxIdle = 256;
const maxIdleTime = 10 * 60_000;

/** One blob on its way in. */
export class Upload implements AsyncDisposable {
  readonly digest: ForeignDigest;
  readonly #bytes: BlobUpload;
  /** Of the function that it is named by; our own is computed anyway. */
  readonly #digester: ForeignDigester | undefined;

  constructor(digest: ForeignDigest, bytes: BlobUpload) {
    this.digest = digest;
    this.#bytes = bytes;
    this.#digester = digest.function === 'sha256' ? undefined : new ForeignDigester(digest.function, digest.size);
  }

  /** Bytes that have come. */
  get size(): number {
    return this.#bytes.size;
  }

  /** Throws `invalidArgument` as soon as there are too many. The bytes are lent until the promise, if there is one, has settled. */
  append(bytes: Uint8Array): Promise<void> | undefined {
    if (this.size + bytes.byteLength > this.digest.size) {
      throw new GrpcStatus('invalidArgument', `more bytes are sent than the ${this.digest.size} that the digest says`);
    }
    this.#digester?.update(bytes);
    return this.#bytes.append(bytes);
  }

  /** When the next bytes may be long in coming. */
  rest(): Promise<void> {
    return this.#bytes.rest();
  }

  /** What has come, as a whole. Throws `digest/mismatch` unless it has the digest that it is named by. */
  async finish() {
    const received = await this.#bytes.finish();
    const found = this.#digester?.finish() ?? { function: this.digest.function, ...received.digest };
    if (found.hash !== this.digest.hash || found.size !== this.digest.size) throw mismatch(this.digest, found);
    return received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bytes[Symbol.asyncDispose]();
  }
}

interface Idle {
  readonly upload: Upload;
  readonly timer: NodeJS.Timeout;
}

/**
 * Uploads that stopped before their end, by the name under which they may be continued. Each belongs to one call at a
 * time. Bounded: the one that has waited longest makes room.
 */
export class Uploads implements AsyncDisposable {
  readonly #store: DiskBlobStore;
  readonly #idle = new Map<string, Idle>();
  /** Names of those that calls are sending, with what has come. */
  readonly #active = new Map<string, Upload>();

  constructor(store: DiskBlobStore) {
    this.#store = store;
  }

  begin(digest: ForeignDigest): Upload {
    return new Upload(digest, this.#store.upload());
  }

  /** Bytes that have come of an upload; undefined for one that is not known. */
  sizeOf(name: string): number | undefined {
    return (this.#active.get(name) ?? this.#idle.get(name)?.upload)?.size;
  }

  /** An upload that stopped, which is the caller's then. */
  take(name: string): Upload | undefined {
    const idle = this.#idle.get(name);
    if (idle === undefined) return undefined;
    this.#idle.delete(name);
    clearTimeout(idle.timer);
    return idle.upload;
  }

  /** Lets others see how far an upload is, until disposed of. */
  watch(name: string, upload: Upload): Disposable {
    this.#active.set(name, upload);
    return {
      [Symbol.dispose]: () => {
        if (this.#active.get(name) === upload) this.#active.delete(name);
      },
    };
  }

  /** Keeps an upload whose call has ended before it was complete. */
  async keep(name: string, upload: Upload): Promise<void> {
    await this.take(name)?.[Symbol.asyncDispose]();
    await upload.rest();
    const timer = setTimeout(() => void this.#drop(name), maxIdleTime);
    timer.unref();
    this.#idle.set(name, { upload, timer });
    const [oldest] = this.#idle.keys();
    if (this.#idle.size > maxIdle && oldest !== undefined) await this.#drop(oldest);
  }

  async #drop(name: string): Promise<void> {
    await this.take(name)?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#idle.keys()) await this.#drop(name);
  }
}
