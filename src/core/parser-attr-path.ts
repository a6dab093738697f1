/** Names of attributes, as they are in `a.b`, `inherit a b` and `a.b = …`: words, strings, and `${…}`. */
import { ConstantNode, NodeKind, PathElement, kindOf, pathElementSize } from './ast.ts';
import { token, tokenEnd, tokenStart } from './lexer-state.ts';
import { advance } from './lexer.ts';
import { allocate } from './memory.ts';
import { orSymbol, positionOf, expect, unexpected } from './parser-state.ts';
import { parseString } from './parser-string.ts';
import { parseExpression } from './parser.ts';
import { pushScratch, scratchAt, scratchSize, truncateScratch } from './scratch.ts';
import { bytesOf, lengthOf } from './string.ts';
import { type Symbol, intern, noSymbol } from './symbol.ts';
import { Token } from './token.ts';
import { Tag, addressOf, tagOf } from './value.ts';

/** The name that was parsed last: a symbol, or an expression where that is not 0. */
export let nameSymbol: Symbol = noSymbol;
export let nameExpression: usize = 0;

/** How many names the path has that was parsed last. */
export let attrPathLength: u32 = 0;

/** A path element on the scratch stack: symbol, expression, position. */
export const scratchPerElement: u32 = 3;

/** Whether a token begins an attribute's name. */
export function startsName(candidate: Token): bool {
  return (
    candidate == Token.Identifier ||
    candidate == Token.OrKeyword ||
    candidate == Token.Quote ||
    candidate == Token.Interpolation
  );
}

export function parseName(): void {
  nameExpression = 0;
  switch (token) {
    case Token.Identifier: {
      const symbol = intern(tokenStart, <u32>(tokenEnd - tokenStart));
      advance();
      nameSymbol = symbol;
      return;
    }
    case Token.OrKeyword:
      advance();
      nameSymbol = orSymbol;
      return;
    case Token.Quote:
      return setNameExpression(parseString());
    case Token.Interpolation: {
      advance();
      const expression = parseExpression();
      expect(Token.BraceClose);
      return setNameExpression(expression);
    }
    default:
      unexpected();
  }
}

/** `"a"` and `${"a"}` are as good as `a`. */
function setNameExpression(expression: usize): void {
  if (kindOf(expression) == NodeKind.Constant) {
    const value = changetype<ConstantNode>(expression).value;
    if (tagOf(value) == Tag.String) {
      nameSymbol = intern(bytesOf(addressOf(value)), lengthOf(addressOf(value)));
      nameExpression = 0;
      return;
    }
  }
  nameSymbol = noSymbol;
  nameExpression = expression;
}

/** Puts the name that was parsed last on the scratch stack. */
export function pushName(pos: u32): void {
  pushScratch(nameSymbol);
  pushScratch(<u32>nameExpression);
  pushScratch(pos);
}

/** Puts the names of a path on the scratch stack. */
export function pushAttrPath(): void {
  const pos = positionOf(tokenStart);
  parseName();
  pushName(pos);
  pushFurtherNames();
}

export function pushFurtherNames(): void {
  while (token == Token.Dot) {
    advance();
    const pos = positionOf(tokenStart);
    parseName();
    pushName(pos);
  }
}

/** A path as a block of PathElements, `attrPathLength` of them. */
export function parseAttrPath(): usize {
  const from = scratchSize();
  pushAttrPath();
  const count = (scratchSize() - from) / scratchPerElement;
  const block = allocate(<usize>count * pathElementSize);
  for (let i: u32 = 0; i < count; i++) {
    const element = changetype<PathElement>(block + <usize>i * pathElementSize);
    const at = from + i * scratchPerElement;
    element.symbol = scratchAt(at);
    element.expression = scratchAt(at + 1);
    element.pos = scratchAt(at + 2);
  }
  truncateScratch(from);
  attrPathLength = count;
  return block;
}
