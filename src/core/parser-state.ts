/** What the parser's parts share: where positions begin, what paths are relative to, and how a text is refused. */
import { hasEscapes, refusal, sourceStart, text, textLength, token, tokenEnd, tokenStart } from './lexer-state.ts';
import { advance, startLexer } from './lexer.ts';
import { literalString } from './literal.ts';
import { copyString } from './string.ts';
import { type Symbol, internText } from './symbol.ts';
import { refuse, remark } from './syntax-host.ts';
import { Refusal, Token } from './token.ts';

/** What is legal but discouraged. Some are looked for only where the bit 1 << kind of the parse's `lints` is set. */
export const enum Remark {
  /** `or` as a name where its meaning will change. */
  CursedOr = 0,
  UrlLiteral,
  AbsolutePathLiteral,
  HomePathLiteral,
  /** `a/b` instead of `./a/b`. */
  ShortPathLiteral,
}

/** What surrounds a text, in the layout that the host fills in. */
@unmanaged
export class ParseOptions {
  /** StringObject: the absolute path of the folder that relative paths start from. */
  basePath: usize;
  /** The tree that it is in. */
  accessor: u32;
  /** StringObject: the user's home; 0 where `~/…` is refused. */
  homePath: usize;
  /** Of the first byte. */
  positionBase: u32;
  allowsPipes: u32;
  /** 1 << Remark of what is to be looked for. */
  lints: u32;
  /** Whether the text is definitions that a user typed. */
  replBindings: u32;
}

export let options: ParseOptions = changetype<ParseOptions>(<usize>0);

let subSymbol: Symbol = 0;
let mulSymbol: Symbol = 0;
let divSymbol: Symbol = 0;
let lessThanSymbol: Symbol = 0;
let findFileSymbol: Symbol = 0;
let nixPathSymbol: Symbol = 0;
let orSymbol: Symbol = 0;
let bodySymbol: Symbol = 0;

export { bodySymbol, divSymbol, findFileSymbol, lessThanSymbol, mulSymbol, nixPathSymbol, orSymbol, subSymbol };

export function startParser(start: usize, length: u32, parseOptions: usize): void {
  options = changetype<ParseOptions>(parseOptions);
  if (subSymbol == 0) internOperators();
  startLexer(start, length, options.allowsPipes != 0, options.replBindings != 0);
  advance();
}

/** Operators and forms that stand for calls of variables. */
function internOperators(): void {
  mulSymbol = internText('__mul');
  divSymbol = internText('__div');
  lessThanSymbol = internText('__lessThan');
  findFileSymbol = internText('__findFile');
  nixPathSymbol = internText('__nixPath');
  orSymbol = internText('or');
  bodySymbol = internText('body');
  // The last one: it stands for all of them.
  subSymbol = internText('__sub');
}

export function positionOf(address: usize): u32 {
  return <u32>(address - sourceStart) + options.positionBase;
}

/** The text is refused because of the token. */
export function unexpected(): void {
  if (token != Token.Refused) {
    const place = token == Token.EndOfFile ? tokenEnd : tokenStart;
    return refuse(Refusal.UnexpectedToken, positionOf(place), 0, 0);
  }
  const detail = refusal == Refusal.NulByte ? literalString(text, textLength, hasEscapes) : tokenText();
  refuse(refusal, positionOf(tokenStart), 0, detail);
}

function tokenText(): usize {
  return copyString(tokenStart, <u32>(tokenEnd - tokenStart), 0);
}

/** Goes past a token that must be there. */
export function expect(wanted: Token): void {
  if (token != wanted) unexpected();
  advance();
}

export function remarkOn(kind: Remark, start: usize, end: usize): void {
  if ((options.lints & (1 << kind)) != 0) remark(kind, positionOf(start), positionOf(end));
}
