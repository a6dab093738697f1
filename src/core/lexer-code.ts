/** Code: everything that is neither in a string nor in a path. */
import { Char, CharClass, classAt } from './characters.ts';
import { skipBlanks } from './lexer-blanks.ts';
import { endOfPathPart, isInterpolation, lexedPath, openPath, openPathSlash } from './lexer-path.ts';
import {
  Mode,
  allowsPipes,
  cursor,
  endInside,
  mode,
  popMode,
  pushMode,
  refuse,
  setToken,
  setTokenAtLast,
  sourceEnd,
} from './lexer-state.ts';
import { openIndented } from './lexer-string.ts';
import { endOfDigits, lexFloat, lexNumber, lexWord } from './lexer-words.ts';
import { Refusal, Token } from './token.ts';

export function lexCode(): void {
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
      return setTokenAtLast(Token.EndOfFile);
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
  if (lexedPath(at)) return;
  if (next == Char.Dot && load<u8>(at + 2) == Char.Dot) return setToken(Token.Ellipsis, at, at + 3);
  if (classAt(at + 1, CharClass.Digit)) return lexFloat(at, endOfDigits(at + 1));
  return setToken(Token.Dot, at, at + 1);
}
