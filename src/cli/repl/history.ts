import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, systemErrorText } from '../../base/index.ts';

/** Lines that are kept. */
const mostLines = 1000;

/** Larger files are not ours. */
const largestFile = 16 * 1024 * 1024;

/** The lines that were typed, oldest first, one a line of a file. Prompts at the same time all add to it. */
export class History {
  readonly #path: string;
  readonly #warn: (message: string) => void;
  readonly #lines: string[];
  #isBroken = false;

  /** What goes wrong is told once: prompts work without a history. */
  constructor(path: string, warn: (message: string) => void) {
    this.#path = path;
    this.#warn = warn;
    this.#lines = this.#read();
    if (this.#lines.length <= mostLines) return;
    this.#lines.splice(0, this.#lines.length - mostLines);
    this.#attempt(() => {
      const staged = `${path}.${process.pid}`;
      writeFileSync(staged, this.#lines.map(line => `${line}\n`).join(''), { mode: 0o600 });
      renameSync(staged, path);
    });
  }

  newestFirst(): string[] {
    return this.#lines.toReversed();
  }

  /** Empty lines and repetitions of the last are not kept. */
  add(line: string): void {
    if (line.trim() === '' || line === this.#lines.at(-1)) return;
    this.#lines.push(line);
    this.#attempt(() => appendFileSync(this.#path, `${line}\n`, { mode: 0o600 }));
  }

  #read(): string[] {
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      const bytes = readFileSync(this.#path);
      if (bytes.byteLength > largestFile) return [];
      return bytes
        .toString()
        .split('\n')
        .filter(line => line !== '');
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') this.#complain(error);
      return [];
    }
  }

  #attempt(work: () => void): void {
    if (this.#isBroken) return;
    try {
      work();
    } catch (error) {
      this.#complain(error);
    }
  }

  #complain(error: unknown): void {
    this.#isBroken = true;
    this.#warn(`the history of prompts in '${this.#path}' cannot be kept: ${systemErrorText(error)}`);
  }
}
