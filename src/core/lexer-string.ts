/** Strings and indented strings: text up to an interpolation or the end, before escapes are replaced. */
import { Char } from './characters.ts';
import { isInterpolation } from './lexer-path.ts';
import { Mode, cursor, endInside, popMode, pushMode, refuse, setText, setToken, sourceEnd } from './lexer-state.ts';
import { Refusal, Token } from './token.ts';

export function lexString(): void {
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
  setText(start, <u32>(at - start), escapes, false);
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

export function openIndented(at: usize): void {
  pushMode(Mode.Indented);
  let end = at + 2;
  while (load<u8>(end) == Char.Space) end++;
  end = load<u8>(end) == Char.LineFeed ? end + 1 : at + 2;
  setToken(Token.IndentedOpen, at, end);
}

export function lexIndented(): void {
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
  setText(start, <u32>(at - start), false, true);
  if (hasNul) return refuse(Refusal.NulByte, start, at);
  setToken(Token.IndentedText, start, at);
}

/** Escapes, and what else can follow the text of an indented string. */
function lexIndentedSign(at: usize): void {
  const byte: u32 = load<u8>(at);
  if (byte == Char.Apostrophe) {
    if (load<u8>(at + 1) != Char.Apostrophe || at + 1 >= sourceEnd) return setSign(at, 1, false, at + 1);
    const third: u32 = load<u8>(at + 2);
    if (third == Char.Dollar) return setSign(at + 2, 1, false, at + 3);
    if (third == Char.Apostrophe) return setSign(at, 2, false, at + 3);
    if (third == Char.Backslash && at + 3 < sourceEnd) return setSign(at + 2, 2, true, at + 4);
    popMode();
    return setToken(Token.IndentedClose, at, at + 2);
  }
  if (isInterpolation(at)) {
    pushMode(Mode.Code);
    return setToken(Token.Interpolation, at, at + 2);
  }
  if (byte == Char.Dollar) return setSign(at, 1, false, at + 1);
  endInside(at, at);
}

/** A token of text that is no indentation: from the cursor to `end`, standing for `length` bytes at `from`. */
function setSign(from: usize, length: u32, escapes: bool, end: usize): void {
  setText(from, length, escapes, false);
  setToken(Token.IndentedText, cursor, end);
}
