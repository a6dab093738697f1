import { type ByteString, asBuffer, encodeDisplayed, errnoOf, systemErrorText } from '../../base/index.ts';
import { CliError } from '../error.ts';
import { isTerminal } from './is-terminal.ts';
import { writeFully } from './write-fully.ts';

const bufferSize = 64 * 1024;
const stdout = 1;
const lineEnd = 10;

/** Standard output, buffered. `flush` is called before anything goes to standard error and before the process ends. */
export class StandardOutput {
  readonly #buffer = Buffer.allocUnsafeSlow(bufferSize);
  readonly #beforeTerminal: (endsLine: boolean) => void;
  #used = 0;
  #isTerminal: boolean | undefined;

  /** `beforeTerminal` is called before something is written to a terminal: whether that ends with a line's end. */
  constructor(beforeTerminal: (endsLine: boolean) => void) {
    this.#beforeTerminal = beforeTerminal;
  }

  get isTerminal(): boolean {
    return (this.#isTerminal ??= isTerminal(stdout));
  }

  /** `text` and a line end. */
  line(text: string): void {
    this.write(encodeDisplayed(`${text}\n`));
  }

  /** `bytes` and a line end. */
  byteLine(bytes: ByteString): void {
    this.write(Buffer.from(`${bytes}\n`, 'latin1'));
  }

  /** `bytes` are lent. Throws `output/failed` or `output/closed`. */
  write(bytes: Uint8Array): void {
    if (bytes.byteLength > bufferSize - this.#used) this.flush();
    if (bytes.byteLength > bufferSize) {
      this.#send(bytes);
    } else {
      asBuffer(bytes).copy(this.#buffer, this.#used);
      this.#used += bytes.byteLength;
    }
  }

  /** Throws `output/failed` or `output/closed`; what could not be written is dropped, so that trying again is harmless. */
  flush(): void {
    const held = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    if (held.byteLength > 0) this.#send(held);
  }

  #send(bytes: Uint8Array): void {
    if (this.isTerminal) this.#beforeTerminal(bytes.at(-1) === lineEnd);
    try {
      writeFully(stdout, bytes);
    } catch (cause) {
      const code = errnoOf(cause) === 'EPIPE' ? 'output/closed' : 'output/failed';
      throw new CliError(code, `write of ${bytes.byteLength} bytes: ${systemErrorText(cause)}`, { cause });
    }
  }
}
