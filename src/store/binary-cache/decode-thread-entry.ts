/** What a `DecodeThread` runs: it decompresses one stream after the other. A bundle has this file beside it. */
import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';
import { type MessagePort, parentPort } from 'node:worker_threads';
import xz from 'xz-decompress';
import { messageOf } from '../../base/index.ts';

/** To the thread, in this order. Memory is handed over with `data`. */
export type DecodeOrder =
  | { readonly kind: 'start' }
  | { readonly kind: 'data'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'end' }
  /** One more `output` may be sent. */
  | { readonly kind: 'more' };

/** From the thread; `done` and `failed` are the last of a stream. */
export type DecodeReport =
  /** A `data` is used up. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'output'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly message: string };

/** Bytes of an `output` but the last: a message costs as much as decompressing some 2 KiB. */
const outputSize = 256 * 1024;

class Decoding {
  readonly #port: MessagePort;
  /** What was sent and not asked for yet; undefined says that no more comes. */
  readonly #input: (Uint8Array<ArrayBuffer> | undefined)[] = [];
  #wanted: (() => void) | undefined;
  #credit = 0;
  #mayGoOn: (() => void) | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  feed(bytes: Uint8Array<ArrayBuffer> | undefined): void {
    this.#input.push(bytes);
    this.#wanted?.();
  }

  allow(): void {
    this.#credit++;
    this.#mayGoOn?.();
  }

  async run(): Promise<void> {
    try {
      const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
        const bytes = await this.#next();
        if (bytes === undefined) controller.close();
        else controller.enqueue(bytes);
      };
      const source = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
      let gathered: Uint8Array[] = [];
      let size = 0;
      const flush = async () => {
        await this.#send(Buffer.concat(gathered, size));
        [gathered, size] = [[], 0];
      };
      for await (const chunk of new xz.XzReadableStream(source)) {
        gathered.push(chunk);
        size += chunk.byteLength;
        if (size >= outputSize) await flush();
      }
      if (size > 0) await flush();
      this.#report({ kind: 'done' });
    } catch (error) {
      this.#report({ kind: 'failed', message: messageOf(error) });
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    while (this.#input.length === 0) {
      await new Promise<void>(resolve => {
        this.#wanted = resolve;
      });
    }
    const bytes = this.#input.shift();
    if (bytes !== undefined) this.#report({ kind: 'taken' });
    return bytes;
  }

  async #send(bytes: Buffer): Promise<void> {
    while (this.#credit === 0) {
      await new Promise<void>(resolve => {
        this.#mayGoOn = resolve;
      });
    }
    this.#credit--;
    const copy = new Uint8Array(bytes);
    this.#report({ kind: 'output', bytes: copy }, [copy.buffer]);
  }

  #report(report: DecodeReport, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(report, [...transfer]);
  }
}

const port = parentPort;
if (port !== null) {
  let decoding: Decoding | undefined;
  port.on('message', (order: DecodeOrder) => {
    switch (order.kind) {
      case 'start':
        decoding = new Decoding(port);
        void decoding.run();
        break;
      case 'data':
        decoding?.feed(order.bytes);
        break;
      case 'end':
        decoding?.feed(undefined);
        break;
      case 'more':
        decoding?.allow();
        break;
    }
  });
}
