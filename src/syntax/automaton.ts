import { type Action, type Grammar, type Rule, type State, makeTables } from './lalr.ts';
import { endOfFile, precedences, rules as ruleText, tokenAliases, tokenNames } from './grammar.ts';

/** A rule of the language's grammar with the name of what it makes. */
export interface NamedRule extends Rule {
  readonly name: string;
}

export interface Automaton {
  /** The first one goes from `root` and the end of the text to the whole. */
  readonly rules: readonly NamedRule[];
  readonly states: readonly State[];
  /** What each state does on each token, by `state * tokenNames.length + token`; undefined where it refuses it. */
  readonly actions: readonly (Exclude<Action, { kind: 'refuse' }> | undefined)[];
  /** Where each state goes with what a rule made, by `state * nonterminalCount + rule.makes`. */
  readonly gotos: readonly number[];
  readonly nonterminalCount: number;
}

/** The states that an automaton is in, one inside the other; what shares its lower part with others is never changed. */
export interface Stack {
  readonly state: number;
  readonly below: Stack | undefined;
}

export const emptyStack: Stack = { state: 0, below: undefined };

let made: Automaton | undefined;

/** The language's automaton, made when it is first needed: that takes some milliseconds. */
export function languageAutomaton(): Automaton {
  return (made ??= makeAutomaton());
}

interface RuleText {
  readonly name: string;
  readonly parts: readonly string[];
  readonly precedence: string | undefined;
}

function makeAutomaton(): Automaton {
  const texts = readRules();
  const names = [...new Set(texts.map(({ name }) => name))];
  const levels = new Map(
    precedences.flatMap(({ associates, tokens }, index) =>
      tokens.map(token => [tokenNumber(token), { level: index + 1, associates }] as const),
    ),
  );
  const partOf = (word: string): number => {
    const nonterminal = names.indexOf(word);
    return nonterminal < 0 ? tokenNumber(word) : -1 - nonterminal;
  };
  const rules = texts.map(({ name, parts, precedence }) => {
    const numbers = parts.map(partOf);
    const decisive = precedence === undefined ? numbers.findLast(part => part >= 0) : tokenNumber(precedence);
    const level = decisive === undefined ? undefined : levels.get(decisive);
    return { name, makes: names.indexOf(name), parts: numbers, precedence: level?.level ?? 0 };
  });
  const grammar: Grammar = {
    tokenCount: tokenNames.length,
    nonterminalCount: names.length,
    rules,
    precedences: tokenNames.map((_, token) => levels.get(token)),
  };
  const states = makeTables(grammar);
  return {
    rules,
    states,
    actions: states.flatMap(state => tokenNames.map((_, token) => actionOf(state, token))),
    gotos: states.flatMap(({ gotos }) => names.map((_, nonterminal) => gotos.get(nonterminal) ?? 0)),
    nonterminalCount: names.length,
  };
}

function readRules(): readonly RuleText[] {
  const texts: RuleText[] = [{ name: 'text', parts: ['root', 'end of file'], precedence: undefined }];
  let name = '';
  for (const line of ruleText.trim().split('\n')) {
    if (line.endsWith(':') && !line.startsWith('|')) {
      name = line.slice(0, -1);
      continue;
    }
    const words = line.slice(1).trim().split(/\s+/).filter(Boolean);
    const marked = words.findIndex(word => word.startsWith('%'));
    const parts = marked < 0 ? words : words.slice(0, marked);
    texts.push({ name, parts, precedence: marked < 0 ? undefined : words[marked]?.slice(1) });
  }
  return texts;
}

function tokenNumber(word: string): number {
  if (word === tokenNames[endOfFile]) return endOfFile;
  const name: string = tokenAliases[word] ?? word;
  const number = tokenNames.findIndex(token => token === name);
  if (number < 0) throw new TypeError(`no token or symbol is called ${word}`);
  return number;
}

function actionOf({ actions, otherwise }: State, token: number): Automaton['actions'][number] {
  const action = actions.get(token);
  if (action !== undefined) return action.kind === 'refuse' ? undefined : action;
  return otherwise === undefined ? undefined : { kind: 'reduce', rule: otherwise };
}

/** What an automaton does next on a token: shifts it, reduces by a rule, or (undefined) refuses it. */
export function nextAction({ actions }: Automaton, state: number, token: number): Automaton['actions'][number] {
  return token < tokenNames.length ? actions[state * tokenNames.length + token] : undefined;
}

/** The state after a rule's parts were taken off, which uncovered `state`. */
export function stateAfter({ gotos, nonterminalCount }: Automaton, state: number, rule: Rule): number {
  return gotos[state * nonterminalCount + rule.makes] ?? 0;
}

/** Attempts are given up after so many reductions: there may be many attempts, on a stack of any height. */
const mostReductions = 500;

/** The stack after a token; undefined where it is refused, or where to find out would take long. */
export function step(automaton: Automaton, stack: Stack, token: number): Stack | undefined {
  let at = stack;
  for (let reductions = 0; reductions < mostReductions; reductions++) {
    const action = nextAction(automaton, at.state, token);
    if (action?.kind === 'shift') return { state: action.state, below: at };
    const rule = action?.kind === 'reduce' ? automaton.rules[action.rule] : undefined;
    if (rule === undefined) return undefined;
    for (const _ of rule.parts) at = at.below ?? emptyStack;
    at = { state: stateAfter(automaton, at.state, rule), below: at };
  }
  return undefined;
}
