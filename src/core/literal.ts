/** Text between quotes, as the lexer leaves it, to what it stands for. */
import { Char } from './characters.ts';
import { copyString, newString, StringObject, bytesOf } from './string.ts';
import { type Symbol, intern } from './symbol.ts';

/** `length` bytes at `from`, with escapes and carriage returns replaced where `hasEscapes`, as a string. */
export function literalString(from: usize, length: u32, hasEscapes: bool): usize {
  return hasEscapes ? unescape(from, length) : copyString(from, length, 0);
}

/** `\n`, `\r` and `\t` are what they are in C; a backslash is dropped before other bytes. CR and CRLF become LF. */
function unescape(from: usize, length: u32): usize {
  const string = newString(length, 0);
  const end = from + length;
  let to = bytesOf(string);
  let at = from;
  while (at < end) {
    let byte: u32 = load<u8>(at++);
    if (byte == Char.Backslash) {
      byte = load<u8>(at++);
      if (byte == Char.LowerN) byte = Char.LineFeed;
      else if (byte == Char.LowerR) byte = Char.CarriageReturn;
      else if (byte == Char.LowerT) byte = Char.Tab;
    } else if (byte == Char.CarriageReturn) {
      byte = Char.LineFeed;
      if (at < end && load<u8>(at) == Char.LineFeed) at++;
    }
    store<u8>(to++, <u8>byte);
  }
  changetype<StringObject>(string).length = <u32>(to - bytesOf(string));
  return string;
}

export function literalSymbol(from: usize, length: u32, hasEscapes: bool): Symbol {
  if (!hasEscapes) return intern(from, length);
  const string = unescape(from, length);
  return intern(bytesOf(string), changetype<StringObject>(string).length);
}
