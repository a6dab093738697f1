import type { ConnectionPool } from './connection-pool.ts';
import type { HttpConnection } from './http-connection.ts';
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

/** Asks for something, without a body, on a connection of a pool. */
export class PooledCall implements HttpCall {
  readonly isReused: boolean;
  readonly #connection: HttpConnection;
  readonly #ask: () => Promise<ServerAnswer>;

  constructor(pool: ConnectionPool, method: 'GET' | 'HEAD', url: URL, headers: Headers) {
    const connection = pool.take();
    this.isReused = connection.isReused;
    this.#connection = connection;
    this.#ask = () => connection.ask(method, `${url.pathname}${url.search}`, headers);
  }

  whenConnected(connected: () => void): void {
    this.#connection.whenConnected(connected);
  }

  answer(): Promise<ServerAnswer> {
    return this.#ask();
  }

  destroy(): void {
    this.#connection.destroy();
  }
}
