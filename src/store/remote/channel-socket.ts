import { chmodSync, chownSync, closeSync, openSync } from 'node:fs';
import { type Server, type Socket, createServer } from 'node:net';
import { join } from 'node:path';
import type { ByteChannel } from './byte-channel.ts';
import { StreamChannel } from './stream-channel.ts';

/** Clients at a time: `make -j` of a large machine, each with some. Who comes then is turned away. */
const maxClients = 256;

/** Bytes of the longest name that a socket's address has room for (unix(7)). */
const maxSocketName = 107;

export interface ChannelSocketOptions {
  /** Absolute. */
  readonly folder: string;
  readonly name: string;
  /** Who may connect besides root, if not we. */
  readonly owner: { readonly user: number; readonly group: number } | undefined;
  /** Serves one client, until either side ends or `signal` is aborted. */
  readonly serve: (channel: ByteChannel, signal: AbortSignal) => Promise<void>;
  /** Told why a client was left, who has been told as well, if it still listens. */
  readonly onLeft?: (error: unknown) => void;
}

/** A socket for one user's programs, each of which is served as a channel. At disposal nothing goes on any more for any of them. */
export class ChannelSocket implements AsyncDisposable {
  readonly #options: ChannelSocketOptions;
  readonly #server: Server;
  readonly #clients = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  /** Of the folder, where the socket is named by it: the server removes what has that name when it closes. */
  readonly #fd: number | undefined;

  private constructor(options: ChannelSocketOptions, fd: number | undefined) {
    this.#options = options;
    this.#fd = fd;
    this.#server = createServer({ allowHalfOpen: true }, socket => this.#accept(socket));
    this.#server.maxConnections = maxClients;
  }

  /** Throws the system's errors. */
  static async listen(options: ChannelSocketOptions): Promise<ChannelSocket> {
    const { folder, name, owner } = options;
    const path = join(folder, name);
    // A name that is too long is reached by one that is short.
    const fd = Buffer.byteLength(path) > maxSocketName ? openSync(folder, 'r') : undefined;
    const socket = new ChannelSocket(options, fd);
    await using stack = new AsyncDisposableStack();
    stack.use(socket);
    await new Promise<void>((resolve, reject) => {
      socket.#server.once('error', reject);
      socket.#server.listen({ path: fd === undefined ? path : `/proc/self/fd/${fd}/${name}` }, resolve);
    });
    chmodSync(path, 0o600);
    if (owner !== undefined) chownSync(path, owner.user, owner.group);
    stack.move();
    return socket;
  }

  #accept(socket: Socket): void {
    const { serve, onLeft } = this.#options;
    if (this.#stop.signal.aborted) {
      socket.destroy();
      return;
    }
    const answer = async () => {
      await using channel = new StreamChannel(socket, socket);
      const { signal } = this.#stop;
      const stop = () => channel.destroy();
      signal.addEventListener('abort', stop, { once: true });
      try {
        await serve(channel, AbortSignal.any([signal, channel.ended]));
      } finally {
        signal.removeEventListener('abort', stop);
      }
    };
    const client = answer()
      .catch((error: unknown) => onLeft?.(error))
      .finally(() => this.#clients.delete(client));
    this.#clients.add(client);
  }

  /** Waits until nothing is going on any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('nobody is served here any more'));
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()));
    while (this.#clients.size > 0) await Promise.allSettled(this.#clients);
    await closed;
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}
