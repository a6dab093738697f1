import { Semaphore } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import { StoreError } from '../error.ts';
import type { PeerConnection } from './peer-connection.ts';

/** Connections of one store: opened when they are needed, as many as may be, and used again and again. */
export class ConnectionPool<Connection extends PeerConnection> implements AsyncDisposable {
  readonly #open: (signal: AbortSignal | undefined) => Promise<Connection>;
  readonly #permits: Semaphore;
  readonly #idle: Connection[] = [];
  readonly #used = new Set<Connection>();
  /** Those that are being closed. */
  readonly #closing = new Set<Promise<void>>();

  constructor(open: (signal: AbortSignal | undefined) => Promise<Connection>, maxConnections: number) {
    this.#open = open;
    this.#permits = new Semaphore(Math.max(1, maxConnections));
  }

  /** Gives `work` a connection of its own. When `signal` is aborted the connection is, too. Throws what `work` throws. */
  async use<T>(work: (connection: Connection) => Promise<T>, { signal }: CallOptions = {}): Promise<T> {
    using _permit = await this.#permits.acquire(signal);
    const connection = this.#takeIdle() ?? (await this.#open(signal));
    this.#used.add(connection);
    const abort = () => connection.destroy();
    signal?.addEventListener('abort', abort);
    let isGood = false;
    try {
      const result = await work(connection);
      isGood = true;
      return result;
    } catch (error) {
      isGood = error instanceof StoreError && error.code === 'remote/failed';
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#used.delete(connection);
      if (isGood && signal?.aborted !== true) this.#idle.push(connection);
      else {
        // It may be in the middle of anything.
        connection.destroy();
        this.#close(connection);
      }
    }
  }

  /** Those that the other side has ended meanwhile are of no use. */
  #takeIdle(): Connection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (!connection.isOver) return connection;
      this.#close(connection);
    }
    return undefined;
  }

  #close(connection: Connection): void {
    const closing = Promise.resolve(connection[Symbol.asyncDispose]()).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  /** Ends what still goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#used) {
      connection.destroy();
      this.#close(connection);
    }
    for (const connection of this.#idle.splice(0)) this.#close(connection);
    await Promise.all(this.#closing);
  }
}
