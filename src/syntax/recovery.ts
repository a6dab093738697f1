/** How to go on after a token that cannot stand where it does. */
import { type Automaton, type Stack, step } from './automaton.ts';
import { endOfFile, tokenNames } from './grammar.ts';

export type Repair =
  /** The token is left out. */
  | { readonly kind: 'drop' }
  /** A token is put in before it. */
  | { readonly kind: 'insert'; readonly token: number }
  /** Another token stands for it. */
  | { readonly kind: 'replace'; readonly token: number };

/** After a repair this many tokens have to fit. */
export const tokensThatFit = 3;

/** Tokens that are forgotten most often come first. */
const oftenMissing = ["';'", "'}'", "')'", "']'", "'='", 'identifier', "'\"'", 'end of an indented string', "'in'"];
const candidates = [
  ...oftenMissing.map(name => tokenNames.findIndex(token => token === name)),
  ...tokenNames.keys().filter(token => token > 2 && !oftenMissing.includes(tokenNames[token] ?? '')),
];

/** The smallest change after which the text goes on; to leave the token out where none helps. `tokens` begin with it. */
export function findRepair(automaton: Automaton, stack: Stack, tokens: readonly number[]): Repair {
  const [token = endOfFile, ...rest] = tokens.slice(0, tokensThatFit + 1);
  for (const inserted of candidates) {
    if (fits(automaton, stack, [inserted, token, ...rest.slice(0, tokensThatFit - 1)])) {
      return { kind: 'insert', token: inserted };
    }
  }
  if (token === endOfFile) return { kind: 'drop' };
  if (fits(automaton, stack, rest)) return { kind: 'drop' };
  for (const replacement of candidates) {
    if (fits(automaton, stack, [replacement, ...rest])) return { kind: 'replace', token: replacement };
  }
  return { kind: 'drop' };
}

/** Whether a text could go on with these tokens. */
export function fits(automaton: Automaton, stack: Stack, tokens: readonly number[]): boolean {
  let at: Stack | undefined = stack;
  for (const token of tokens) {
    at = step(automaton, at, token);
    if (at === undefined) return false;
  }
  return true;
}
