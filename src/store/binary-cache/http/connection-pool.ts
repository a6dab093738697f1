import { type ConnectionOptions, HttpConnection } from './http-connection.ts';

/** Requests that may wait for answers on one connection. */
export const mostOnConnection = 8;

export interface PoolOptions extends ConnectionOptions {
  /** Connections beyond which none is opened before it is needed. */
  readonly connections: number;
}

/** Connections to one server. Those that nobody uses do not keep the process alive. */
export class ConnectionPool {
  readonly #url: URL;
  readonly #options: PoolOptions;
  readonly #open = new Set<HttpConnection>();
  /** The one that was used last at the end. */
  #idle: HttpConnection[] = [];
  /** Of those that are not idle, those that are asked for small things alone. */
  readonly #shared = new Set<HttpConnection>();

  /** Of `url` the origin counts. */
  constructor(url: URL, options: PoolOptions) {
    this.#url = url;
    this.#options = options;
  }

  /** One that is the caller's until its answer has ended. */
  take(): HttpConnection {
    return this.#takeIdle() ?? this.#connect();
  }

  /**
   * One for a small answer, which others may be waiting on: far away that takes less time than to open a connection. Others are
   * opened meanwhile, for what comes next, since a server answers what one connection asks one after the other.
   */
  share(): HttpConnection {
    const connection = this.#takeIdle() ?? this.#leastLoaded() ?? this.#connect();
    this.#shared.add(connection);
    return connection;
  }

  #leastLoaded(): HttpConnection | undefined {
    let least: HttpConnection | undefined;
    for (const each of this.#shared) {
      if (each.takesMore && each.load < (least?.load ?? mostOnConnection)) least = each;
    }
    if (least !== undefined && this.#open.size < this.#options.connections) this.#openAhead();
    return least;
  }

  #openAhead(): void {
    const connection = this.#connect();
    connection.wait();
    connection.whenConnected(() => this.#idle.push(connection));
  }

  #takeIdle(): HttpConnection | undefined {
    for (let known = this.#idle.pop(); known !== undefined; known = this.#idle.pop()) {
      if (known.isUsable) return known;
      known.destroy();
    }
    return undefined;
  }

  #connect(): HttpConnection {
    const connection = new HttpConnection(this.#url, this.#options, {
      idle: each => {
        this.#shared.delete(each);
        this.#idle.push(each);
      },
      gone: each => {
        this.#shared.delete(each);
        this.#open.delete(each);
      },
    });
    this.#open.add(connection);
    return connection;
  }
}
