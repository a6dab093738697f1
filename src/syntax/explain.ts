import { type Automaton, languageAutomaton, nextAction, stateAfter } from './automaton.ts';
import { endOfFile, tokenNames } from './grammar.ts';

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
    const state = take(automaton, stack, token.kind);
    if (state !== undefined) return { message: describeFault(automaton, state, token.kind), offset: placeOf(token) };
  }
  return undefined;
}

/** Where messages say that a token is: the end of the file at its end. */
export function placeOf({ kind, start, end }: Token): number {
  return kind === endOfFile ? end : start;
}

/** Changes the stack of states as the token demands; the state that refuses it, if one does. */
function take(automaton: Automaton, stack: number[], token: number): number | undefined {
  for (;;) {
    const state = stack.at(-1) ?? 0;
    const action = nextAction(automaton, state, token);
    if (action?.kind === 'shift') {
      stack.push(action.state);
      return undefined;
    }
    const rule = action?.kind === 'reduce' ? automaton.rules[action.rule] : undefined;
    if (rule === undefined) return state;
    stack.length -= rule.parts.length;
    stack.push(stateAfter(automaton, stack.at(-1) ?? 0, rule));
  }
}

/** The message for a token that a state refuses: tokens that it would take only to reduce by its default are not listed. */
export function describeFault({ states }: Automaton, state: number, token: number): string {
  const expected = [...(states[state]?.actions ?? [])]
    .filter(([, action]) => action.kind !== 'refuse')
    .map(([kind]) => kind)
    .toSorted((a, b) => a - b);
  const list =
    expected.length === 0 || expected.length > mostExpected
      ? ''
      : `, expecting ${expected.map(kind => tokenNames[kind]).join(' or ')}`;
  return `syntax error, unexpected ${tokenNames[token]}${list}`;
}
