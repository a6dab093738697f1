import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { type LockFlags, type LockedFlake, findFlake } from '../../engine/index.ts';
import type { FlakeRef } from '../../eval/index.ts';
import type { Flag, Positional } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { Evaluation, type EvaluationOptions } from '../evaluation/evaluation.ts';
import { evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { completeFlake, completeInputsOf } from './complete-flake.ts';
import { FlakeArguments } from '../installables/flake-arguments.ts';
import { type FlakeRoot, FlakeRoots } from '../installables/flake-roots.ts';

/**
 * The arguments of the commands that are about one flake: which one, `.` unless given, how it is locked, and how it is
 * evaluated.
 */
export class FlakeCommandArguments {
  readonly flags: readonly Flag[];
  readonly positionals: readonly Positional[];
  readonly #context: CommandContext;
  readonly #from = noArguments();
  readonly #flakes: FlakeArguments;
  #url: ByteString = byteStringFromText('.');
  #evaluation: Evaluation | undefined;
  #roots: FlakeRoots | undefined;

  constructor(context: CommandContext) {
    this.#context = context;
    const flake = completeFlake(context);
    const input = completeInputsOf(context, () => [this.#url]);
    this.#flakes = new FlakeArguments(context, { flake, input });
    this.flags = [...evaluationFlags(this.#from), ...this.#flakes.flags];
    this.positionals = [
      { label: 'flake-url', arity: 1, optional: true, complete: flake, apply: url => (this.#url = url) },
    ];
  }

  /** To be called where the flake is named by a flag. */
  setUrl(url: ByteString): void {
    this.#url = url;
  }

  get lockFlags(): LockFlags {
    return this.#flakes.lockFlags;
  }

  /** Throws `eval/error`. */
  reference(): FlakeRef {
    this.#context.settings.require('flakes');
    const baseFolder = displayBytes(this.#context.baseFolder);
    return findFlake(displayBytes(this.#url), { baseFolder, reporter: this.#context.log });
  }

  /** Lives as long as the command. */
  evaluation(options: EvaluationOptions = {}): Evaluation {
    return (this.#evaluation ??= this.#context.resources.use(new Evaluation(this.#context, this.#from, options)));
  }

  /** The flake with its inputs locked as flags and `more` say. Throws what locking throws. */
  async lock(more: Partial<LockFlags> = {}, options: EvaluationOptions = {}): Promise<LockedFlake> {
    return (await this.root(more, options)).locked;
  }

  /** As `lock`, with a word for what evaluating the flake gives. */
  root(more: Partial<LockFlags> = {}, options: EvaluationOptions = {}): Promise<FlakeRoot> {
    const reference = this.reference();
    this.#roots ??= new FlakeRoots(this.evaluation(options), this.#flakes);
    return this.#roots.of(reference, more);
  }
}
