import { brandAs, type ByteString, byteStringOf, displayBytes } from '../../base/index.ts';
import { NixCompatError, WireReader } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { ByteChannel } from './byte-channel.ts';

/** Bytes of an answer in no protocol that are shown. */
const maxShown = 4096;

export interface GreetingOptions {
  readonly channel: ByteChannel;
  /** What may come before the protocol and is skipped. */
  readonly preamble: string;
  /** What is said of an answer that is none, and of none at all. */
  readonly mismatch: (got: string) => string;
  readonly silence: string;
}

/**
 * Opens a connection by `greet`. What answers in no protocol (a shell that prints something) is quoted. Throws
 * `remote/unreachable`, and what `greet` throws.
 */
export async function greetPeer<T>(options: GreetingOptions, greet: (reader: WireReader) => Promise<T>): Promise<T> {
  const { channel, preamble, mismatch, silence } = options;
  const said = new Said(preamble);
  const reader = new WireReader(said.pass(channel.source));
  try {
    const greeted = await greet(reader);
    said.forget();
    return greeted;
  } catch (cause) {
    const isNone =
      cause instanceof NixCompatError &&
      ['wire/protocol-mismatch', 'wire/number-too-large', 'wire/truncated'].includes(cause.code);
    const isGone = cause instanceof StoreError && cause.code === 'remote/disconnected';
    if (!isNone && !isGone) throw cause;
    // The other side may be waiting for more.
    channel.end();
    if (said.isEmpty && (await reader.atEnd().catch(() => true))) {
      throw new StoreError('remote/unreachable', silence, { cause });
    }
    await drain(reader);
    throw new StoreError('remote/unreachable', mismatch(said.text), { cause });
  }
}

async function drain(reader: WireReader): Promise<void> {
  for (let left = maxShown; left > 0 && !(await reader.atEnd());) left -= (await reader.chunk(left)).byteLength;
}

/** Keeps the beginning of what passes. */
class Said {
  readonly #preamble: string;
  #kept = '';
  #keeps = true;

  constructor(preamble: string) {
    this.#preamble = preamble;
  }

  get isEmpty(): boolean {
    return this.#kept === '';
  }

  /** Without the line ends behind it. */
  get text(): string {
    return displayBytes(brandAs<ByteString>(this.#kept.slice(0, maxShown).replace(/[\n\r]+$/, '')));
  }

  forget(): void {
    this.#keeps = false;
    this.#kept = '';
  }

  /** Passes on what follows the preamble, which need not be there and may come in pieces. */
  async *pass(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    let before = '';
    let isPast = this.#preamble === '';
    for await (const chunk of source) {
      if (isPast) {
        this.#keep(chunk);
        yield chunk;
        continue;
      }
      before += byteStringOf(chunk);
      if (before.length < this.#preamble.length && this.#preamble.startsWith(before)) continue;
      isPast = true;
      const rest = Buffer.from(
        before.startsWith(this.#preamble) ? before.slice(this.#preamble.length) : before,
        'latin1',
      );
      this.#keep(rest);
      yield rest;
    }
    if (!isPast) yield Buffer.from(before, 'latin1');
  }

  #keep(chunk: Uint8Array): void {
    if (this.#keeps && this.#kept.length < maxShown) this.#kept += byteStringOf(chunk);
  }
}
