import { type ConnectionOptions, HttpConnection } from './http-connection.ts';

/** Connections to one server. Those that nobody uses do not keep the process alive. */
export class ConnectionPool {
  readonly #url: URL;
  readonly #options: ConnectionOptions;
  /** The one that was used last at the end. */
  #idle: HttpConnection[] = [];

  /** Of `url` the origin counts. */
  constructor(url: URL, options: ConnectionOptions) {
    this.#url = url;
    this.#options = options;
  }

  /** One that is the caller's until its answer has ended. */
  take(): HttpConnection {
    for (let known = this.#idle.pop(); known !== undefined; known = this.#idle.pop()) {
      if (known.isUsable) return known;
      known.destroy();
    }
    return new HttpConnection(this.#url, this.#options, connection => this.#idle.push(connection));
  }
}
