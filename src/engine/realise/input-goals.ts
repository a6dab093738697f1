import {
  type BuildMode,
  type BuildResult,
  type DerivedInputs,
  type OutputLookup,
  type OutputName,
  type SingleDerivingPath,
  builtPath,
  formatSingleDerivingPath,
  isBuildSuccess,
  namedOutputs,
} from '../../nix-compat/index.ts';
import type { RealiseContext } from './realise-context.ts';

/** Goals for what a derivation uses of others, outputs of outputs included. */
export class InputGoals {
  readonly #context: RealiseContext;
  readonly #mode: BuildMode;
  readonly #goals = new Map<string, Promise<BuildResult>>();

  constructor(context: RealiseContext, mode: BuildMode) {
    this.#context = context;
    // Whether the inputs are built the same way again nobody has asked.
    this.#mode = mode === 'repair' ? 'repair' : 'normal';
  }

  get goals(): readonly Promise<BuildResult>[] {
    return [...this.#goals.values()];
  }

  add(derivation: SingleDerivingPath, { outputs, dynamic }: DerivedInputs): void {
    if (outputs.length > 0) {
      const input = { kind: 'built', derivation, outputs: namedOutputs(outputs) } as const;
      this.#goals.set(this.#keyOf(derivation), this.#context.realiseInput(input, this.#mode));
    }
    for (const [output, inputs] of dynamic) this.add(builtPath(derivation, output), inputs);
  }

  /** Which store paths the inputs are. To be called when all goals have ended well. */
  async lookup(): Promise<OutputLookup> {
    const results = new Map<string, BuildResult>();
    for (const [key, goal] of this.#goals) results.set(key, await goal);
    return (derivation: SingleDerivingPath, output: OutputName) => {
      const outcome = results.get(this.#keyOf(derivation))?.outcome;
      return outcome !== undefined && isBuildSuccess(outcome) ? outcome.builtOutputs.get(output)?.path : undefined;
    };
  }

  #keyOf(derivation: SingleDerivingPath): string {
    if (derivation.kind === 'opaque') return derivation.path;
    return formatSingleDerivingPath(this.#context.store.storeDir, derivation);
  }
}
