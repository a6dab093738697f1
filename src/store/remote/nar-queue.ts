import type { CallOptions } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { NarReceiver, PeerConnection } from './peer-connection.ts';

/** NARs that are asked for before the first of them has come: what waits in the pipes is small. */
const requestsAhead = 64;

/** NARs after which a connection is given back, so that others who wait for one have their turn. */
const perTurn = 512;

interface Wanted {
  readonly path: StorePath;
  readonly receiver: NarReceiver;
  readonly signal: AbortSignal | undefined;
  readonly settle: PromiseWithResolvers<void>;
}

/**
 * NARs from the other side. Each connection is asked for the next ones while the one before still arrives: otherwise every
 * path would take the time of a way there and back.
 */
export class NarQueue {
  readonly #pool: ConnectionPool<PeerConnection>;
  readonly #maxConnections: number;
  #waiting: Wanted[] = [];
  #connections = 0;
  readonly #lanes = new Set<Lane>();

  constructor(pool: ConnectionPool<PeerConnection>, maxConnections: number) {
    this.#pool = pool;
    this.#maxConnections = Math.max(1, maxConnections);
  }

  /** Receives the NAR of a path that is valid. Throws what the connection does, and what the receiver does. */
  async receive(path: StorePath, receiver: NarReceiver, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const wanted: Wanted = { path, receiver, signal, settle: Promise.withResolvers<void>() };
    const leave = () => {
      // One that was asked for is met in its turn.
      if (!this.#waiting.includes(wanted)) return;
      this.#waiting = this.#waiting.filter(each => each !== wanted);
      wanted.settle.reject(signal?.reason);
    };
    signal?.addEventListener('abort', leave);
    this.#waiting.push(wanted);
    this.#connect();
    for (const lane of this.#lanes) lane.ask(this.#waiting);
    try {
      await wanted.settle.promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  #connect(): void {
    if (this.#waiting.length === 0 || this.#connections >= this.#maxConnections) return;
    this.#connections++;
    void this.#pool
      .use(connection => this.#serve(new Lane(connection)))
      .catch((error: unknown) => {
        // There is no connection to be had.
        if (!(error instanceof Told)) for (const { settle } of this.#waiting.splice(0)) settle.reject(error);
      })
      .finally(() => {
        this.#connections--;
        this.#connect();
      });
  }

  /** Throws `Told` where the connection is of no more use. */
  async #serve(lane: Lane): Promise<void> {
    this.#lanes.add(lane);
    try {
      do lane.ask(this.#waiting);
      while (await lane.readNext());
    } catch (error) {
      const [first, ...others] = lane.asked;
      first?.settle.reject(first.signal?.aborted === true ? first.signal.reason : error);
      // Nothing of these has come.
      for (const { signal, settle } of others) if (signal?.aborted === true) settle.reject(signal.reason);
      this.#waiting.unshift(...others.filter(({ signal }) => signal?.aborted !== true));
      throw new Told();
    } finally {
      this.#lanes.delete(lane);
    }
  }
}

/** A failure of which whoever was concerned has been told. */
class Told extends Error {}

/** What a connection was asked for. */
class Lane {
  /** What is to come, in this order. */
  readonly asked: Wanted[] = [];
  readonly #connection: PeerConnection;
  #count = 0;

  constructor(connection: PeerConnection) {
    this.#connection = connection;
  }

  /** Asks for as many of `waiting` as may be, and takes these from it. */
  ask(waiting: Wanted[]): void {
    while (this.asked.length < requestsAhead && this.#count < perTurn) {
      const next = waiting.shift();
      if (next === undefined) return;
      this.#count++;
      this.asked.push(next);
      // A connection that takes no more gives no more, either, which is met there.
      this.#connection.requestNar(next.path).catch(() => undefined);
    }
  }

  /** Reads the NAR that comes next; false if there is none. Throws where the connection is of no more use. */
  async readNext(): Promise<boolean> {
    const [next] = this.asked;
    if (next === undefined) return false;
    const { receiver, signal, settle } = next;
    // Also where it is not wanted any more: nobody knows how long it is.
    signal?.throwIfAborted();
    const abort = () => this.#connection.destroy();
    signal?.addEventListener('abort', abort);
    try {
      await this.#connection.readNar(receiver);
      settle.resolve();
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'remote/failed')) throw error;
      settle.reject(error);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    this.asked.shift();
    return true;
  }
}
