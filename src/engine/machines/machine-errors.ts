import { byteStringOf, displayBytes } from '../../base/index.ts';

/** Bytes of what is said that are kept for messages. */
const maxTail = 4096;

/** What a connection's programs write to standard error: passed on during a build, kept before one. */
export class MachineErrors {
  #target: ((chunk: Uint8Array) => void) | undefined;
  #tail = Buffer.alloc(0);

  /** The last of what nobody wanted, without the line ends behind it. */
  get tail(): string {
    return displayBytes(byteStringOf(this.#tail)).trimEnd();
  }

  /** Who gets what comes from now on; nobody unless given. */
  passTo(target: ((chunk: Uint8Array) => void) | undefined): void {
    this.#target = target;
  }

  /** `chunk` is lent until the call returns. */
  write(chunk: Uint8Array): void {
    if (this.#target !== undefined) this.#target(chunk);
    else this.#tail = Buffer.concat([this.#tail, chunk]).subarray(-maxTail);
  }
}
