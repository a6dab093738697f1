/** What a `DecodeThread` runs: it decompresses one stream after the other. A bundle has this file beside it. */
import type { ReadableStreamDefaultController } from 'node:stream/web';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { XzDecoder, decompressXz, messageOf } from '../../base/index.ts';

/** To the thread, in this order. Memory is handed over with `data`. */
export type DecodeOrder =
  | { readonly kind: 'start' }
  | { readonly kind: 'data'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'end' }
  /** One more `output` may be sent. */
  | { readonly kind: 'more' }
  /** A stream of its own, to be decompressed into memory that is shared; answered by `whole` alone. */
  | { readonly kind: 'whole'; readonly input: Uint8Array; readonly output: Uint8Array };

/** From the thread; `done` and `failed` are the last of a stream. */
export type DecodeReport =
  /** A `data` is used up. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'output'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly message: string }
  /** As of `decompressXz`. */
  | { readonly kind: 'whole'; readonly size: number | undefined };

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
      using decoder = XzDecoder.open();
      await (decoder === undefined ? this.#runPortably() : this.#runBy(decoder));
      this.#report({ kind: 'done' });
    } catch (error) {
      this.#report({ kind: 'failed', message: messageOf(error) });
    }
  }

  async #runBy(decoder: XzDecoder): Promise<void> {
    const output = new Uint8Array(outputSize);
    let written = 0;
    const takeStep = async (input: Uint8Array, isLast: boolean) => {
      const step = decoder.step(input, output.subarray(written), isLast);
      written += step.written;
      if (written < outputSize && !step.isDone) return step;
      if (written > 0) await this.#send(output.subarray(0, written));
      written = 0;
      return step;
    };
    for (let input = await this.#next(); input !== undefined; input = await this.#next()) {
      for (let at = 0; at < input.byteLength;) at += (await takeStep(input.subarray(at), false)).read;
    }
    while (!(await takeStep(new Uint8Array(0), true)).isDone);
  }

  /** By WebAssembly. */
  async #runPortably(): Promise<void> {
    const { default: xz } = await import('xz-decompress');
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      const bytes = await this.#next();
      if (bytes === undefined) controller.close();
      else controller.enqueue(bytes);
    };
    // The global one: node:stream/web loads what threads of a process from a snapshot cannot (docs/adr/0009).
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

  async #send(bytes: Uint8Array): Promise<void> {
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
      case 'whole':
        port.postMessage({ kind: 'whole', size: decompressXz(order.input, order.output) } satisfies DecodeReport, []);
        break;
    }
  });
}
