import { create } from '@bufbuild/protobuf';
import { Semaphore } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import { GrpcClient, type MetadataValues, type ServerAddress, type UnaryMethod } from '../../grpc/index.ts';
import { GetCapabilitiesRequestSchema, capabilitiesMethods } from '../../proto/index.ts';
import { type RetryPolicy, defaultRetryPolicy, retrying } from './retry.ts';
import { type ServerTraits, traitsOf } from './server-traits.ts';

export interface ReapiServerOptions {
  readonly address: ServerAddress;
  /** The one without a name unless given. */
  readonly instance?: string;
  /** Sent with every call: `authorization` and its like. */
  readonly metadata?: MetadataValues;
  /** Calls that are under way at a time; 16 unless given. */
  readonly concurrency?: number;
  readonly retries?: RetryPolicy;
}

/** Milliseconds that a call with one answer may take. */
const unaryTimeout = 60_000;

/**
 * A server that speaks REAPI, as a client has it: one connection, and what every use of it shares. Calls that find the
 * server gone are made again, later and later.
 *
 *     await using server = new ReapiServer({ address: { transport: 'tcp', host: 'localhost', port: 8980 } });
 *     const blobs = new RemoteBlobStore(server);
 */
export class ReapiServer implements AsyncDisposable {
  readonly client: GrpcClient;
  readonly instance: string;
  readonly retries: RetryPolicy;
  readonly concurrency: number;
  readonly #calls: Semaphore;
  #traits: Promise<ServerTraits> | undefined;

  constructor(options: ReapiServerOptions) {
    const { metadata } = options;
    this.client = new GrpcClient(options.address, metadata === undefined ? {} : { metadata });
    this.instance = options.instance ?? '';
    this.retries = options.retries ?? defaultRetryPolicy;
    this.concurrency = options.concurrency ?? 16;
    this.#calls = new Semaphore(this.concurrency);
  }

  /** What the server can do; asked once. */
  traits(options: CallOptions = {}): Promise<ServerTraits> {
    const asked = (this.#traits ??= this.#ask());
    const { signal } = options;
    if (signal === undefined) return asked;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const abort = () => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      void asked.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  async #ask(): Promise<ServerTraits> {
    try {
      const request = create(GetCapabilitiesRequestSchema, { instanceName: this.instance });
      return traitsOf(await this.call(capabilitiesMethods.getCapabilities, request));
    } catch (error) {
      // The next one asks anew.
      this.#traits = undefined;
      throw error;
    }
  }

  /** A call with one request and one answer, which may be made again. Throws `GrpcStatus`. */
  call<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    { signal }: CallOptions = {},
  ): Promise<Response> {
    return retrying(this.retries, signal, async () => {
      using _turn = await this.acquire(signal);
      return await this.client.unary(method, request, { signal, timeout: unaryTimeout });
    });
  }

  /** Waits for one of the calls that may be under way. */
  acquire(signal: AbortSignal | undefined): Promise<Disposable> {
    return this.#calls.acquire(signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.client[Symbol.asyncDispose]();
  }
}
