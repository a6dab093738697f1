import { ByteSet, collatingElement } from './bracket.ts';
import { LoopCombinations } from './loop-combinations.ts';
import { RegexFault, RegexScanner, type RegexToken, invalid } from './scanner.ts';

/** Beyond it libstdc++ refuses an expression. */
const maxStates = 100_000;

/** Groups within each other: each takes stack while it is read. */
const maxGroupDepth = 2000;

/** A state of the automaton; -1 stands for no state. */
export type RegexState =
  | { readonly op: 'bytes'; next: number; readonly members: Uint8Array }
  | { readonly op: 'group-start' | 'group-end'; next: number; readonly group: number }
  | { readonly op: 'line-start' | 'line-end' | 'dummy' | 'accept'; next: number }
  /** Both ways are tried, `alt` first, and the longer match taken. */
  | { readonly op: 'alternative'; next: number; alt: number }
  /** `alt` is once more, `next` no more; the second is tried only if the first leads nowhere. */
  | { readonly op: 'repeat'; next: number; alt: number };

export interface Regex {
  readonly states: readonly RegexState[];
  readonly start: number;
  /** Beside the whole match. */
  readonly groups: number;
  /** What matching has found out of it. */
  readonly loops: LoopCombinations;
}

/** Part of the automaton. */
interface Sequence {
  readonly start: number;
  end: number;
}

const allButNul = new Uint8Array(256).fill(1, 1);

/**
 * Compiles an extended regular expression to the automaton that libstdc++ makes of it: which of several matches is found,
 * and what is too large, follows from its shape. Throws a RegexFault.
 */
export function compileRegex(pattern: string): Regex {
  return new RegexCompiler(pattern).compile();
}

class RegexCompiler {
  readonly #scanner: RegexScanner;
  readonly #states: RegexState[] = [];
  #token: RegexToken;
  #groups = 0;
  #depth = 0;

  constructor(pattern: string) {
    this.#scanner = new RegexScanner(pattern);
    this.#token = this.#scanner.next();
  }

  compile(): Regex {
    const whole = this.#single({ op: 'group-start', next: -1, group: 0 });
    this.#append(whole, this.#disjunction());
    if (this.#token.kind !== 'end') invalid();
    this.#append(whole, this.#single({ op: 'group-end', next: -1, group: 0 }));
    this.#append(whole, this.#single({ op: 'accept', next: -1 }));
    return { states: this.#states, start: whole.start, groups: this.#groups, loops: new LoopCombinations() };
  }

  #take(): RegexToken {
    const token = this.#token;
    this.#token = this.#scanner.next();
    return token;
  }

  #takes(kind: RegexToken['kind']): boolean {
    if (this.#token.kind !== kind) return false;
    this.#take();
    return true;
  }

  #insert(state: RegexState): number {
    const index = this.#states.push(state) - 1;
    if (this.#states.length > maxStates) throw new RegexFault('too-large');
    return index;
  }

  #single(state: RegexState): Sequence {
    const index = this.#insert(state);
    return { start: index, end: index };
  }

