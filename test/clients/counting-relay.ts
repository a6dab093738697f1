import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

/** Passes connections on to an address and counts what they carry, whatever they speak. */
export class CountingRelay implements AsyncDisposable {
  /** In bytes: from whoever connects, and to him. */
  sent = 0;
  received = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer(client => {
      const server = connect(target);
      client.on('data', (chunk: Buffer) => (this.sent += chunk.length));
      server.on('data', (chunk: Buffer) => (this.received += chunk.length));
      client.pipe(server).pipe(client);
      for (const [socket, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(socket);
        // What one side did not say is not said to the other.
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
    });
  }

  /** `target` is `HOST:PORT`. */
  static async start(target: string): Promise<CountingRelay> {
    const [host = '', port] = target.split(':');
    const relay = new CountingRelay({ host, port: Number(port) });
    await new Promise<void>(resolve => {
      relay.#server.listen(0, '127.0.0.1', resolve);
    });
    return relay;
  }

  /** `HOST:PORT` */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  /** What goes through while `work` is done, in bytes. */
  async count(work: () => Promise<unknown>): Promise<{ readonly sent: number; readonly received: number }> {
    const { sent, received } = this;
    await work();
    return { sent: this.sent - sent, received: this.received - received };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise(resolve => {
      this.#server.close(resolve);
    });
  }
}
