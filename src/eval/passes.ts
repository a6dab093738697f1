import type { SourcePosition } from '../base/index.ts';
import type { StoreDir } from '../nix-compat/index.ts';
import type { Core } from './core.ts';
import { frameKinds, frameSize } from './core-exports.ts';
import type { EvalMessage } from './eval-io.ts';
import { type EvalNeed, type NeedAnswer, Suspension, keyOfNeed } from './needs.ts';
import { type Word, setWordAt } from './word.ts';

/** How far some work came. */
export type Pass<T> =
  | { readonly kind: 'done'; readonly value: T }
  /** It can be begun again once these are answered; what was evaluated stays so. */
  | { readonly kind: 'suspended'; readonly needs: readonly EvalNeed[] };

export interface PassesOptions {
  readonly core: Core;
  readonly storeDir: StoreDir;
  /** What can be answered at once. */
  readonly locate: (need: EvalNeed) => NeedAnswer | undefined;
  readonly say: (message: EvalMessage) => void;
  readonly resolve: (pos: number) => SourcePosition | undefined;
}

/** A cell whose evaluation was suspended, with the thunk that it held. */
interface SuspendedCell {
  readonly cell: number;
  readonly thunk: Word;
}

interface PassState {
  readonly needs: Map<string, EvalNeed>;
  readonly suspended: SuspendedCell[];
  /** Words that are kept for the next pass; of a pass within another, for itself. */
  readonly kept: Word[];
  /** How many of them were asked for. */
  asked: number;
}

/**
 * Evaluation in passes: what an evaluation needs of the store and nobody knows yet suspends it, whoever drives it finds
 * the answers, and the next pass begins anew. Cells that were being evaluated throw the suspension again for the rest of
 * the pass, so that what shares them is not evaluated once a path to them; then they become the thunks that they were.
 */
export class Passes {
  readonly #options: PassesOptions;
  readonly #answers = new Map<string, NeedAnswer>();
  /** The innermost: whoever debugs an evaluation evaluates while that waits. */
  #current: PassState | undefined;
  /** What is made in the first pass and found again in the next ones, in the order in which it is asked for. */
  #kept: Word[] = [];
  /**
   * What the last pass was suspended by. Until this one comes there, it does nothing but what that did, in the same
   * order, less what has been evaluated: all that it says was said.
   */
  #turningPoint: string | undefined;

  constructor(options: PassesOptions) {
    this.#options = options;
  }

  /** Does `work`, which throws a `Suspension` where it cannot go on. */
  run<T>(work: () => T): Pass<T> {
    const outer = this.#current;
    const state: PassState = {
      needs: new Map(),
      suspended: [],
      kept: outer === undefined ? this.#kept : [],
      asked: 0,
    };
    this.#current = state;
    try {
      const value = work();
      if (outer === undefined) this.#finish();
      return { kind: 'done', value };
    } catch (error) {
      if (error instanceof Suspension) {
        if (outer === undefined) [this.#turningPoint] = state.needs.keys();
        return { kind: 'suspended', needs: [...state.needs.values()] };
      }
      if (outer === undefined) this.#finish();
      throw error;
    } finally {
      this.#current = outer;
      for (const { cell, thunk } of state.suspended) setWordAt(this.#options.core.memory, cell, thunk);
    }
  }

  get isRunning(): boolean {
    return this.#current !== undefined;
  }

  /** What is known of each of `needs`. Throws `Suspension` where that is not all. */
  require(needs: readonly EvalNeed[]): NeedAnswer[] {
    const answers: NeedAnswer[] = [];
    let position: SourcePosition | undefined;
    for (const need of needs) {
      const key = keyOfNeed(this.#options.storeDir, need);
      if (key === this.#turningPoint) this.#turningPoint = undefined;
      const answer = this.#answers.get(key) ?? this.#options.locate(need);
      if (answer !== undefined) {
        answers.push(answer);
        continue;
      }
      position ??= this.#callPosition();
      this.#current?.needs.set(key, { ...need, position });
    }
    if (answers.length < needs.length) throw new Suspension();
    return answers;
  }

  answer(need: EvalNeed, answer: NeedAnswer): void {
    this.#answers.set(keyOfNeed(this.#options.storeDir, need), answer);
  }

  isAnswered(need: EvalNeed): boolean {
    return this.#answers.has(keyOfNeed(this.#options.storeDir, need));
  }

  /** To be called for each cell that was being evaluated when the evaluation was suspended; it holds the suspension. */
  suspend(cell: number, thunk: Word): void {
    this.#current?.suspended.push({ cell, thunk });
  }

  /** A word that work makes in its first pass, unless it is found again; not for what the language's functions do. */
  keep(make: () => Word): Word {
    const state = this.#current;
    if (state === undefined) return make();
    return (state.kept[state.asked++] ??= make());
  }

  /** Says what an earlier pass has not said already. */
  say(message: EvalMessage): void {
    if (this.#turningPoint === undefined) this.#options.say(message);
  }

  /** What is not there now may be there when the next work is done. */
  #finish(): void {
    this.#turningPoint = undefined;
    this.#kept = [];
    for (const [key, { kind }] of this.#answers) {
      if (kind === 'absent' || kind === 'failed') this.#answers.delete(key);
    }
  }

  /** Of the builtin that is being called. */
  #callPosition(): SourcePosition | undefined {
    const { exports, memory } = this.#options.core;
    for (let at = exports.logTopNow() - frameSize; at >= exports.logBottom(); at -= frameSize) {
      if (memory.u32(at) === frameKinds.builtin) return this.#options.resolve(memory.u32(at + 4));
    }
    return undefined;
  }
}
