import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** A way to a server by which it can be seen how much comes from there, and which can be cut or stopped. */
export class CountingRelay implements AsyncDisposable {
  /** `HOST:PORT` */
  readonly address: string;
  /** Bytes that came from the server. */
  received = 0;
  /** What becomes of bytes from the server. */
  #alter: ((chunk: Buffer) => Buffer) | undefined;
  /** At how many received bytes what is to happen. */
  #trap: { readonly at: number; readonly happen: () => void } | undefined;
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
        relay.#spring();
        if (!relay.#isStalled && !relay.#isCut) client.write(relay.#alter?.(chunk) ?? chunk);
      });
    });
    return relay;
  }

  /** Has something happen, such as `cut`, when `bytes` more have come from the server; what has come then is not passed on. */
  after(bytes: number, happen: () => void): void {
    this.#trap = { at: this.received + bytes, happen };
  }

  #spring(): void {
    const trap = this.#trap;
    if (trap === undefined || this.received < trap.at) return;
    this.#trap = undefined;
    trap.happen();
  }

  /** Changes a bit of every chunk of some size, so that heads of messages stay as they are. */
  lie(): void {
    this.#alter = chunk => {
      const altered = Buffer.from(chunk);
      if (altered.length > 8192) altered[8192] = (altered[8192] ?? 0) ^ 1;
      return altered;
    };
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
    this.#alter = undefined;
    this.#trap = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
