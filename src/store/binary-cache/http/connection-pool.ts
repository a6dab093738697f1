import type { SecureContext } from 'node:tls';
import { HttpConnection } from './http-connection.ts';

/** Connections to one server. Those that nobody uses do not keep the process alive. */
export class ConnectionPool {
  readonly #url: URL;
  readonly #secureContext: SecureContext | undefined;
  /** The one that was used last at the end. */
  #idle: HttpConnection[] = [];

  /** Of `url` the origin counts; `secureContext` is for https. */
  constructor(url: URL, secureContext: SecureContext | undefined) {
    this.#url = url;
    this.#secureContext = secureContext;
  }

  /** One that is the caller's until its answer has ended. */
  take(): HttpConnection {
    for (let known = this.#idle.pop(); known !== undefined; known = this.#idle.pop()) {
      if (known.isUsable) return known;
      known.destroy();
    }
    return new HttpConnection(this.#url, this.#secureContext, connection => this.#idle.push(connection));
  }
}
