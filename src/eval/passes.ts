import type { SourcePosition } from '../base/index.ts';
import type { StoreDir } from '../nix-compat/index.ts';
import type { Core } from './core.ts';
import { frameKinds, frameSize } from './core-exports.ts';
import type { Frame } from './error-log.ts';
import type { EvalMessage } from './eval-io.ts';
import { type EvalNeed, type NeedAnswer, Suspension, keyOfNeed } from './needs.ts';
import { type Word, setWordAt } from './word.ts';

/** How far some work came. */
export type Pass<T> =
  | { readonly kind: 'done'; readonly value: T }
  /**
   * It can be begun again once these are answered; what was evaluated stays so. The first is what it was suspended for, the
   * others are what it is going to need after that, unless something fails.
   */
  | { readonly kind: 'suspended'; readonly needs: readonly EvalNeed[] };

export interface PassesOptions {
  readonly core: Core;
  readonly storeDir: StoreDir;
  /** What can be answered at once. */
  readonly locate: (need: EvalNeed) => NeedAnswer | undefined;
  readonly say: (message: EvalMessage) => void;
  readonly resolve: (pos: number) => SourcePosition | undefined;
  /** Has a cell throw the suspension until its thunk is put back. */
  readonly suspendCell: (cell: number) => void;
  /** Evaluates on its own what comes after something that was suspended, at that depth of calls. Throws only faults of ours. */
  readonly explore: (work: () => void, depth: number) => void;
  /** Whether what comes after something that was suspended may be evaluated: nobody must be watching. */
  readonly explores: boolean;
}

/** What is evaluated one after the other: `visit` is called for what is left. */
export interface Siblings {
  readonly next: number;
  readonly count: number;
  readonly visit: (index: number) => void;
}

/** Those of `items` that come after the one at `index`. */
export function siblingsAfter<T>(
  items: readonly T[],
  index: number,
  visit: (item: T, index: number) => unknown,
): Siblings {
  const visitAt = (at: number) => {
    const item = items[at];
    if (item !== undefined) visit(item, at);
  };
  return { next: index + 1, count: items.length, visit: visitAt };
}

interface PendingSiblings extends Siblings {
  next: number;
  readonly depth: number;
}

/** A cell whose evaluation was suspended, with the thunk that it held. */
interface SuspendedCell {
  readonly cell: number;
  readonly thunk: Word;
}

/** What some work has from pass to pass: each that is done beside others has its own. */
export class WorkState {
  /** What is made in the first pass and found again in the next ones, in the order in which it is asked for. */
  readonly kept: Word[] = [];
  /**
   * Whether it said anything. If it did and waits now, no other work may be done but exploring: that might evaluate the
   * same and say it again.
   */
  hasSpoken = false;
  /**
   * What the last pass was suspended by, if anything was said. Until this one comes there, it does nothing but what that
   * did, in the same order, less what has been evaluated: all that it says was said.
   */
  turningPoint: string | undefined;
  /** How many passes were begun. */
  passes = 0;
}

interface PassState {
  readonly needs: Map<string, EvalNeed>;
  readonly suspended: SuspendedCell[];
  readonly work: WorkState;
  /** How many of the words that are kept were asked for. */
  asked: number;
  /** What comes after what was suspended last, the innermost first. */
  readonly found: PendingSiblings[];
  /** The siblings that were found in this pass, by what their records say: they are gone through once. */
  readonly known: Set<string>;
}

/** Evaluating one sibling for what it needs. */
interface Exploration {
  /** Whether it must be as if it had not been begun. */
  isUndone: boolean;
  readonly undo: (() => void)[];
}

/** Needs that a pass finds at most: answers are waited for together. */
const maxNeeds = 1024;

/** Bytes that are given up in all for exploring what has to be evaluated again, or finds nothing. */
const maxWaste = 256 * 1024 * 1024;

/**
 * Evaluation in passes: what an evaluation needs of the store and nobody knows yet suspends it, whoever drives it finds
 * the answers, and the next pass begins anew. Cells that were being evaluated throw the suspension again for the rest of
 * the pass, so that what shares them is not evaluated once a path to them; then they become the thunks that they were.
 *
 * Before the pass ends, what would have come next is evaluated for what it needs (exploring; docs/adr/0009): the rest of a
 * list, of a derivation's attributes. Nobody must notice that: what says something then, or fails, is as if it had not
 * been begun, and does so when its turn comes.
 */
export class Passes {
  readonly #options: PassesOptions;
  readonly #answers = new Map<string, NeedAnswer>();
  /** The innermost: whoever debugs an evaluation evaluates while that waits. */
  #current: PassState | undefined;
  #exploration: Exploration | undefined;
  #waste = 0;
  /** What waits for answers. */
  readonly #waiting = new Set<WorkState>();
  /** Of work that is done alone. */
  #onlyWork = new WorkState();

  constructor(options: PassesOptions) {
    this.#options = options;
  }

