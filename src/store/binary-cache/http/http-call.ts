import type { ConnectionPool } from './connection-pool.ts';
import type { Asked, HttpConnection } from './http-connection.ts';
import type { Headers } from './http-request.ts';
import type { ServerAnswer } from './server-answer.ts';

/** A request on its way, by whatever means. */
export interface HttpCall {
  /** Whether its connection was used before, so that the server may have closed it meanwhile. */
  readonly isReused: boolean;
  whenConnected(connected: () => void): void;
  /** Sends it. Rejects with what happened to the connection. `sent` is told how many bytes of a body have gone. */
  answer(sent: (bytes: number) => void): Promise<ServerAnswer>;
  destroy(): void;
}

/** A request without a body. */
export interface SimpleRequest {
  readonly method: 'GET' | 'HEAD';
  readonly url: URL;
  readonly headers: Headers;
  readonly isSmall?: boolean | undefined;
}

/** Asks for something, without a body, on a connection of a pool. */
export class PooledCall implements HttpCall {
  readonly isReused: boolean;
  readonly #connection: HttpConnection;
  readonly #ask: () => Asked;
  #asked: Asked | undefined;

  /** Where the answer is known to be small it may come on a connection where others are waited for. */
  constructor(pool: ConnectionPool, request: SimpleRequest) {
    const { method, url, headers, isSmall = false } = request;
    const connection = isSmall ? pool.share() : pool.take();
    this.isReused = connection.isReused;
    this.#connection = connection;
    this.#ask = () => connection.ask(method, `${url.pathname}${url.search}`, headers);
  }

  whenConnected(connected: () => void): void {
    this.#connection.whenConnected(connected);
  }

  answer(): Promise<ServerAnswer> {
    this.#asked = this.#ask();
    return this.#asked.answer;
  }

  destroy(): void {
    if (this.#asked === undefined) this.#connection.destroy();
    else this.#asked.forget();
  }
}
