import type { CallOptions } from '../../../castore/index.ts';
import {
  type CurlError,
  type FailedAttempt,
  classifySocketError,
  detailOf,
  failedBeforeAnswer,
} from './failed-attempt.ts';
import type { HttpCall } from './http-call.ts';
import type { ServerAnswer } from './server-answer.ts';
import { StallTimer } from './stall-timer.ts';

export interface ExchangeOptions extends CallOptions {
  readonly url: URL;
  /** Begins the request anew, for each connection that is tried. */
  readonly call: () => HttpCall;
  /** In seconds, as below; 0 for as long as it takes. */
  readonly connectTimeout: number;
  readonly stallTimeout: number;
  /** Of messages: `unable to download 'URL'`. */
  readonly subject: string;
  /** Told how many bytes of the body were sent so far. */
  readonly uploaded?: ((bytes: number) => void) | undefined;
}

/** How often a kept connection may turn out to have been closed meanwhile. */
const maxStaleConnections = 8;

/** Sends one request and resolves with the answer, whose body is still to come. Rejects with a `FailedAttempt`. */
export async function exchange(options: ExchangeOptions): Promise<ServerAnswer> {
  for (let stale = 0; ; stale++) {
    options.signal?.throwIfAborted();
    const attempt = new Exchange(options);
    try {
      return await attempt.answer();
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!attempt.wasStale || stale === maxStaleConnections) throw attempt.explain(error);
    }
  }
}

class Exchange {
  readonly #options: ExchangeOptions;
  readonly #call: HttpCall;
  readonly #started = performance.now();
  #isConnected = false;
  /** Why it was given up from here. */
  #timeout: string | undefined;
  #isAnswered = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#call = options.call();
  }

  async answer(): Promise<ServerAnswer> {
    const { connectTimeout, stallTimeout, signal, uploaded } = this.#options;
    const abort = () => this.#call.destroy();
    signal?.addEventListener('abort', abort, { once: true });
    using connecting = new StallTimer(connectTimeout, () => this.#giveUp('Connection timed out'));
    using stall = new StallTimer(stallTimeout, () => this.#giveUp(stalled(stallTimeout)));
    connecting.wait();
    stall.wait();
    this.#call.whenConnected(() => {
      this.#isConnected = true;
      connecting.pause();
    });
    try {
      const answer = await this.#call.answer(bytes => {
        stall.wait();
        uploaded?.(bytes);
      });
      this.#isAnswered = true;
      return answer;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #giveUp(reason: string): void {
    this.#timeout = reason;
    this.#call.destroy();
  }

  /** Whether a connection was used that the server had closed before the request came. */
  get wasStale(): boolean {
    return this.#call.isReused && this.#timeout === undefined && !this.#isAnswered;
  }

  explain(cause: unknown): FailedAttempt {
    const { subject } = this.#options;
    if (this.#timeout !== undefined) {
      const detail = this.#isConnected ? this.#timeout : `Connection timed out after ${this.#elapsed()} milliseconds`;
      return failedBeforeAnswer(subject, 'timeout', detail, cause);
    }
    const kind = classifySocketError(cause, this.#isConnected);
    return failedBeforeAnswer(subject, kind, this.#detail(kind, cause), cause);
  }

  /** In curl's words. */
  #detail(kind: CurlError, cause: unknown): string {
    const { url } = this.#options;
    if (kind === 'resolve') return `Could not resolve host: ${url.hostname}`;
    if (kind === 'empty') return 'Empty reply from server';
    if (kind === 'certificate') return `SSL certificate problem: ${detailOf(cause)}`;
    if (kind !== 'connect') return detailOf(cause);
    return `Failed to connect to ${url.host} after ${this.#elapsed()} ms: ${detailOf(cause)}`;
  }

  #elapsed(): number {
    return Math.round(performance.now() - this.#started);
  }
}

/** `seconds` as the setting has it. */
function stalled(seconds: number): string {
  return `Operation too slow. Less than 1 bytes/sec transferred the last ${seconds} seconds`;
}
