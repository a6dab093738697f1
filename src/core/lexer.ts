/**
 * Text to tokens. One token at a time: `advance` moves to the next one, which the exported variables then describe.
 *
 * Where several readings are possible the longest wins, as in the reference's generated lexer: `a-b` is a name, `a/b` a
 * path, `x:y` a URI, `-a/b` a path. Strings, indented strings and paths have modes of their own, on a stack, since code
 * may nest in them.
 */
import { Char, CharClass, classAt } from './characters.ts';
import { allocate } from './memory.ts';
import { parseFloat64 } from './syntax-host.ts';
import { Refusal, Token } from './token.ts';

const enum Mode {
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
let sourceEnd: usize = 0;
let cursor: usize = 0;
let allowsPipes: bool = false;

/** A run of characters that paths consist of ends here, and no path begins in it. */
let noPathBefore: usize = 0;
let noUriBefore: usize = 0;
/** No comment that begins before this ends. */
let unclosedFrom: usize = 0;

let mode: Mode = Mode.Outermost;
let modes: usize = 0;
let modeCount: u32 = 0;
let modeCapacity: u32 = 0;

/** Begins a source of `length` bytes at `start`, which two zero bytes follow. Comes before its first token. */
export function startLexer(start: usize, length: u32, pipes: bool, replBindings: bool): void {
  sourceStart = start;
  sourceEnd = start + length;
  cursor = start;
  tokenStart = start;
  tokenEnd = start;
  allowsPipes = pipes;
  noPathBefore = 0;
  noUriBefore = 0;
  unclosedFrom = usize.MAX_VALUE;
  mode = Mode.Outermost;
  modeCount = 0;
  refusal = Refusal.None;
  if (replBindings) pushMode(Mode.ReplBindings);
}

export function advance(): void {
  if (mode <= Mode.Code) lexCode();
  else if (mode == Mode.String) lexString();
  else if (mode == Mode.Indented) lexIndented();
  else if (mode == Mode.ReplBindings) lexReplBindings();
  else lexPath();
}

function pushMode(entered: Mode): void {
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

function popMode(): void {
  modeCount--;
  mode = <Mode>load<u8>(modes + modeCount);
}

function setToken(kind: Token, start: usize, end: usize): void {
  token = kind;
  tokenStart = start;
  tokenEnd = end;
  cursor = end;
}

function refuse(why: Refusal, start: usize, end: usize): void {
  setToken(Token.Refused, start, end);
  refusal = why;
}

/** A text that ends before it is complete: the reference takes what is left for the end of the file. */
function endInside(start: usize, end: usize): void {
  setToken(Token.EndOfFile, start, end);
}

function lexReplBindings(): void {
  popMode();
  setToken(Token.ReplBindings, cursor, cursor);
}

// Code

function lexCode(): void {
  const at = skipBlanks(cursor);
  const byte: u32 = load<u8>(at);
  if (classAt(at, CharClass.NameStart)) return lexWord(at);
  if (classAt(at, CharClass.Digit)) return lexNumber(at);
  const next: u32 = load<u8>(at + 1);
  switch (byte) {
    case Char.Dot:
      return lexDot(at, next);
    case 0x3b:
      return setToken(Token.Semicolon, at, at + 1);
    case Char.Equal:
      if (next == Char.Equal) return setToken(Token.Equal, at, at + 2);
      return setToken(Token.Assign, at, at + 1);
    case Char.Quote:
      pushMode(Mode.String);
      return setToken(Token.Quote, at, at + 1);
    case Char.BraceOpen:
      pushMode(Mode.Code);
      return setToken(Token.BraceOpen, at, at + 1);
    case Char.BraceClose:
      if (mode != Mode.Outermost) popMode();
      return setToken(Token.BraceClose, at, at + 1);
    case 0x28:
      return setToken(Token.ParenOpen, at, at + 1);
    case 0x29:
      return setToken(Token.ParenClose, at, at + 1);
    case 0x5b:
      return setToken(Token.BracketOpen, at, at + 1);
    case 0x5d:
      return setToken(Token.BracketClose, at, at + 1);
    case 0x2c:
      return setToken(Token.Comma, at, at + 1);
    case Char.Colon:
      return setToken(Token.Colon, at, at + 1);
    case 0x40:
      return setToken(Token.At, at, at + 1);
    case 0x3f:
      return setToken(Token.Question, at, at + 1);
    case Char.Star:
      return setToken(Token.Times, at, at + 1);
    case Char.Plus:
      if (lexedPath(at)) return;
      if (next == Char.Plus) return setToken(Token.Concat, at, at + 2);
      return setToken(Token.Plus, at, at + 1);
    case Char.Minus:
      if (next == Char.Greater) return setToken(Token.Implies, at, at + 2);
      if (lexedPath(at)) return;
      return setToken(Token.Minus, at, at + 1);
    case Char.Slash:
      if (next == Char.Slash) return setToken(Token.Update, at, at + 2);
      if (lexedPath(at)) return;
      return setToken(Token.Divide, at, at + 1);
    case Char.Apostrophe:
      if (next == Char.Apostrophe) return openIndented(at);
      return setToken(Token.Invalid, at, at + 1);
    case Char.Dollar:
      if (next != Char.BraceOpen) return setToken(Token.Invalid, at, at + 1);
      pushMode(Mode.Code);
      return setToken(Token.Interpolation, at, at + 2);
    case Char.Less:
      return lexLess(at, next);
    default:
      return lexRare(at, byte, next);
  }
}

function lexRare(at: usize, byte: u32, next: u32): void {
  switch (byte) {
    case 0:
      // A zero byte in the middle ends a text too, but is a token of its own; the true end is not.
      if (at < sourceEnd) return endInside(at, at + 1);
      if (cursor < sourceEnd) return endInside(at, at);
      token = Token.EndOfFile;
      return;
    case Char.Exclamation:
      if (next == Char.Equal) return setToken(Token.NotEqual, at, at + 2);
      return setToken(Token.Exclamation, at, at + 1);
    case Char.Ampersand:
      if (next == Char.Ampersand) return setToken(Token.And, at, at + 2);
      return setToken(Token.Invalid, at, at + 1);
    case Char.Bar:
      if (next == Char.Bar) return setToken(Token.Or, at, at + 2);
      if (next == Char.Greater) return lexPipe(Token.PipeInto, at);
      return setToken(Token.Invalid, at, at + 1);
    case Char.Greater:
      if (next == Char.Equal) return setToken(Token.GreaterOrEqual, at, at + 2);
      return setToken(Token.Greater, at, at + 1);
    case Char.Tilde:
      if (next == Char.Slash && classAt(at + 2, CharClass.PathPart)) return openPath(Token.HomePath, at, at + 1);
      if (next == Char.Slash && isInterpolation(at + 2)) return openPathSlash(Token.HomePath, at, at + 2);
      return setToken(Token.Invalid, at, at + 1);
    default:
      return setToken(Token.Invalid, at, at + 1);
  }
}

function lexPipe(kind: Token, at: usize): void {
  if (allowsPipes) return setToken(kind, at, at + 2);
  return refuse(Refusal.PipeOperators, at, at + 2);
}

function lexLess(at: usize, next: u32): void {
  if (next == Char.Equal) return setToken(Token.LessOrEqual, at, at + 2);
  if (next == Char.Bar) return lexPipe(Token.PipeFrom, at);
  if (classAt(at + 1, CharClass.PathPart)) {
    let end = endOfPathPart(at + 1);
    while (load<u8>(end) == Char.Slash && classAt(end + 1, CharClass.PathPart)) end = endOfPathPart(end + 1);
    if (load<u8>(end) == Char.Greater) return setToken(Token.SearchPath, at, end + 1);
  }
  return setToken(Token.Less, at, at + 1);
}

function lexDot(at: usize, next: u32): void {
  if (at >= noPathBefore && lexedPath(at)) return;
  if (next == Char.Dot && load<u8>(at + 2) == Char.Dot) return setToken(Token.Ellipsis, at, at + 3);
  if (classAt(at + 1, CharClass.Digit)) return lexFloat(at, endOfDigits(at + 1));
  return setToken(Token.Dot, at, at + 1);
}

/** Skips blanks and comments from `from` on, noting a documentation comment. */
function skipBlanks(from: usize): usize {
  documentation = 0;
  let at = from;
  while (true) {
    const byte: u32 = load<u8>(at);
    if (classAt(at, CharClass.Space)) {
      at++;
    } else if (byte == Char.Hash) {
      at = endOfLine(at);
    } else if (byte == Char.Slash && load<u8>(at + 1) == Char.Star) {
      const end = endOfComment(at);
      if (end == 0) return at;
      if (isDocumentation(at)) documentation = at;
      at = end;
    } else {
      return at;
    }
  }
}

function endOfLine(from: usize): usize {
  let at = from;
  while (at < sourceEnd && load<u8>(at) != Char.LineFeed && load<u8>(at) != Char.CarriageReturn) at++;
  return at;
}

/** After the comment that begins at `start`; 0 if it never ends. */
function endOfComment(start: usize): usize {
  if (start >= unclosedFrom) return 0;
  for (let at = start + 2; at < sourceEnd; at++) {
    if (load<u8>(at) == Char.Star && load<u8>(at + 1) == Char.Slash) return at + 2;
  }
  unclosedFrom = start;
  return 0;
}

/** `/**` and then neither `/` nor another star. */
function isDocumentation(comment: usize): bool {
  const third: u32 = load<u8>(comment + 2);
  const fourth: u32 = load<u8>(comment + 3);
  return third == Char.Star && fourth != Char.Slash && fourth != Char.Star;
}

// Words and numbers

function lexWord(at: usize): void {
  let end = at + 1;
  while (classAt(end, CharClass.NamePart)) end++;
  const next: u32 = load<u8>(end);
  if (next == Char.Dot || next == Char.Slash || next == Char.Colon || next == Char.Plus) {
    if (lexedPath(at) || lexedUri(at)) return;
  }
  setToken(keyword(at, <u32>(end - at)), at, end);
}

/** The keyword of these bytes, or Identifier. Their order in memory is little-endian. */
function keyword(at: usize, length: u32): Token {
  switch (length) {
    case 2: {
      const bytes: u32 = load<u16>(at);
      return bytes == 0x6669
        ? Token.If
        : bytes == 0x6e69
          ? Token.In
          : bytes == 0x726f
            ? Token.OrKeyword
            : Token.Identifier;
    }
    case 3: {
      const bytes: u32 = load<u16>(at) | ((<u32>load<u8>(at + 2)) << 16);
      return bytes == 0x74656c ? Token.Let : bytes == 0x636572 ? Token.Rec : Token.Identifier;
    }
    case 4: {
      const bytes = load<u32>(at);
      if (bytes == 0x68746977) return Token.With;
      return bytes == 0x6e656874 ? Token.Then : bytes == 0x65736c65 ? Token.Else : Token.Identifier;
    }
    case 6:
      return load<u32>(at) == 0x65737361 && load<u16>(at + 4) == 0x7472 ? Token.Assert : Token.Identifier;
    case 7: {
      const isInherit = load<u32>(at) == 0x65686e69 && load<u32>(at + 3) == 0x74697265;
      return isInherit ? Token.Inherit : Token.Identifier;
    }
    default:
      return Token.Identifier;
  }
}

function lexedUri(at: usize): bool {
  if (at < noUriBefore || !classAt(at, CharClass.Letter)) return false;
  let end = at + 1;
  while (classAt(end, CharClass.SchemePart)) end++;
  if (load<u8>(end) != Char.Colon || !classAt(end + 1, CharClass.UriPart)) {
    noUriBefore = end;
    return false;
  }
  end++;
  while (classAt(end, CharClass.UriPart)) end++;
  setToken(Token.Uri, at, end);
  return true;
}

function endOfDigits(from: usize): usize {
  let at = from;
  while (classAt(at, CharClass.Digit)) at++;
  return at;
}

function lexNumber(at: usize): void {
  const end = endOfDigits(at);
  if ((classAt(end, CharClass.PathPart) || load<u8>(end) == Char.Slash) && lexedPath(at)) return;
  if (load<u8>(end) == Char.Dot) {
    const endOfFraction = endOfDigits(end + 1);
    const first: u32 = load<u8>(at);
    // `1.` is a float, `0.` is not; `00.5` is an integer and a float.
    if (first != Char.Digit0 || (end == at + 1 && endOfFraction > end + 1)) return lexFloat(at, endOfFraction);
  }
  let value: u64 = 0;
  for (let digit = at; digit < end; digit++) {
    const added = <u64>load<u8>(digit) - Char.Digit0;
    if (value > (<u64>i64.MAX_VALUE - added) / 10) return refuse(Refusal.InvalidInteger, at, end);
    value = value * 10 + added;
  }
  integer = <i64>value;
  setToken(Token.Integer, at, end);
}

/** A float whose fraction ends at `endOfFraction`; an exponent may follow. */
function lexFloat(at: usize, endOfFraction: usize): void {
  let end = endOfFraction;
  const byte: u32 = load<u8>(end);
  if (byte == Char.LowerE || byte == Char.UpperE) {
    const sign: u32 = load<u8>(end + 1);
    const digits = sign == Char.Plus || sign == Char.Minus ? end + 2 : end + 1;
    if (classAt(digits, CharClass.Digit)) end = endOfDigits(digits);
  }
  float = parseFloat64(at, <u32>(end - at));
  if (isNaN(float)) return refuse(Refusal.InvalidFloat, at, end);
  setToken(Token.Float, at, end);
}

// Paths

function isInterpolation(at: usize): bool {
  return load<u8>(at) == Char.Dollar && load<u8>(at + 1) == Char.BraceOpen;
}

function endOfPathPart(from: usize): usize {
  let at = from;
  while (classAt(at, CharClass.PathPart)) at++;
  return at;
}

/** After all `/part` from `from` on, and a last slash. */
function endOfPath(from: usize): usize {
  let at = from;
  while (load<u8>(at) == Char.Slash && classAt(at + 1, CharClass.PathPart)) at = endOfPathPart(at + 1);
  return load<u8>(at) == Char.Slash ? at + 1 : at;
}

function lexedPath(at: usize): bool {
  if (at < noPathBefore) return false;
  const end = endOfPathPart(at);
  if (load<u8>(end) == Char.Slash) {
    if (classAt(end + 1, CharClass.PathPart)) {
      openPath(Token.Path, at, end);
      return true;
    }
    if (isInterpolation(end + 1)) {
      openPathSlash(Token.Path, at, end + 1);
      return true;
    }
  }
  noPathBefore = end;
  return false;
}

/** A path that begins at `at`, whose first slash is at `slash`. */
function openPath(kind: Token, at: usize, slash: usize): void {
  const end = endOfPath(slash);
  pushMode(load<u8>(end - 1) == Char.Slash ? Mode.PathSlash : Mode.Path);
  setToken(kind, at, end);
}

/** A path that goes on with `${` after its first slash. */
function openPathSlash(kind: Token, at: usize, end: usize): void {
  pushMode(Mode.PathSlash);
  setToken(kind, at, end);
}

function lexPath(): void {
  const at = cursor;
  if (isInterpolation(at)) {
    mode = Mode.Path;
    pushMode(Mode.Code);
    return setToken(Token.Interpolation, at, at + 2);
  }
  const end = endOfPath(endOfPathPart(at));
  if (end > at) {
    mode = load<u8>(end - 1) == Char.Slash ? Mode.PathSlash : Mode.Path;
    text = at;
    textLength = <u32>(end - at);
    hasEscapes = false;
    return setToken(Token.StringText, at, end);
  }
  if (mode == Mode.PathSlash) {
    // At the end of the source the place is that of the path's last part.
    if (at == sourceEnd) return refuse(Refusal.TrailingSlash, tokenStart, at);
    return refuse(Refusal.TrailingSlash, at, at + 1);
  }
  popMode();
  token = Token.PathEnd;
  // The reference goes one token back here: an end of file after it is reported where the path's last part begins.
  if (at == sourceEnd) tokenEnd = tokenStart;
}

// Strings

function lexString(): void {
  const start = cursor;
  let at = start;
  let escapes = false;
  let hasNul = false;
  while (true) {
    const byte: u32 = load<u8>(at);
    if (byte == Char.Quote) break;
    if (byte == Char.Backslash) {
      if (at + 1 >= sourceEnd) break;
      escapes = true;
      at += 2;
    } else if (byte == Char.Dollar) {
      const next: u32 = load<u8>(at + 1);
      if (at + 1 >= sourceEnd || next == Char.BraceOpen) break;
      if (next == Char.Quote) {
        at++;
        break;
      }
      if (next == Char.Backslash) {
        if (at + 2 >= sourceEnd) break;
        escapes = true;
        at += 3;
      } else {
        escapes = escapes || next == Char.CarriageReturn;
        hasNul = hasNul || next == 0;
        at += 2;
      }
    } else {
      if (byte <= <u32>Char.CarriageReturn) {
        if (byte == 0) {
          if (at >= sourceEnd) break;
          hasNul = true;
        }
        escapes = escapes || byte == Char.CarriageReturn;
      }
      at++;
    }
  }
  if (at == start) return endString(at);
  text = start;
  textLength = <u32>(at - start);
  hasEscapes = escapes;
  if (hasNul) return refuse(Refusal.NulByte, start, at);
  setToken(Token.StringText, start, at);
}

/** What can follow the text of a string. */
function endString(at: usize): void {
  const byte: u32 = load<u8>(at);
  if (byte == Char.Quote) {
    popMode();
    return setToken(Token.Quote, at, at + 1);
  }
  if (isInterpolation(at)) {
    pushMode(Mode.Code);
    return setToken(Token.Interpolation, at, at + 2);
  }
  endInside(at, sourceEnd);
}

function openIndented(at: usize): void {
  pushMode(Mode.Indented);
  let end = at + 2;
  while (load<u8>(end) == Char.Space) end++;
  end = load<u8>(end) == Char.LineFeed ? end + 1 : at + 2;
  setToken(Token.IndentedOpen, at, end);
}

function lexIndented(): void {
  const start = cursor;
  let at = start;
  let hasNul = false;
  while (true) {
    const byte: u32 = load<u8>(at);
    if (byte == Char.Dollar || byte == Char.Apostrophe) {
      const next: u32 = load<u8>(at + 1);
      if (at + 1 >= sourceEnd || next == Char.Apostrophe) break;
      if (next == (byte == Char.Dollar ? Char.BraceOpen : Char.Dollar)) break;
      hasNul = hasNul || next == 0;
      at += 2;
    } else {
      if (byte == 0) {
        if (at >= sourceEnd) break;
        hasNul = true;
      }
      at++;
    }
  }
  if (at == start) return lexIndentedSign(at);
  hasEscapes = false;
  if (hasNul) {
    text = start;
    textLength = <u32>(at - start);
    return refuse(Refusal.NulByte, start, at);
  }
  setIndentedText(start, <u32>(at - start), true, at);
}

/** Escapes, and what else can follow the text of an indented string. */
function lexIndentedSign(at: usize): void {
  const byte: u32 = load<u8>(at);
  if (byte == Char.Apostrophe) {
    if (load<u8>(at + 1) != Char.Apostrophe || at + 1 >= sourceEnd) return setIndentedText(at, 1, false, at + 1);
    const third: u32 = load<u8>(at + 2);
    if (third == Char.Dollar) return setIndentedText(at + 2, 1, false, at + 3);
    if (third == Char.Apostrophe) return setIndentedText(at, 2, false, at + 3);
    if (third == Char.Backslash && at + 3 < sourceEnd) return lexIndentedEscape(at);
    popMode();
    return setToken(Token.IndentedClose, at, at + 2);
  }
  if (isInterpolation(at)) {
    pushMode(Mode.Code);
    return setToken(Token.Interpolation, at, at + 2);
  }
  if (byte == Char.Dollar) return setIndentedText(at, 1, false, at + 1);
  endInside(at, at);
}

/** `''\` and any byte. */
function lexIndentedEscape(at: usize): void {
  setIndentedText(at + 2, 2, false, at + 4);
  hasEscapes = true;
}

function setIndentedText(from: usize, length: u32, indented: bool, end: usize): void {
  const start = cursor;
  text = from;
  textLength = length;
  hasEscapes = false;
  isIndented = indented;
  setToken(Token.IndentedText, start, end);
}

/** Whether these bytes are a keyword. `or` is none: it is also a name. */
export function isKeyword(at: usize, length: u32): bool {
  const kind = keyword(at, length);
  return kind != Token.Identifier && kind != Token.OrKeyword;
}
