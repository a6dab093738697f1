import { type ByteString, displayBytes } from '../../base/index.ts';
import {
  type LockFlags,
  type LockedFlake,
  defaultLockFlags,
  findFlake,
  findInput,
  indirectInput,
  isLockedNode,
} from '../../engine/index.ts';
import {
  type Evaluator,
  type FlakeRef,
  type Word,
  callFlake,
  evalError,
  forceSet,
  formatFlakeRef,
} from '../../eval/index.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import type { FlakeArguments } from './flake-arguments.ts';

/** A flake that is locked, and a word for what evaluating it gives. */
export interface FlakeRoot {
  readonly locked: LockedFlake;
  readonly root: Word;
}

/** The flakes that a command line names; each is locked once, as the flags say. */
export class FlakeRoots {
  readonly #evaluation: Evaluation;
  readonly #flags: FlakeArguments;
  readonly #roots = new Map<string, FlakeRoot>();
  #hasInputs = false;

  constructor(evaluation: Evaluation, flags: FlakeArguments) {
    this.#evaluation = evaluation;
    this.#flags = flags;
  }

  /** `more` counts more than the flags, when a flake is first asked for. Throws what locking throws. */
  async of(reference: FlakeRef, more: Partial<LockFlags> = {}): Promise<FlakeRoot> {
    const key = formatFlakeRef(reference);
    const known = this.#roots.get(key);
    if (known !== undefined) return known;
    await this.#addInputs();
    const { flakes, evaluator } = this.#evaluation;
    const locked = await flakes.lock(reference, { ...this.#flags.lockFlags, appliesConfig: true, ...more });
    const made = { locked, root: callFlake(evaluator, flakes.toCall(locked)) };
    this.#roots.set(key, made);
    return made;
  }

  /** Has all be locked and evaluated anew. */
  forget(): void {
    this.#roots.clear();
    this.#evaluation.flakes.forget();
    this.#evaluation.evaluator.forgetFetched();
  }

  /** Has names stand for the inputs of flakes, where that is asked for. */
  async #addInputs(): Promise<void> {
    if (this.#hasInputs) return;
    this.#hasInputs = true;
    for (const url of this.#flags.inputsFrom) await addInputsOf(this.#evaluation, url);
  }
}

async function addInputsOf({ flakes, registries, context }: Evaluation, url: ByteString): Promise<void> {
  const baseFolder = displayBytes(context.baseFolder);
  const reference = findFlake(displayBytes(url), { baseFolder, reporter: context.log });
  const { root } = await flakes.lock(reference, { ...defaultLockFlags, writes: false });
  for (const name of root.inputs.keys()) {
    const node = findInput(root, [name]);
    if (node !== undefined && isLockedNode(node)) registries.override(indirectInput(name), node.locked);
  }
}

/** The outputs of a flake that was called; evaluated as far as they are a set. */
export function outputsOf(evaluator: Evaluator, root: Word): Word {
  const { core } = evaluator;
  return evaluator.run(() => {
    const set = forceSet(evaluator, root, 'while parsing cached flake data');
    const outputs = core.lookup(set, core.internText('outputs'));
    if (outputs === undefined) throw evalError`attribute '${'outputs'}' missing`;
    return outputs.word;
  });
}
