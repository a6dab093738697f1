/** LALR(1) tables of a grammar, with conflicts resolved by precedence and default reductions as bison has them. */

export interface Rule {
  /** Number of the symbol that the rule makes: as a nonterminal, from 0. */
  readonly makes: number;
  /** Tokens as their numbers, nonterminals as -1 - their numbers. */
  readonly parts: readonly number[];
  /** Of the rule: higher binds more strongly; 0 for none. */
  readonly precedence: number;
}

export type Associativity = 'left' | 'right' | 'never';

export interface Grammar {
  readonly tokenCount: number;
  readonly nonterminalCount: number;
  /** The first one is that of the start symbol and ends in the token that ends a text. */
  readonly rules: readonly Rule[];
  /** By token; undefined for those without. */
  readonly precedences: readonly ({ readonly level: number; readonly associates: Associativity } | undefined)[];
}

/** What a state does on a token: go to another state, reduce by a rule, or (`refuse`) neither, whatever the default is. */
export type Action =
  | { readonly kind: 'shift'; readonly state: number }
  | { readonly kind: 'reduce'; readonly rule: number }
  | { readonly kind: 'refuse' };

export interface State {
  /** By token; what is not here is what `otherwise` says. */
  readonly actions: ReadonlyMap<number, Action>;
  /** The rule to reduce by on any other token, even one that is an error; undefined if it is an error here. */
  readonly otherwise: number | undefined;
  /** By nonterminal. */
  readonly gotos: ReadonlyMap<number, number>;
}

interface Item {
  readonly rule: number;
  readonly dot: number;
}

interface Core {
  readonly items: readonly Item[];
  /** By part, as in Rule.parts. */
  readonly transitions: Map<number, number>;
}

const nonterminal = (part: number): number => -1 - part;

/** The states of the automaton, of which the first is where it starts. Throws a TypeError for an ambiguous grammar. */
export function makeTables(grammar: Grammar): readonly State[] {
  const cores = makeCores(grammar);
  const lookaheads = findLookaheads(grammar, cores);
  return cores.map((core, state) => makeState(grammar, core, rule => lookaheads.get(`${state} ${rule}`) ?? new Set()));
}

// States without lookahead

function makeCores(grammar: Grammar): Core[] {
  const rulesOf = groupRules(grammar);
  const cores: Core[] = [];
  const known = new Map<string, number>();
  const enter = (kernel: readonly Item[]): number => {
    const key = kernel.map(({ rule, dot }) => `${rule}.${dot}`).join(' ');
    const found = known.get(key);
    if (found !== undefined) return found;
    known.set(key, cores.length);
    cores.push({ items: closure(grammar, rulesOf, kernel), transitions: new Map() });
    return cores.length - 1;
  };
  enter([{ rule: 0, dot: 0 }]);
  for (const core of cores) {
    const kernels = new Map<number, Item[]>();
    for (const { rule, dot } of core.items) {
      const part = grammar.rules[rule]?.parts[dot];
      if (part === undefined) continue;
      const kernel = kernels.get(part) ?? [];
      kernel.push({ rule, dot: dot + 1 });
      kernels.set(part, kernel);
    }
    for (const [part, kernel] of kernels) core.transitions.set(part, enter(kernel.toSorted(byRule)));
  }
  return cores;
}

function byRule(a: Item, b: Item): number {
  return a.rule - b.rule || a.dot - b.dot;
}

function groupRules(grammar: Grammar): readonly (readonly number[])[] {
  const groups: number[][] = Array.from({ length: grammar.nonterminalCount }, () => []);
  for (const [rule, { makes }] of grammar.rules.entries()) groups[makes]?.push(rule);
  return groups;
}

function closure(grammar: Grammar, rulesOf: readonly (readonly number[])[], kernel: readonly Item[]): readonly Item[] {
  const items = [...kernel];
  const added = new Set<number>();
  for (const { rule, dot } of items) {
    const part = grammar.rules[rule]?.parts[dot];
    if (part === undefined || part >= 0 || added.has(part)) continue;
    added.add(part);
    for (const next of rulesOf[nonterminal(part)] ?? []) items.push({ rule: next, dot: 0 });
  }
  return items.toSorted(byRule);
}

// Lookahead, after DeRemer and Pennello: what may follow a nonterminal at the place where it was begun.

/** Sets of tokens: some words of 32 bits for each. */
class TokenSets {
  readonly #words: number;
  readonly #bits: Uint32Array;

  constructor(count: number, tokenCount: number) {
    this.#words = Math.ceil(tokenCount / 32);
    this.#bits = new Uint32Array(count * this.#words);
  }

