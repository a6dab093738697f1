import { type Automaton, languageAutomaton } from './automaton.ts';
import { endOfFile, tokenNames } from './grammar.ts';
import type { State } from './lalr.ts';

/** A token: its number (src/core/token.ts) and where it begins and ends, in bytes of the text. */
export interface Token {
  readonly kind: number;
  readonly start: number;
  readonly end: number;
}

/** Why a text is no expression: which token is unexpected, and what would have been expected instead. */
export interface SyntaxFault {
  readonly message: string;
  /** In bytes of the text. */
  readonly offset: number;
}

/** More expected tokens than these are not listed. */
const mostExpected = 4;

/** What is wrong with a text of these tokens, of which the last is the end of the file; undefined if nothing is. */
export function explainFault(tokens: Iterable<Token>): SyntaxFault | undefined {
  const automaton = languageAutomaton();
  const stack = [0];
  for (const token of tokens) {
    const fault = accept(automaton, stack, token.kind);
    if (fault !== undefined) return describe(fault, token);
  }
  return undefined;
}

/** Changes the stack as the token demands; the state that refuses it, if one does. */
export function accept({ rules, states }: Automaton, stack: number[], token: number): State | undefined {
  for (;;) {
    const state = states[stack.at(-1) ?? 0];
    if (state === undefined) throw new TypeError('the automaton has no such state');
    const action = state.actions.get(token);
    if (action?.kind === 'shift') {
      stack.push(action.state);
      return undefined;
    }
    const reduced = action === undefined ? state.otherwise : action.kind === 'reduce' ? action.rule : undefined;
    const rule = reduced === undefined ? undefined : rules[reduced];
    if (rule === undefined) return state;
    stack.length -= rule.parts.length;
    stack.push(states[stack.at(-1) ?? 0]?.gotos.get(rule.makes) ?? 0);
  }
}

/** The tokens that a state names: not those that it would take to reduce by its default. */
export function expectedTokens(state: State): number[] {
  return [...state.actions]
    .filter(([, action]) => action.kind !== 'refuse')
    .map(([token]) => token)
    .toSorted((a, b) => a - b);
}

function describe(state: State, token: Token): SyntaxFault {
  const expected = expectedTokens(state);
  const list =
    expected.length === 0 || expected.length > mostExpected
      ? ''
      : `, expecting ${expected.map(kind => tokenNames[kind]).join(' or ')}`;
  return {
    message: `syntax error, unexpected ${tokenNames[token.kind]}${list}`,
    offset: token.kind === endOfFile ? token.end : token.start,
  };
}
