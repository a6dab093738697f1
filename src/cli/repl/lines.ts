import { type ByteString, byteStringFromLatin1, byteStringFromText } from '../../base/index.ts';
import { readChunks, stdin } from '../read-input.ts';
import type { StandardOutput } from '../render/standard-output.ts';

/** What a user answers to a prompt. */
export type Answer =
  | { readonly kind: 'line'; readonly text: ByteString }
  /** What was being typed is to be forgotten. */
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'end' };

/** What could follow what is typed up to the cursor: whole words that begin with its last `length` bytes. */
export interface Completions {
  readonly words: readonly ByteString[];
  readonly length: number;
}

export type Completer = (typed: ByteString) => Completions;

/** Where a prompt gets its lines from. Asking waits: an evaluation may be under way that cannot go on without the answer. */
export interface Lines extends Disposable {
  ask(prompt: string, complete: Completer): Answer;
}

/** Longest line that is not from a terminal. */
const longestLine = 256 * 1024 * 1024;

/** Lines of standard input where that is no terminal; there is no prompt. */
export class PlainLines implements Lines {
  readonly #chunks = readChunks(stdin);
  readonly #out: StandardOutput;
  readonly #echoes: boolean;
  #rest = '';

  /** With `echoes` prompts and lines are shown all the same, for records of conversations. */
  constructor(out: StandardOutput, echoes: boolean) {
    this.#out = out;
    this.#echoes = echoes;
  }

  ask(prompt: string): Answer {
    const text = this.#next();
    if (text === undefined) return { kind: 'end' };
    if (this.#echoes) this.#out.byteLine(byteStringFromLatin1(byteStringFromText(prompt) + text));
    return { kind: 'line', text };
  }

  #next(): ByteString | undefined {
    const parts: string[] = [];
    let length = 0;
    for (;;) {
      const end = this.#rest.indexOf('\n');
      if (end >= 0) {
        parts.push(this.#rest.slice(0, end));
        this.#rest = this.#rest.slice(end + 1);
        return byteStringFromLatin1(parts.join(''));
      }
      parts.push(this.#rest);
      length += this.#rest.length;
      this.#rest = '';
      const chunk = length > longestLine ? undefined : this.#chunks.next().value;
      if (chunk === undefined) return length === 0 ? undefined : byteStringFromLatin1(parts.join(''));
      this.#rest = chunk.toString('latin1');
    }
  }

  [Symbol.dispose](): void {
    this.#chunks.return();
  }
}
