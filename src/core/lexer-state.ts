/** Where the lexer is: the current token, which the exported variables describe, the cursor behind it, and the mode. */
import { allocate } from './memory.ts';
import { Refusal, Token } from './token.ts';

export const enum Mode {
  /** Code that no brace encloses. */
  Outermost,
  Code,
  String,
  Indented,
  /** After a part of a path: it may go on with `${`. */
  Path,
  /** After a part of a path that ends in a slash: it must go on. */
  PathSlash,
  /** Before the first token of definitions that a user typed. */
  ReplBindings,
}

export let token: Token = Token.EndOfFile;
/** Address of its first byte. */
export let tokenStart: usize = 0;
/** Address after its last byte. */
export let tokenEnd: usize = 0;
/** Of an Integer. */
export let integer: i64 = 0;
/** Of a Float. */
export let float: f64 = 0;
/** Of StringText and IndentedText: what it stands for, before escapes are replaced. */
export let text: usize = 0;
export let textLength: u32 = 0;
/** Of StringText and IndentedText: whether there are escapes or carriage returns in it. */
export let hasEscapes: bool = false;
/** Of IndentedText: whether it was written as such and not as an escape, so that its blanks are indentation. */
export let isIndented: bool = false;
/** Of Refused. */
export let refusal: Refusal = Refusal.None;
/** Address of the documentation comment before the token; 0 for none. */
export let documentation: usize = 0;

/** The source is between these; two zero bytes follow. */
export let sourceStart: usize = 0;
export let sourceEnd: usize = 0;
export let cursor: usize = 0;
export let allowsPipes: bool = false;

export let mode: Mode = Mode.Outermost;
let modes: usize = 0;
let modeCount: u32 = 0;
let modeCapacity: u32 = 0;

/** Begins a source of `length` bytes at `start`. */
export function startSource(start: usize, length: u32, pipes: bool): void {
  sourceStart = start;
  sourceEnd = start + length;
  cursor = start;
  tokenStart = start;
  tokenEnd = start;
  allowsPipes = pipes;
  mode = Mode.Outermost;
  modeCount = 0;
  refusal = Refusal.None;
}

export function pushMode(entered: Mode): void {
  if (modeCount == modeCapacity) {
    const larger = modeCapacity == 0 ? 1024 : modeCapacity * 2;
    const moved = allocate(larger);
    memory.copy(moved, modes, modeCount);
    modes = moved;
    modeCapacity = larger;
  }
  store<u8>(modes + modeCount, <u8>mode);
  modeCount++;
  mode = entered;
}

export function popMode(): void {
  modeCount--;
  mode = <Mode>load<u8>(modes + modeCount);
}

/** Changes the mode without a return to the current one. */
export function changeMode(entered: Mode): void {
  mode = entered;
}

export function setToken(kind: Token, start: usize, end: usize): void {
  token = kind;
  tokenStart = start;
  tokenEnd = end;
  cursor = end;
}

export function refuse(why: Refusal, start: usize, end: usize): void {
  setToken(Token.Refused, start, end);
  refusal = why;
}

/** As `refuse`, for what is missing at the cursor, which stays. */
export function refuseAhead(why: Refusal, start: usize): void {
  token = Token.Refused;
  tokenStart = start;
  tokenEnd = cursor;
  refusal = why;
}

/** A text that ends before it is complete: the reference takes what is left for the end of the file. */
export function endInside(start: usize, end: usize): void {
  setToken(Token.EndOfFile, start, end);
}

/** The token is the end of what the last one belongs to, and takes its place. */
export function setTokenAtLast(kind: Token): void {
  token = kind;
}

/** Where the last token ends for messages; the cursor stays. */
export function setTokenEnd(end: usize): void {
  tokenEnd = end;
}

export function setDocumentation(comment: usize): void {
  documentation = comment;
}

export function setInteger(value: i64): void {
  integer = value;
}

export function setFloat(value: f64): void {
  float = value;
}

/** What a token of text stands for. */
export function setText(from: usize, length: u32, escapes: bool, indented: bool): void {
  text = from;
  textLength = length;
  hasEscapes = escapes;
  isIndented = indented;
}
