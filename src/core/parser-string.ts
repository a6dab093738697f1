/** Strings with their interpolations, and indented strings with their blanks stripped. */
import { ConcatNode, ConstantNode, NodeKind, kindOf, newNode } from './ast.ts';
import { bytesTable, Char } from './characters.ts';
import { hasEscapes, isIndented, text, textLength, token, tokenStart } from './lexer-state.ts';
import { advance } from './lexer.ts';
import { literalString } from './literal.ts';
import { makeConstant } from './make-node.ts';
import { expect, positionOf, unexpected } from './parser-state.ts';
import { parseExpression } from './parser.ts';
import { pushScratch, scratchAt, scratchSize, setScratchAt, takeScratch, truncateScratch } from './scratch.ts';
import { StringObject, bytesOf, newString, stringWord } from './string.ts';
import { Token } from './token.ts';
import { Tag, tagOf } from './value.ts';

export function makeString(string: usize): usize {
  return makeConstant(stringWord(string));
}

/** From one quote to the other. */
export function parseString(): usize {
  advance();
  if (token == Token.Quote) {
    advance();
    return makeString(newString(0, 0));
  }
  const start = tokenStart;
  const from = scratchSize();
  if (token == Token.StringText) {
    const first = makeString(literalString(text, textLength, hasEscapes));
    advance();
    if (token == Token.Quote) {
      advance();
      return first;
    }
    pushPart(start, first);
  }
  if (token != Token.Interpolation) unexpected();
  pushInterpolations();
  expect(Token.Quote);
  return concatOf(positionOf(start), true, from);
}

export function pushPart(start: usize, expression: usize): void {
  pushScratch(positionOf(start));
  pushScratch(<u32>expression);
}

/** Puts interpolations and text between them on the scratch stack, as ConcatParts. */
export function pushInterpolations(): void {
  while (token == Token.Interpolation || token == Token.StringText) {
    const start = tokenStart;
    if (token == Token.Interpolation) {
      pushPart(start, parseInterpolation());
    } else {
      pushPart(start, makeString(literalString(text, textLength, hasEscapes)));
      advance();
    }
  }
}

function parseInterpolation(): usize {
  advance();
  const expression = parseExpression();
  expect(Token.BraceClose);
  return expression;
}

/** The parts on the scratch stack from index `from` on. */
export function concatOf(pos: u32, isString: bool, from: u32): usize {
  const node = newNode(NodeKind.ConcatStrings, pos, offsetof<ConcatNode>());
  const concat = changetype<ConcatNode>(node);
  concat.isString = isString;
  concat.count = (scratchSize() - from) >> 1;
  concat.parts = takeScratch(from);
  return node;
}

// Indented strings. On the scratch stack a part is: position, expression or 0, text, its length, PartKind.

const scratchPerPart: u32 = 5;

const enum PartKind {
  Expression,
  /** Text as it was written, whose blanks at the start of a line are indentation. */
  Indented,
  /** An escape. */
  Escape,
}

const noIndentation: u32 = 1000000;

export function parseIndentedString(): usize {
  const pos = positionOf(tokenStart);
  advance();
  const from = scratchSize();
  while (token == Token.IndentedText || token == Token.Interpolation) pushIndentedPart();
  if (token != Token.IndentedClose) unexpected();
  const node = stripIndentation(pos, from);
  advance();
  return node;
}

function pushIndentedPart(): void {
  const pos = positionOf(tokenStart);
  if (token == Token.Interpolation) {
    const expression = parseInterpolation();
    pushIndented(pos, expression, 0, 0, PartKind.Expression);
    return;
  }
  if (hasEscapes) pushIndented(pos, 0, escapedByte(text + 1), 1, PartKind.Escape);
  else pushIndented(pos, 0, text, textLength, isIndented ? PartKind.Indented : PartKind.Escape);
  advance();
}

function pushIndented(pos: u32, expression: usize, at: usize, length: u32, kind: PartKind): void {
  pushScratch(pos);
  pushScratch(<u32>expression);
  pushScratch(<u32>at);
  pushScratch(length);
  pushScratch(kind);
}

