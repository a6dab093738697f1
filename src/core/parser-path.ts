/** Paths, `<search paths>` and URIs. */
import { Char } from './characters.ts';
import { token, tokenEnd, tokenStart } from './lexer-state.ts';
import { advance } from './lexer.ts';
import { makeConstant, makeName, makeOperatorCall } from './make-node.ts';
import {
  Remark,
  expect,
  findFileSymbol,
  nixPathSymbol,
  options,
  positionOf,
  remarkOn,
  unexpected,
} from './parser-state.ts';
import { concatOf, makeString, pushInterpolations, pushPart } from './parser-string.ts';
import { resolveHomeLiteral, resolvePathLiteral } from './path-literal.ts';
import { scratchSize } from './scratch.ts';
import { copyString } from './string.ts';
import { refuse } from './syntax-host.ts';
import { Refusal, Token } from './token.ts';
import { pathWord } from './value.ts';

/** `./a`, `a/b`, `/a`, and the like with interpolations. */
export function parsePath(): usize {
  const start = tokenStart;
  const end = tokenEnd;
  const length = <u32>(end - start);
  advance();
  const isAbsolute = load<u8>(start) == Char.Slash;
  if (isAbsolute) remarkOn(Remark.AbsolutePathLiteral, start, end);
  else if (load<u8>(start) != Char.Dot) remarkOn(Remark.ShortPathLiteral, start, end);
  const path = resolvePathLiteral(start, length, options.basePath);
  return finishPath(start, makeConstant(pathWord(path, isAbsolute ? 0 : options.accessor)));
}

/** `~/a` */
export function parseHomePath(): usize {
  const start = tokenStart;
  const end = tokenEnd;
  const length = <u32>(end - start);
  advance();
  if (options.homePath == 0) refuse(Refusal.HomePath, 0, 0, copyString(start, length, 0));
  remarkOn(Remark.HomePathLiteral, start, end);
  return finishPath(start, makeConstant(pathWord(resolveHomeLiteral(start, length, options.homePath), 0)));
}

/** A path whose first part is `first`: that itself, or with the parts that follow. */
function finishPath(start: usize, first: usize): usize {
  if (token == Token.PathEnd) {
    advance();
    return first;
  }
  const from = scratchSize();
  pushPart(start, first);
  if (token == Token.StringText) {
    const textStart = tokenStart;
    pushPart(textStart, makeString(copyString(textStart, <u32>(tokenEnd - textStart), 0)));
    advance();
  }
  if (token != Token.Interpolation) unexpected();
  pushInterpolations();
  expect(Token.PathEnd);
  return concatOf(positionOf(start), false, from);
}

/** `<a/b>` is `__findFile __nixPath "a/b"`. */
export function parseSearchPath(): usize {
  const name = copyString(tokenStart + 1, <u32>(tokenEnd - tokenStart) - 2, 0);
  const node = makeOperatorCall(positionOf(tokenStart), findFileSymbol, makeName(nixPathSymbol, 0), makeString(name));
  advance();
  return node;
}

export function parseUri(): usize {
  const node = makeString(copyString(tokenStart, <u32>(tokenEnd - tokenStart), 0));
  remarkOn(Remark.UrlLiteral, tokenStart, tokenEnd);
  advance();
  return node;
}
