import { asBuffer, errnoOf, systemErrorText } from '../../base/index.ts';
import { CliError } from '../error.ts';
import { isTerminal } from './is-terminal.ts';
import { writeFully } from './write-fully.ts';

const bufferSize = 64 * 1024;
const stdout = 1;

/** Standard output, buffered. `flush` is called before anything goes to standard error and before the process ends. */
export class StandardOutput {
  readonly #buffer = Buffer.allocUnsafeSlow(bufferSize);
  #used = 0;

  get isTerminal(): boolean {
    return isTerminal(stdout);
  }

  /** `text` and a line end. */
  line(text: string): void {
    this.write(Buffer.from(`${text}\n`));
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
    try {
      writeFully(stdout, bytes);
    } catch (cause) {
      const code = errnoOf(cause) === 'EPIPE' ? 'output/closed' : 'output/failed';
      throw new CliError(code, `write of ${bytes.byteLength} bytes: ${systemErrorText(cause)}`, { cause });
    }
  }
}
