import { chmodSync, chownSync, closeSync, openSync } from 'node:fs';
import { type Server, type Socket, createServer } from 'node:net';
import { join } from 'node:path';
import { type Reporter, messageOf } from '../../base/index.ts';
import { StreamChannel } from '../../store/index.ts';
import type { UserIds } from '../../exec/index.ts';
import type { NestedServer, NestedStore } from './nested-store.ts';

/** As C++ Nix calls it. */
export const nestedSocketName = '.nix-socket';

/** Clients of one builder at a time: `make -j` of a large machine, each with some. Who comes then is turned away. */
const maxClients = 256;

/** Bytes of the longest name that a socket's address has room for (unix(7)). */
const maxSocketName = 107;

export interface NestedSocketOptions {
  /** The build's folder on this machine's disk. */
  readonly folder: string;
  /** Whom the builder runs as, if not as we do. */
  readonly owner: UserIds | undefined;
  readonly server: NestedServer;
  readonly nested: NestedStore;
  readonly reporter: Reporter;
}

/** Where a builder reaches the store, as long as it runs: nothing that its clients have begun goes on after `close`. */
export class NestedSocket implements AsyncDisposable {
  readonly #options: NestedSocketOptions;
  readonly #server: Server;
  readonly #clients = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  /** Of the folder, where the socket is named by it: the server removes what has that name when it closes. */
  readonly #fd: number | undefined;

  private constructor(options: NestedSocketOptions, fd: number | undefined) {
    this.#options = options;
    this.#fd = fd;
    this.#server = createServer({ allowHalfOpen: true }, socket => this.#accept(socket));
    this.#server.maxConnections = maxClients;
  }

  /** Throws the system's errors. */
  static async listen(options: NestedSocketOptions): Promise<NestedSocket> {
    const { folder, owner } = options;
    const path = join(folder, nestedSocketName);
    // A name that is too long is reached by one that is short.
    const fd = Buffer.byteLength(path) > maxSocketName ? openSync(folder, 'r') : undefined;
    const socket = new NestedSocket(options, fd);
    await using stack = new AsyncDisposableStack();
    stack.use(socket);
    await new Promise<void>((resolve, reject) => {
      socket.#server.once('error', reject);
      socket.#server.listen({ path: fd === undefined ? path : `/proc/self/fd/${fd}/${nestedSocketName}` }, resolve);
    });
    chmodSync(path, 0o600);
    if (owner !== undefined) chownSync(path, owner.user, owner.group);
    stack.move();
    return socket;
  }

  #accept(socket: Socket): void {
    const { server, nested, reporter } = this.#options;
    if (this.#stop.signal.aborted) {
      socket.destroy();
      return;
    }
    const serve = async () => {
      await using channel = new StreamChannel(socket, socket);
      const { signal } = this.#stop;
      const stop = () => channel.destroy();
      signal.addEventListener('abort', stop, { once: true });
      try {
        await server.serve(channel, nested, AbortSignal.any([signal, channel.ended]));
      } finally {
        signal.removeEventListener('abort', stop);
      }
    };
    const client = serve()
      .catch((error: unknown) => {
        // The client has been told, if it still listens.
        reporter.log('debug', () => `a client of a builder was left: ${messageOf(error)}`);
      })
      .finally(() => this.#clients.delete(client));
    this.#clients.add(client);
  }

  /** Waits until nothing is going on any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the builder has ended'));
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()));
    while (this.#clients.size > 0) await Promise.allSettled(this.#clients);
    await closed;
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}
