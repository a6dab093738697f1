/** Names and string literals, written as they could be read again. */
import { Char, CharClass, classAt } from './characters.ts';
import { isKeyword } from './lexer-words.ts';
import { outputSize, takeOutput, writeByte, writeBytes, writeText } from './output.ts';
import { scratchPerElement } from './parser-attr-path.ts';
import { printTree } from './print-tree.ts';
import { scratchAt } from './scratch.ts';
import { bytesOf, lengthOf } from './string.ts';
import { type Symbol, nameOf, noSymbol } from './symbol.ts';

/** The name of a symbol as `printName` writes it, as a string. */
export function quotedName(symbol: Symbol): usize {
  const from = outputSize();
  printName(symbol);
  return takeOutput(from);
}

/** The attribute path whose elements are between two indices of the scratch stack, as a string. */
export function quotedPath(from: u32, to: u32): usize {
  const start = outputSize();
  for (let at = from; at < to; at += scratchPerElement) {
    if (at > from) writeByte(Char.Dot);
    printPathElement(scratchAt(at), scratchAt(at + 1));
  }
  return takeOutput(start);
}

export function printPathElement(symbol: Symbol, expression: usize): void {
  if (symbol != noSymbol) return printName(symbol);
  writeText('"${');
  printTree(expression);
  writeText('}"');
}

/** In quotes where it is not a name by itself; `or` is one. */
export function printName(symbol: Symbol): void {
  const name = nameOf(symbol);
  if (isName(bytesOf(name), lengthOf(name))) writeBytes(bytesOf(name), lengthOf(name));
  else printLiteral(bytesOf(name), lengthOf(name));
}

function isName(from: usize, length: u32): bool {
  if (length == 0 || !classAt(from, CharClass.NameStart) || isKeyword(from, length)) return false;
  for (let i: u32 = 1; i < length; i++) {
    if (!classAt(from + i, CharClass.NamePart)) return false;
  }
  return true;
}

export function printLiteral(from: usize, length: u32): void {
  const end = from + length;
  writeByte(Char.Quote);
  for (let at = from; at < end; at++) {
    const byte: u32 = load<u8>(at);
    if (byte == Char.LineFeed) writeText('\\n');
    else if (byte == Char.CarriageReturn) writeText('\\r');
    else if (byte == Char.Tab) writeText('\\t');
    else if (byte == Char.Quote || byte == Char.Backslash || startsInterpolation(at, end)) writeEscaped(byte);
    else writeByte(byte);
  }
  writeByte(Char.Quote);
}

function startsInterpolation(at: usize, end: usize): bool {
  return load<u8>(at) == Char.Dollar && at + 1 < end && load<u8>(at + 1) == Char.BraceOpen;
}

function writeEscaped(byte: u32): void {
  writeByte(Char.Backslash);
  writeByte(byte);
}