  add(set: number, token: number): void {
    const at = set * this.#words + (token >>> 5);
    this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (token & 31));
  }

  /** Adds to `set` what `other` has; whether that was something new. */
  addAll(set: number, other: number): boolean {
    let changed = false;
    for (let word = 0; word < this.#words; word++) {
      const at = set * this.#words + word;
      const before = this.#bits[at] ?? 0;
      const after = (before | (this.#bits[other * this.#words + word] ?? 0)) >>> 0;
      this.#bits[at] = after;
      changed ||= after !== before;
    }
    return changed;
  }

  *elements(set: number): Generator<number, void, undefined> {
    for (let token = 0; token < this.#words * 32; token++) {
      const word = this.#bits[set * this.#words + (token >>> 5)] ?? 0;
      if (((word >>> (token & 31)) & 1) === 1) yield token;
    }
  }
}

/** The tokens on which a state reduces by a rule, by `state rule`. */
function findLookaheads(grammar: Grammar, cores: readonly Core[]): ReadonlyMap<string, ReadonlySet<number>> {
  const nullable = findNullable(grammar);
  const places = numberPlaces(grammar, cores);
  const follows = new TokenSets(places.size, grammar.tokenCount);
  const place = (state: number, part: number): number => places.get(placeKey(grammar, state, part)) ?? -1;
  const edges: (readonly [to: number, from: number])[] = [];
  const lookbacks: (readonly [reduction: string, begun: number])[] = [];
  for (const [state, core] of cores.entries()) {
    for (const [part, next] of core.transitions) {
      if (part >= 0) continue;
      const begun = place(state, part);
      for (const after of cores[next]?.transitions.keys() ?? []) {
        if (after >= 0) follows.add(begun, after);
        else if (nullable.has(after)) edges.push([begun, place(next, after)]);
      }
    }
    for (const { rule, dot } of core.items) {
      if (dot > 0) continue;
      const { makes, parts } = grammar.rules[rule] ?? { makes: 0, parts: [] };
      const begun = place(state, nonterminal(makes));
      const lastNeeded = parts.findLastIndex(part => !nullable.has(part));
      let at = state;
      for (const [index, part] of parts.entries()) {
        if (part < 0 && index >= lastNeeded && begun >= 0) edges.push([place(at, part), begun]);
        at = cores[at]?.transitions.get(part) ?? at;
      }
      if (begun >= 0) lookbacks.push([`${at} ${rule}`, begun]);
    }
  }
  for (let changed = true; changed;) {
    changed = false;
    for (const [to, from] of edges) if (follows.addAll(to, from)) changed = true;
  }
  const lookaheads = new Map<string, Set<number>>();
  for (const [reduction, begun] of lookbacks) {
    const tokens = lookaheads.get(reduction) ?? new Set();
    for (const token of follows.elements(begun)) tokens.add(token);
    lookaheads.set(reduction, tokens);
  }
  return lookaheads;
}

function placeKey(grammar: Grammar, state: number, part: number): number {
  return state * grammar.nonterminalCount + nonterminal(part);
}

/** Numbers the places where a nonterminal begins: a state and the nonterminal. */
function numberPlaces(grammar: Grammar, cores: readonly Core[]): ReadonlyMap<number, number> {
  const places = new Map<number, number>();
  for (const [state, core] of cores.entries()) {
    for (const part of core.transitions.keys()) {
      if (part < 0) places.set(placeKey(grammar, state, part), places.size);
    }
  }
  return places;
}

function findNullable(grammar: Grammar): ReadonlySet<number> {
  const nullable = new Set<number>();
  for (let before = -1; before < nullable.size;) {
    before = nullable.size;
    for (const { makes, parts } of grammar.rules) {
      if (parts.every(part => nullable.has(part))) nullable.add(nonterminal(makes));
    }
  }
  return nullable;
}

// Actions

function makeState(grammar: Grammar, core: Core, lookahead: (rule: number) => ReadonlySet<number>): State {
  const actions = new Map<number, Action>();
  const gotos = new Map<number, number>();
  for (const [part, state] of core.transitions) {
    if (part >= 0) actions.set(part, { kind: 'shift', state });
    else gotos.set(nonterminal(part), state);
  }
  const reductions = core.items
    .filter(({ rule, dot }) => dot === grammar.rules[rule]?.parts.length)
    .map(({ rule }) => rule);
  const [only] = reductions;
  // Where nothing else is possible the next token is not even looked at.
  if (reductions.length === 1 && actions.size === 0) return { actions, otherwise: only, gotos };
  for (const rule of reductions) {
    for (const token of lookahead(rule)) {
      const action = resolve(grammar, actions.get(token), token, rule);
      if (action !== undefined) actions.set(token, action);
    }
  }
  return { ...withDefault(actions, reductions), gotos };
}

/** What a state does on a token on which a rule may be reduced and something else may be possible. */
function resolve(grammar: Grammar, other: Action | undefined, token: number, rule: number): Action | undefined {
  const reduce: Action = { kind: 'reduce', rule };
  if (other === undefined) return reduce;
  const operator = grammar.precedences[token];
  const level = grammar.rules[rule]?.precedence ?? 0;
  if (other.kind !== 'shift' || operator === undefined || level === 0) {
    throw new TypeError(`ambiguous grammar: rule ${rule} on token ${token}`);
  }
  if (operator.level !== level) return operator.level > level ? other : reduce;
  if (operator.associates === 'never') return { kind: 'refuse' };
  return operator.associates === 'left' ? reduce : other;
}

/** The rule that most tokens reduce by is the default: no table names those tokens then. */
function withDefault(
  actions: ReadonlyMap<number, Action>,
  reductions: readonly number[],
): Pick<State, 'actions' | 'otherwise'> {
  let otherwise: number | undefined;
  let most = 0;
  for (const rule of reductions) {
    const count = [...actions.values()].filter(action => action.kind === 'reduce' && action.rule === rule).length;
    if (count <= most) continue;
    most = count;
    otherwise = rule;
  }
  const named = [...actions].filter(([, action]) => action.kind !== 'reduce' || action.rule !== otherwise);
  return { actions: new Map(named), otherwise };
}