  #dummy(): Sequence {
    return this.#single({ op: 'dummy', next: -1 });
  }

  #append(sequence: Sequence, more: Sequence): void {
    this.#link(sequence, more.start);
    sequence.end = more.end;
  }

  #link(sequence: Sequence, next: number): void {
    const last = this.#states[sequence.end];
    if (last !== undefined) last.next = next;
  }

  #disjunction(): Sequence {
    let left = this.#alternative();
    while (this.#takes('|')) {
      const right = this.#alternative();
      const end = this.#dummy();
      this.#link(left, end.start);
      this.#link(right, end.start);
      left = { start: this.#insert({ op: 'alternative', next: right.start, alt: left.start }), end: end.end };
    }
    return left;
  }

  #alternative(): Sequence {
    const terms: Sequence[] = [];
    for (let term = this.#term(); term !== undefined; term = this.#term()) terms.push(term);
    // In the order in which the reference, which reads terms recursively, inserts states.
    let sequence = this.#dummy();
    for (const term of terms.toReversed()) {
      this.#append(term, sequence);
      sequence = term;
    }
    return sequence;
  }

  #term(): Sequence | undefined {
    if (this.#takes('^')) return this.#single({ op: 'line-start', next: -1 });
    if (this.#takes('$')) return this.#single({ op: 'line-end', next: -1 });
    let sequence = this.#atom();
    for (let more = sequence; more !== undefined;) {
      sequence = more;
      more = this.#quantified(more);
    }
    return sequence;
  }

  #atom(): Sequence | undefined {
    const token = this.#token;
    switch (token.kind) {
      case 'any':
        this.#take();
        return this.#single({ op: 'bytes', next: -1, members: allButNul });
      case 'char': {
        this.#take();
        const set = new ByteSet();
        set.add(token.value);
        return this.#single({ op: 'bytes', next: -1, members: set.members });
      }
      case '(':
        this.#take();
        return this.#group();
      case '[':
      case '[^':
        this.#take();
        return this.#single({ op: 'bytes', next: -1, members: this.#bracket(token.kind === '[^') });
      default:
        return undefined;
    }
  }

  #group(): Sequence {
    if (++this.#depth > maxGroupDepth) throw new RegexFault('too-large');
    const group = ++this.#groups;
    const sequence = this.#single({ op: 'group-start', next: -1, group });
    const inner = this.#disjunction();
    if (!this.#takes(')')) invalid();
    this.#append(sequence, inner);
    this.#append(sequence, this.#single({ op: 'group-end', next: -1, group }));
    this.#depth--;
    return sequence;
  }

  /** What the quantifier that is next makes of a sequence; undefined where none is next. */
  #quantified(sequence: Sequence): Sequence | undefined {
    switch (this.#token.kind) {
      case '*': {
        this.#take();
        const repeat = this.#single({ op: 'repeat', next: -1, alt: sequence.start });
        this.#link(sequence, repeat.start);
        return repeat;
      }
      case '+':
        this.#take();
        this.#append(sequence, this.#single({ op: 'repeat', next: -1, alt: sequence.start }));
        return sequence;
      case '?': {
        this.#take();
        const end = this.#dummy();
        const repeat = this.#insert({ op: 'repeat', next: end.start, alt: sequence.start });
        this.#link(sequence, end.start);
        return { start: repeat, end: end.end };
      }
      case '{':
        this.#take();
        return this.#counted(sequence);
      default:
        return undefined;
    }
  }

  #counted(sequence: Sequence): Sequence {
    const made = this.#dummy();
    const least = this.#count() ?? invalid();
    const isRange = this.#takes(',');
    const most = isRange ? this.#count() : least;
    if (!this.#takes('}')) invalid();
    for (let i = 0; i < least; i++) this.#append(made, this.#clone(sequence));
    if (most === undefined) {
      const copy = this.#clone(sequence);
      const repeat = this.#single({ op: 'repeat', next: -1, alt: copy.start });
      this.#link(copy, repeat.start);
      this.#append(made, repeat);
      return made;
    }
    if (most < least) invalid();
    const end = this.#dummy();
    for (let i = least; i < most; i++) {
      const copy = this.#clone(sequence);
      const repeat = this.#insert({ op: 'repeat', next: end.start, alt: copy.start });
      this.#append(made, { start: repeat, end: copy.end });
    }
    this.#append(made, end);
    return made;
  }

  #count(): number | undefined {
    const token = this.#token;
    if (token.kind !== 'count') return undefined;
    this.#take();
    const value = Number(token.value);
    // An `int` of C.
    return value > 0x7fffffff ? invalid() : value;
  }

  /** A copy of what can be reached from a sequence's start without going beyond its end. */
  #clone({ start, end }: Sequence): Sequence {
    const copies = new Map<number, number>();
    const left = [start];
    for (let index = left.pop(); index !== undefined; index = left.pop()) {
      const state = this.#states[index];
      if (state === undefined) continue;
      copies.set(index, this.#insert({ ...state }));
      if ('alt' in state && state.alt >= 0 && !copies.has(state.alt)) left.push(state.alt);
      if (index !== end && state.next >= 0 && !copies.has(state.next)) left.push(state.next);
    }
    for (const index of copies.values()) {
      const copy = this.#states[index];
      if (copy === undefined) continue;
      copy.next = copies.get(copy.next) ?? copy.next;
      if ('alt' in copy) copy.alt = copies.get(copy.alt) ?? copy.alt;
    }
    return { start: copies.get(start) ?? start, end: copies.get(end) ?? end };
  }

  #bracket(isNegated: boolean): Uint8Array {
    const set = new ByteSet();
    // The character that was read last may yet begin a range; null for a class, which may not.
    let last: string | null | undefined;
    const flush = () => {
      if (typeof last === 'string') set.add(last);
    };
    const first = this.#token;
    if (first.kind === 'char') last = first.value;
    else if (first.kind === '-') last = '-';
    if (last !== undefined) this.#take();
    for (let token = this.#take(); token.kind !== ']'; token = this.#take()) {
      switch (token.kind) {
        case 'collating':
          flush();
          last = collatingElement(token.value);
          break;
        case 'equivalence':
          flush();
          last = null;
          set.addEquivalents(token.value);
          break;
        case 'class':
          flush();
          last = null;
          set.addClass(token.value);
          break;
        case 'char':
          flush();
          last = token.value;
          break;
        case '-': {
          const next = this.#take();
          if (next.kind === ']') {
            flush();
            set.add('-');
            if (isNegated) set.invert();
            return set.members;
          }
          if (typeof last !== 'string') return invalid();
          set.addRange(last, next.kind === 'char' ? next.value : next.kind === '-' ? '-' : invalid());
          last = undefined;
          break;
        }
        default:
          return invalid();
      }
    }
    flush();
    if (isNegated) set.invert();
    return set.members;
  }
}
