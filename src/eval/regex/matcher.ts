import type { Regex, RegexState } from './compiler.ts';
import { noLoops } from './loop-combinations.ts';

/** Where a match and its groups are, as pairs of offsets; -1 for a group that took no part. */
export type RegexMatch = Int32Array;

export interface SearchOptions {
  /** The match has to begin where the search does. */
  readonly anchored?: boolean;
  /** The match must not be empty. */
  readonly notEmpty?: boolean;
  /** Whether something is before the place where the search begins, so that it is not the start of the line. */
  readonly hasBefore?: boolean;
}

const fails = -1;
const unknown = -2;

/** A place where the search may have to go on otherwise. */
interface Choice {
  readonly state: number;
  readonly at: number;
  readonly loops: number;
  readonly isAlternative: boolean;
  /** What the first way led to; `unknown` while it is being tried. */
  first: number;
}

/**
 * Searches one text. A match is what libstdc++'s backtracking finds: of alternatives the longer one, of repetitions the first
 * that leads to a match. What a state leads to at a place does not depend on how it was reached, so it is remembered, and
 * a search takes time in proportion to the text and the states, where backtracking takes exponential time.
 */
export class RegexMatcher {
  readonly #states: readonly RegexState[];
  readonly #regex: Regex;
  readonly #text: string;
  /** By combination of loops, state and place: the end of the match shifted left by one, with 1 for the second way. */
  readonly #known = new Map<number, Int32Array>();
  /** As `#known`, of the place where the search began, where `^` and empty matches are another matter. */
  #knownAtStart = new Map<number, number>();
  #begin = 0;
  #options: SearchOptions = {};
  #isWhole = false;

  constructor(regex: Regex, text: string) {
    this.#regex = regex;
    this.#states = regex.states;
    this.#text = text;
  }

  /** The match of the whole text. */
  matchWhole(): RegexMatch | undefined {
    this.#isWhole = true;
    return this.#matchAt(0, {});
  }

  /** The first match from `start` on. */
  search(start: number, options: SearchOptions = {}): RegexMatch | undefined {
    let found = this.#matchAt(start, options);
    if (options.anchored === true) return found;
    for (let at = start + 1; found === undefined && at <= this.#text.length; at++) {
      found = this.#matchAt(at, { ...options, hasBefore: true });
    }
    return found;
  }

  #matchAt(start: number, options: SearchOptions): RegexMatch | undefined {
    this.#begin = start;
    this.#options = options;
    this.#knownAtStart = new Map();
    return this.#run(start) < 0 ? undefined : this.#replay(start);
  }

  /** The end of the match at `start`, or `fails`. */
  #run(start: number): number {
    const choices: Choice[] = [];
    let result = this.#follow(choices, { state: this.#regex.start, at: start, loops: noLoops });
    for (let choice = choices.pop(); choice !== undefined; choice = choices.pop()) {
      const { state, at, loops, isAlternative, first } = choice;
      const isFirst = first === unknown;
      if (isFirst && (isAlternative || result === fails)) {
        choice.first = result;
        choices.push(choice);
        result = this.#follow(choices, { state: this.#states[state]?.next ?? -1, at, loops });
        continue;
      }
      // The longer one of alternatives, the first of equally long ones.
      const takesFirst = isFirst || first >= result;
      if (!isFirst && first > result) result = first;
      this.#remember(choice, result, takesFirst);
    }
    return result;
  }

  /** Goes on from a state until a choice is known, the text is matched or nothing fits; notes new choices on the way. */
  #follow(choices: Choice[], from: { state: number; at: number; loops: number }): number {
    let { state: index, at, loops } = from;
    const text = this.#text;
    for (;;) {
      const state = this.#states[index];
      if (state === undefined) return fails;
      switch (state.op) {
        case 'bytes':
          if (at >= text.length || state.members[text.charCodeAt(at)] !== 1) return fails;
          at++;
          loops = noLoops;
          break;
        case 'line-start':
          if (at !== this.#begin || this.#options.hasBefore === true) return fails;
          break;
        case 'line-end':
          if (at !== text.length) return fails;
          break;
        case 'accept': {
          const isRefused = this.#isWhole ? at !== text.length : at === this.#begin && this.#options.notEmpty === true;
          return isRefused ? fails : at;
        }
        case 'alternative':
        case 'repeat': {
          const inner = state.op === 'repeat' ? this.#regex.loops.enter(loops, index) : loops;
          // Around without having gone on: not again.
          if (inner === undefined) break;
          const known = this.#recall(index, at, loops);
          if (known !== unknown) return known === fails ? fails : known >> 1;
          choices.push({ state: index, at, loops, isAlternative: state.op === 'alternative', first: unknown });
          index = state.alt;
          loops = inner;
          continue;
        }
        default:
      }
      index = state.next;
    }
  }

  /** Goes the way again that led to the match, noting where groups are. */
  #replay(start: number): RegexMatch {
    const match = new Int32Array((this.#regex.groups + 1) * 2).fill(-1);
    const starts = new Int32Array(this.#regex.groups + 1);
    let [index, at, loops] = [this.#regex.start, start, noLoops];
    for (;;) {
      const state = this.#states[index];
      if (state === undefined || state.op === 'accept') return match;
      if (state.op === 'bytes') {
        at++;
        loops = noLoops;
      } else if (state.op === 'group-start') starts[state.group] = at;
      else if (state.op === 'group-end') match.set([starts[state.group] ?? 0, at], state.group * 2);
      else if (state.op === 'alternative' || state.op === 'repeat') {
        const inner = state.op === 'repeat' ? this.#regex.loops.enter(loops, index) : loops;
        if (inner !== undefined && (this.#recall(index, at, loops) & 1) === 0) {
          loops = inner;
          index = state.alt;
          continue;
        }
      }
      index = state.next;
    }
  }

  #recall(state: number, at: number, loops: number): number {
    const key = loops * this.#states.length + state;
    if (at === this.#begin) return this.#knownAtStart.get(key) ?? unknown;
    return this.#known.get(key)?.[at] ?? unknown;
  }

  #remember({ state, at, loops }: Choice, end: number, takesFirst: boolean): void {
    const key = loops * this.#states.length + state;
    const entry = end === fails ? fails : (end << 1) | (takesFirst ? 0 : 1);
    if (at === this.#begin) {
      this.#knownAtStart.set(key, entry);
      return;
    }
    let row = this.#known.get(key);
    if (row === undefined) {
      row = new Int32Array(this.#text.length + 1).fill(unknown);
      this.#known.set(key, row);
    }
    row[at] = entry;
  }
}
