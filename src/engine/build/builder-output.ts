import { type Activity, type ByteString, byteStringOf } from '../../base/index.ts';
import { LineSplitter } from './line-splitter.ts';
import { LogMessages } from './log-messages.ts';

const carriageReturn = 13;

/**
 * What a builder writes, line by line: reported as lines of its log, or as what they say where they are messages of the
 * form `@nix {...}` ("internal-json" logs). A carriage return goes back to the line's start, as on terminals.
 */
export class BuilderOutput implements Disposable {
  readonly #activity: Activity;
  readonly #maxTail: number;
  readonly #tail: ByteString[] = [];
  readonly #messages: LogMessages;
  readonly #lines = new LineSplitter(line => this.#takeLine(line));

  /** `tailLength` is how many lines are kept for the message of a failure. */
  constructor(activity: Activity, tailLength: number) {
    this.#activity = activity;
    this.#maxTail = tailLength;
    const source = 'the derivation builder';
    this.#messages = new LogMessages({ reporter: activity, activity, source, isTrusted: false });
  }

  /** The last lines that were no messages. */
  get tail(): readonly ByteString[] {
    return this.#tail;
  }

  /** `chunk` is lent until the call returns. */
  write(chunk: Uint8Array): void {
    this.#lines.write(chunk);
  }

  /** Takes what has no end of line for one. */
  finish(): void {
    this.#lines.finish();
  }

  #takeLine(bytes: Uint8Array): void {
    const line = overwrite(bytes);
    if (this.#messages.take(line)) return;
    this.#activity.logLine(line);
    this.#tail.push(line);
    if (this.#tail.length > this.#maxTail) this.#tail.shift();
  }

  [Symbol.dispose](): void {
    this.#messages[Symbol.dispose]();
  }
}

/** What a terminal would show: after a carriage return the line is written over, and ends where the last writing ended. */
function overwrite(bytes: Uint8Array): ByteString {
  if (!bytes.includes(carriageReturn)) return byteStringOf(bytes);
  const line = new Uint8Array(bytes.byteLength);
  let at = 0;
  for (const byte of bytes) {
    if (byte === carriageReturn) at = 0;
    else line[at++] = byte;
  }
  return byteStringOf(line.subarray(0, at));
}