  /** Does `work`, which throws a `Suspension` where it cannot go on. */
  run<T>(work: () => T, given = this.#onlyWork): Pass<T> {
    const outer = this.#current;
    // A pass within another is one of its own.
    const workState = outer === undefined ? given : new WorkState();
    const state: PassState = {
      needs: new Map(),
      suspended: [],
      work: workState,
      asked: 0,
      found: [],
      known: new Set(),
    };
    this.#current = state;
    workState.passes++;
    try {
      const value = work();
      if (outer === undefined) this.finish(workState);
      return { kind: 'done', value };
    } catch (error) {
      if (error instanceof Suspension) {
        if (workState.hasSpoken) [workState.turningPoint] = state.needs.keys();
        if (outer === undefined) {
          this.#waiting.add(workState);
          if (this.#options.explores) this.#explore(state);
        }
        return { kind: 'suspended', needs: [...state.needs.values()] };
      }
      if (outer === undefined) this.finish(workState);
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
      if (this.#exploration === undefined && key === this.#current?.work.turningPoint) {
        this.#current.work.turningPoint = undefined;
      }
      const answer = this.#answers.get(key) ?? this.#options.locate(need);
      if (answer !== undefined) {
        answers.push(answer);
        continue;
      }
      // Getting a tree may say something, which is to be said in its place.
      if (this.#exploration !== undefined && (need.kind === 'tree' || need.kind === 'flake')) continue;
      position ??= this.#options.resolve(callPosition(this.#options.core));
      if (this.#current?.needs.has(key) === false) this.#current.needs.set(key, { ...need, position });
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
    if (state === undefined || this.#exploration !== undefined) return make();
    return (state.work.kept[state.asked++] ??= make());
  }

  /** Says what an earlier pass has not said already. */
  say(message: EvalMessage): void {
    const work = this.#current?.work;
    if (this.#exploration !== undefined) this.giveUp();
    else if (work?.turningPoint === undefined) {
      if (work !== undefined) work.hasSpoken = true;
      this.#options.say(message);
    }
  }

  // Exploring

  /** What is left of what was gone through when the evaluation was suspended, by its records, the innermost first. */
  addRecords(records: readonly Frame[], depth: number): void {
    const { exports } = this.#options.core;
    for (const { kind, pos: index, a, b } of records) {
      const key = `${kind} ${a} ${b}`;
      if (this.#current?.known.has(key) !== false) continue;
      this.#current.known.add(key);
      const visit = (at: number) => exports.evaluateSibling(kind, at, a, b);
      this.addSiblings({ next: index + 1, count: exports.siblingCount(kind, a), visit }, depth);
    }
  }

  /** Has siblings visited for what they need before the pass ends. `depth` is that of calls. */
  addSiblings(siblings: Siblings, depth: number): void {
    if (siblings.next < siblings.count) this.#current?.found.push({ ...siblings, depth });
  }

  /** What is being explored says something or fails: it is as if it had not been begun. */
  giveUp(): void {
    if (this.#exploration !== undefined) this.#exploration.isUndone = true;
  }

  /** What has to be done, too, if what goes on is as if it had not been begun: for what is remembered of it elsewhere. */
  ifGivenUp(undo: () => void): void {
    this.#exploration?.undo.push(undo);
  }

  /** In the order in which evaluation would come to it, for as long as that is of use. */
  #explore(state: PassState): void {
    const { core, suspendCell } = this.#options;
    suspendCell(core.exports.standIn());
    const stack: PendingSiblings[] = [];
    const isWorthwhile = () => state.needs.size < maxNeeds && this.#waste < maxWaste;
    let siblings = nextSiblings(stack, state.found);
    while (siblings !== undefined && isWorthwhile()) {
      const { visit, depth } = siblings;
      const index = siblings.next++;
      this.#exploreOne(state, () => visit(index), depth);
      siblings = nextSiblings(stack, state.found);
    }
  }

  #exploreOne(state: PassState, visit: () => void, depth: number): void {
    const { core, explore, suspendCell } = this.#options;
    const { exports } = core;
    const exploration: Exploration = { isUndone: false, undo: [] };
    const suspendedBefore = state.suspended.length;
    const needsBefore = state.needs.size;
    const memoryBefore = exports.memoryUsed();
    this.#exploration = exploration;
    exports.beginTrail();
    try {
      explore(visit, depth);
    } finally {
      this.#exploration = undefined;
      exports.endTrail(exploration.isUndone ? 1 : 0);
    }
    // What is still to be computed when it is explored again, and finds nothing, is a call whose value nobody keeps.
    const isFruitless = state.work.passes > 1 && state.needs.size === needsBefore;
    if (exploration.isUndone || isFruitless) this.#waste += exports.memoryUsed() - memoryBefore;
    if (!exploration.isUndone) return;
    for (const undo of exploration.undo) undo();
    // Others that share them need not find out again.
    for (const { cell } of state.suspended.slice(suspendedBefore)) suspendCell(cell);
  }

  /** Forgets what was fetched: it may be another by now. */
  forgetTrees(): void {
    for (const key of this.#answers.keys()) if (/^(?:tree|flake|download) /.test(key)) this.#answers.delete(key);
  }

  /** To be called when some work is not gone on with: what is not there now may be there when the next is done. */
  finish(work: WorkState): void {
    if (work === this.#onlyWork) this.#onlyWork = new WorkState();
    this.#waiting.delete(work);
    if (this.#waiting.size > 0) return;
    for (const [key, { kind }] of this.#answers) {
      if (kind === 'absent' || kind === 'failed') this.#answers.delete(key);
    }
  }
}

/** Where the builtin was called that is being called. */
function callPosition({ exports, memory }: Core): number {
  for (let at = exports.logTopNow() - frameSize; at >= exports.logBottom(); at -= frameSize) {
    if (memory.u32(at) === frameKinds.builtin) return memory.u32(at + 4);
  }
  return 0;
}

/** Those whose turn it is: what was found last comes before what was found earlier. */
function nextSiblings(stack: PendingSiblings[], found: PendingSiblings[]): PendingSiblings | undefined {
  stack.push(...found.splice(0).toReversed());
  while (stack.length > 0) {
    const last = stack.at(-1);
    if (last !== undefined && last.next < last.count) return last;
    stack.pop();
  }
  return undefined;
}
