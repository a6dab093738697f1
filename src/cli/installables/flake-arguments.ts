import { type ByteString, displayBytes } from '../../base/index.ts';
import {
  type InputOverride,
  type InputPath,
  type LockFlags,
  defaultLockFlags,
  findFlake,
  parseInputPath,
} from '../../engine/index.ts';
import { formatFlakeRef } from '../../eval/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Completer } from '../args/completions.ts';
import { type Flag, switchFlag } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { absolutePath } from '../paths.ts';

/** What completes arguments that are about flakes. */
export interface FlakeCompleters {
  /** A flake. */
  readonly flake: Completer;
  /** An input of the flakes that the command line names. */
  readonly input: Completer;
}

/** The flags by which flakes are locked, of all commands that evaluate them. */
export class FlakeArguments {
  readonly flags: readonly Flag[];
  /** Flakes whose inputs become entries of the registry. */
  readonly inputsFrom: ByteString[] = [];
  readonly #overrides: InputOverride[] = [];
  readonly #updatedInputs: InputPath[] = [];
  #given: Partial<LockFlags> = {};

  constructor(context: CommandContext, { flake, input }: FlakeCompleters) {
    const { log } = context;
    const give = (flags: Partial<LockFlags>) => void (this.#given = { ...this.#given, ...flags });
    this.flags = [
      switchFlag('recreate-lock-file', 'Lock all inputs anew.', () => {
        const instead = "is deprecated and will be removed in a future version; use 'nix flake update' instead.";
        log.warn(`'--recreate-lock-file' ${instead}`);
        give({ recreates: true });
      }),
      switchFlag('no-update-lock-file', 'Fail where the lock file would change.', () => give({ updates: false })),
      switchFlag('no-write-lock-file', 'Do not write the lock file.', () => give({ writes: false })),
      switchFlag('no-registries', 'Look up nothing in registries.', () => {
        log.warn("'--no-registries' is deprecated; use '--no-use-registries'");
        give({ usesRegistries: false });
      }),
      switchFlag('commit-lock-file', 'Commit the lock file where it changes.', () => give({ commits: true })),
      {
        long: 'update-input',
        labels: ['input-path'],
        summary: 'Lock this input anew.',
        complete: input,
        apply: text => {
          const alias = "'--update-input' is a deprecated alias for 'flake update'";
          log.warn(`${alias} and will be removed in a future version.`);
          this.#updatedInputs.push(parsePath(text, '--update-input'));
        },
      },
      {
        long: 'override-input',
        labels: ['input-path', 'flake-url'],
        summary: 'Take this flake for an input, and do not write the lock file.',
        complete: (completions, prefix, index) => {
          return (index === 0 ? input : flake)(completions, prefix, index);
        },
        apply: (text, url) => {
          give({ writes: false });
          const path = parsePath(text, '--override-input');
          const baseFolder = displayBytes(context.baseFolder);
          const reference = findFlake(displayBytes(url), { baseFolder, reporter: log, allowsMissing: true });
          this.#overrides.push({ path, reference });
        },
      },
      {
        long: 'reference-lock-file',
        labels: ['flake-lock-path'],
        summary: "Read this lock file in place of the flake's.",
        complete: completePath,
        apply: path => give({ referenceFile: displayBytes(absolutePath(path)) }),
      },
      {
        long: 'output-lock-file',
        labels: ['flake-lock-path'],
        summary: "Write this lock file in place of the flake's.",
        complete: completePath,
        apply: path => give({ outputFile: displayBytes(path) }),
      },
      {
        long: 'inputs-from',
        labels: ['flake-url'],
        summary: 'Take the inputs of this flake for what their names stand for.',
        complete: flake,
        apply: url => this.inputsFrom.push(url),
      },
    ];
  }

  /** All that these flags say, as data. */
  get asData(): readonly unknown[] {
    const overrides = this.#overrides.map(({ path, reference }) => [path, formatFlakeRef(reference)]);
    return [this.#given, overrides, this.#updatedInputs, this.inputsFrom];
  }

  get lockFlags(): LockFlags {
    return {
      ...defaultLockFlags,
      ...this.#given,
      overrides: this.#overrides,
      updatedInputs: this.#updatedInputs,
    };
  }
}

function parsePath(text: ByteString, flag: string): InputPath {
  const path = parseInputPath(displayBytes(text));
  if (path.length > 0) return path;
  const message = `${flag} was passed a zero-length input path, which would refer to the flake itself, not an input`;
  throw new CliError('usage/bad-value', message);
}
