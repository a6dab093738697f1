import { type Reporter, byteStringFromText, createReporter, messageOf } from '../base/index.ts';
import {
  FramedReader,
  type StoreDir,
  type WireLimits,
  type WireReader,
  WireWriter,
  type WorkerContext,
  writeLogMessage,
} from '../nix-compat/index.ts';
import type { ByteChannel, Store } from '../store/index.ts';
import { ServerError } from './error.ts';
import type { BuildRequest, ServedStore } from './served-store.ts';
import { WorkerLog } from './worker-log.ts';

export interface WorkerSessionOptions {
  readonly channel: ByteChannel;
  readonly reader: WireReader;
  /** Of the reader, and of others of what the client sends. */
  readonly limits: Partial<WireLimits>;
  readonly context: WorkerContext;
  readonly served: ServedStore;
  /** Whether the client may do what could harm other users of the store. */
  readonly isTrusted: boolean;
  readonly signal: AbortSignal;
}

/** One client of the worker protocol: what its requests are read from, and their answers written to. */
export class WorkerSession {
  readonly reader: WireReader;
  readonly limits: Partial<WireLimits>;
  /** Of the answer. */
  readonly writer = new WireWriter();
  readonly context: WorkerContext;
  readonly served: ServedStore;
  readonly isTrusted: boolean;
  readonly channel: ByteChannel;
  readonly log: WorkerLog;
  readonly signal: AbortSignal;
  /** Aborted when the client is gone, too: for what takes long, and nobody wants any more. */
  readonly wanted: AbortSignal;
  readonly #reporter: Reporter;
  #isLost = false;
  /** Bytes of the answers before that of the present request. */
  #answered = 0;

  constructor(options: WorkerSessionOptions) {
    this.reader = options.reader;
    this.limits = options.limits;
    this.context = options.context;
    this.served = options.served;
    this.isTrusted = options.isTrusted;
    this.channel = options.channel;
    this.log = new WorkerLog(options.channel, options.context.version);
    this.#reporter = createReporter(this.log);
    this.signal = options.signal;
    this.wanted = AbortSignal.any([options.signal, options.channel.ended]);
  }

  /** Whether it is not known where the next request starts, or the client expects something else than a message. */
  get isLost(): boolean {
    return this.#isLost || !this.log.isOpen;
  }

  get store(): Store {
    return this.served.store;
  }

  get storeDir(): StoreDir {
    return this.context.storeDir;
  }

  /** What a client wants is called off when it is gone. */
  request(mode: BuildRequest['mode'] = 'normal'): BuildRequest {
    return { mode, signal: this.wanted, reporter: this.#reporter };
  }

  /**
   * Does what a request that has been read asks for: messages are sent meanwhile, and the client is told when it is done; if
   * it fails, that, and the connection goes on.
   */
  async work<T>(perform: () => Promise<T>): Promise<T> {
    this.log.isOpen = true;
    const result = await perform();
    this.log.isOpen = false;
    writeLogMessage(this.writer, this.context.version, { kind: 'last' });
    return result;
  }

  /** As `work`, with data that the client sends in frames, which are read to their end whatever happens. */
  workWithFrames<T>(perform: (frames: FramedReader) => Promise<T>): Promise<T> {
    return this.work(async () => {
      const frames = new FramedReader(this.reader);
      const outcome = await perform(frames).then(
        result => ({ result }),
        (error: unknown) => ({ error }),
      );
      try {
        await frames.drain();
      } catch (error) {
        // Nobody can tell where the next request starts; why this one failed says more.
        this.#isLost = true;
        throw 'error' in outcome ? outcome.error : error;
      }
      if ('error' in outcome) throw outcome.error;
      return outcome.result;
    });
  }

  /** As `work`, where nothing has to be waited for. */
  tell<T>(find: () => T): T {
    this.log.isOpen = true;
    const found = find();
    this.log.isOpen = false;
    writeLogMessage(this.writer, this.context.version, { kind: 'last' });
    return found;
  }

  /** To be called before a request is read. What is answered already may still be unsent. */
  startRequest(): void {
    this.#answered = this.writer.size;
  }

  /** Tells the client of a failure in place of an answer. */
  async fail(error: unknown): Promise<void> {
    this.log.isOpen = false;
    this.writer.rewind(this.#answered);
    const message = byteStringFromText(messageOf(error));
    writeLogMessage(this.writer, this.context.version, {
      kind: 'error',
      error: { level: 0, message, traces: [], status: 1 },
    });
    await this.flush();
  }

  async flush(): Promise<void> {
    this.send();
    await this.channel.drain();
  }

  /** Sends what is written, however much of it waits by then. */
  send(): void {
    this.#answered = 0;
    if (this.writer.size > 0) this.channel.write(this.writer.take());
  }

  /** Throws `request/forbidden`. */
  requireTrust(message: string): void {
    if (!this.isTrusted) throw new ServerError('request/forbidden', message);
  }
}
