import { isatty } from 'node:tty';
import { type ByteString, brandAs, byteStringFromText } from '../../base/index.ts';
import type { Store } from '../../store/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Flag, Positional } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { readStandardInput, stdin } from '../read-input.ts';
import { evaluationFlags } from './evaluation-flags.ts';
import { type Installable, parseInstallable } from './installable.ts';

/** Longest list of installables on standard input. */
const maxInput = 256 * 1024 * 1024;

/** The flags and arguments by which commands are told installables: those, `--stdin`, and how to evaluate. */
export class InstallableArguments {
  readonly flags: readonly Flag[];
  readonly positionals: readonly Positional[];
  readonly #context: CommandContext;
  #installables: readonly ByteString[] = [];
  #fromInput = false;

  constructor(context: CommandContext) {
    this.#context = context;
    this.flags = [
      ...evaluationFlags(),
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
        complete: completePath,
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

  /** What they mean; the flake of the working directory where nobody named any. Throws as `parseInstallable`. */
  parse(store: Store, texts = this.readTexts()): Installable[] {
    const wanted = texts.length === 0 && !this.#fromInput ? [byteStringFromText('.')] : texts;
    return wanted.map(text => parseInstallable(store, text, this.#context));
  }
}