/** Where the byte stands that a backslash and the byte at an address stand for. */
function escapedByte(at: usize): usize {
  const byte = load<u8>(at);
  if (byte == Char.LowerN) return bytesTable + Char.LineFeed;
  if (byte == Char.LowerR) return bytesTable + Char.CarriageReturn;
  if (byte == Char.LowerT) return bytesTable + Char.Tab;
  return at;
}

let atLineStart: bool = false;

/** The string of the parts from index `from` on, without the blanks that all its lines begin with. */
function stripIndentation(pos: u32, from: u32): usize {
  const end = scratchSize();
  const indentation = smallestIndentation(from, end);
  // Parts become ConcatParts, which are shorter, in place.
  let to = from;
  let strings: u32 = 0;
  atLineStart = true;
  dropped = 0;
  for (let at = from; at < end; at += scratchPerPart) {
    let expression: usize = scratchAt(at + 1);
    if (scratchAt(at + 4) == PartKind.Expression) {
      atLineStart = false;
      dropped = 0;
    } else {
      const string = stripPart(scratchAt(at + 2), scratchAt(at + 3), indentation, at + scratchPerPart == end);
      if (changetype<StringObject>(string).length == 0) continue;
      expression = makeString(string);
      strings++;
    }
    setScratchAt(to, scratchAt(at));
    setScratchAt(to + 1, <u32>expression);
    to += 2;
  }
  truncateScratch(to);
  if (to == from) return makeString(newString(0, 0));
  // `''${"a"}''` is the string a too.
  if (to == from + 2 && isStringConstant(scratchAt(from + 1))) {
    truncateScratch(from);
    return scratchAt(from + 1);
  }
  return concatOf(pos, true, from);
}

function isStringConstant(node: usize): bool {
  if (kindOf(node) != NodeKind.Constant) return false;
  return tagOf(changetype<ConstantNode>(node).value) == Tag.String;
}

/** Of all lines that are not blank. An interpolation or an escape is not blank. */
function smallestIndentation(from: u32, end: u32): u32 {
  let smallest = noIndentation;
  let current: u32 = 0;
  let lineStart = true;
  for (let part = from; part < end; part += scratchPerPart) {
    if (scratchAt(part + 4) != PartKind.Indented) {
      if (lineStart && current < smallest) smallest = current;
      lineStart = false;
      continue;
    }
    const limit: usize = scratchAt(part + 2) + scratchAt(part + 3);
    for (let at: usize = scratchAt(part + 2); at < limit; at++) {
      const byte = load<u8>(at);
      if (byte == Char.LineFeed) {
        lineStart = true;
        current = 0;
      } else if (lineStart) {
        if (byte == Char.Space) {
          current++;
        } else {
          lineStart = false;
          if (current < smallest) smallest = current;
        }
      }
    }
  }
  return smallest;
}

/** Blanks at the start of the current line that were dropped, or would have been if there were not enough of them. */
let dropped: u32 = 0;

function stripPart(from: usize, length: u32, indentation: u32, isLast: bool): usize {
  const string = newString(length, 0);
  const start = bytesOf(string);
  let to = start;
  const limit = from + length;
  let at = from;
  while (at < limit) {
    const byte = load<u8>(at);
    if (atLineStart && byte == Char.Space) {
      if (dropped >= indentation) store<u8>(to++, byte);
      dropped++;
    } else if (atLineStart) {
      dropped = 0;
      store<u8>(to++, byte);
      atLineStart = byte == Char.LineFeed;
    } else {
      store<u8>(to++, byte);
      atLineStart = byte == Char.LineFeed;
    }
    at++;
  }
  if (isLast) to = withoutBlankLine(start, to);
  changetype<StringObject>(string).length = <u32>(to - start);
  return string;
}

/** Without the blanks after the last line feed, if nothing else is there. */
function withoutBlankLine(start: usize, end: usize): usize {
  let at = end;
  while (at > start && load<u8>(at - 1) == Char.Space) at--;
  return at > start && load<u8>(at - 1) == Char.LineFeed ? at : end;
}
