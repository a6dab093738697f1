/** Names, keywords, URIs and numbers. */
import { Char, CharClass, classAt } from './characters.ts';
import { lexedPath } from './lexer-path.ts';
import { refuse, setFloat, setInteger, setToken } from './lexer-state.ts';
import { parseFloat64 } from './syntax-host.ts';
import { Refusal, Token } from './token.ts';

/** No URI begins before this: what schemes consist of goes on to here, and no colon follows. */
let noUriBefore: usize = 0;

export function startWords(): void {
  noUriBefore = 0;
}

export function lexWord(at: usize): void {
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

/** Whether these bytes are a keyword. `or` is none: it is also a name. */
export function isKeyword(at: usize, length: u32): bool {
  const kind = keyword(at, length);
  return kind != Token.Identifier && kind != Token.OrKeyword;
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

export function endOfDigits(from: usize): usize {
  let at = from;
  while (classAt(at, CharClass.Digit)) at++;
  return at;
}

export function lexNumber(at: usize): void {
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
  setInteger(<i64>value);
  setToken(Token.Integer, at, end);
}

/** A float whose fraction ends at `endOfFraction`; an exponent may follow. */
export function lexFloat(at: usize, endOfFraction: usize): void {
  let end = endOfFraction;
  const byte: u32 = load<u8>(end);
  if (byte == Char.LowerE || byte == Char.UpperE) {
    const sign: u32 = load<u8>(end + 1);
    const digits = sign == Char.Plus || sign == Char.Minus ? end + 2 : end + 1;
    if (classAt(digits, CharClass.Digit)) end = endOfDigits(digits);
  }
  const value = parseFloat64(at, <u32>(end - at));
  if (isNaN(value)) return refuse(Refusal.InvalidFloat, at, end);
  setFloat(value);
  setToken(Token.Float, at, end);
}
