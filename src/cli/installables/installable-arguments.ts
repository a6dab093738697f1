import { isatty } from 'node:tty';
import { type ByteString, brandAs, byteStringFromText } from '../../base/index.ts';
import type { Store } from '../../store/index.ts';
import type { Flag, Positional } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { readStandardInput, stdin } from '../read-input.ts';
import type { Installable } from './installable.ts';
import { SourceArguments } from './source-arguments.ts';

/** Longest list of installables on standard input. */
const maxInput = 256 * 1024 * 1024;

/** The flags and arguments by which commands are told installables: those, `--stdin`, and how to evaluate. */
export class InstallableArguments {
  readonly flags: readonly Flag[];
  readonly positionals: readonly Positional[];
  readonly source: SourceArguments;
  #installables: readonly ByteString[] = [];
  #fromInput = false;

  constructor(context: CommandContext) {
    this.source = new SourceArguments(context);
    this.source.namedTexts = () => this.#installables;
    this.flags = [
      ...this.source.flags,
      {
        long: 'stdin',
        labels: [],
        summary: 'Read installables from standard input.',
        apply: () => (this.#fromInput = true),
      },
    ];
    this.positionals = [
      {
        label: 'installables',
        arity: 'any',
        complete: this.source.complete,
        apply: (...given) => (this.#installables = given),
      },
    ];
  }

  /** As they were typed or read; empty where nobody named any. */
  readTexts(): readonly ByteString[] {
    if (!this.#fromInput || isatty(stdin)) return this.#installables;
    const words = readStandardInput(maxInput).toString('latin1').split(/\s+/);
    return [...this.#installables, ...words.filter(word => word !== '').map(word => brandAs<ByteString>(word))];
  }

  /** What they mean; the value itself where nobody named any. Throws as `SourceArguments.resolve`. */
  resolve(store: Store, texts = this.readTexts()): Promise<Installable[]> {
    const wanted = texts.length === 0 && !this.#fromInput ? [byteStringFromText('.')] : texts;
    return this.source.resolve(store, wanted);
  }
}
