import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

/** A way to a server, whatever is spoken there, by which it can be seen how much passes, and which can be cut, stopped or lie. */
export class CountingRelay implements AsyncDisposable {
  /** Bytes that went to the server, and that came from it. */
  sent = 0;
  received = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** What becomes of bytes from the server. */
  #alter: ((chunk: Buffer) => Buffer) | undefined;
  /** At how many received bytes what is to happen. */
  #trap: { readonly at: number; readonly happen: () => void } | undefined;
  /** Whether nothing is passed on: connections stay, and nobody answers. */
  #isStalled = false;
  #isCut = false;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer(client => {
      if (this.#isCut) {
        client.destroy();
        return;
      }
      const server = connect(target);
      this.#join(client, server, chunk => {
        this.sent += chunk.byteLength;
        return this.#isStalled ? undefined : chunk;
      });
      this.#join(server, client, chunk => {
        this.received += chunk.byteLength;
        this.#spring();
        return this.#isStalled || this.#isCut ? undefined : (this.#alter?.(chunk) ?? chunk);
      });
    });
  }

  /** `target` is `HOST:PORT`. */
  static async open(target: string): Promise<CountingRelay> {
    const [host = '', port] = target.split(':');
    const relay = new CountingRelay({ host, port: Number(port) });
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  /** `HOST:PORT` */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  /** Passes on what `pass` makes of what one says to the other, as fast as that one takes it. */
  #join(from: Socket, to: Socket, pass: (chunk: Buffer) => Buffer | undefined): void {
    this.#sockets.add(from);
    from.on('data', (chunk: Buffer) => {
      const passed = pass(chunk);
      if (passed !== undefined && !to.write(passed)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => to.end());
    // What one side did not say is not said to the other.
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }

  /** What goes through while `work` is done, in bytes. */
  async count(work: () => Promise<unknown>): Promise<{ readonly sent: number; readonly received: number }> {
    const { sent, received } = this;
    await work();
    return { sent: this.sent - sent, received: this.received - received };
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
