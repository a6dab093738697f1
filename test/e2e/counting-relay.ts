import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** A way to a server by which it can be seen how much comes from there, and which can be cut or stopped. */
export class CountingRelay implements AsyncDisposable {
  /** `HOST:PORT` */
  readonly address: string;
  /** Bytes that came from the server. */
  received = 0;
  readonly #sockets: Set<Socket>;
  readonly #server: ReturnType<typeof createServer>;
  /** Whether nothing is passed on: connections stay, and nobody answers. */
  #isStalled = false;
  #isCut = false;

  private constructor(server: ReturnType<typeof createServer>, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    const { port } = server.address() as AddressInfo;
    this.address = `127.0.0.1:${port}`;
  }

  static async open(target: string): Promise<CountingRelay> {
    const [host = '', port = ''] = target.split(':');
    const sockets = new Set<Socket>();
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const relay = new CountingRelay(server, sockets);
    server.on('connection', client => {
      if (relay.#isCut) {
        client.destroy();
        return;
      }
      const upstream = connect(Number(port), host);
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
      client.on('data', chunk => {
        if (!relay.#isStalled) upstream.write(chunk);
      });
      upstream.on('data', (chunk: Buffer) => {
        relay.received += chunk.byteLength;
        if (!relay.#isStalled) client.write(chunk);
      });
    });
    return relay;
  }

  stall(): void {
    this.#isStalled = true;
  }

  /** Ends all connections, and takes no new ones. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  restore(): void {
    this.#isStalled = false;
    this.#isCut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
