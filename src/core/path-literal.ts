/** Path literals: absolute and canonical, without a look at the file system. */
import { Char } from './characters.ts';
import { StringObject, bytesOf, lengthOf, newString } from './string.ts';

/** `length` bytes at `literal`, relative to the absolute path `base` (a StringObject), which is ignored if they begin with `/`. */
export function resolvePathLiteral(literal: usize, length: u32, base: usize): usize {
  const isAbsolute = load<u8>(literal) == Char.Slash;
  const room = length + 2 + (isAbsolute ? 0 : lengthOf(base));
  const path = newString(room, 0);
  const start = bytesOf(path);
  let end = start;
  if (!isAbsolute) end = appendParts(start, end, bytesOf(base), lengthOf(base));
  end = appendParts(start, end, literal, length);
  if (end == start) store<u8>(end++, Char.Slash);
  // Before `${` the slash is part of the text.
  if (length > 1 && load<u8>(literal + length - 1) == Char.Slash) store<u8>(end++, Char.Slash);
  changetype<StringObject>(path).length = <u32>(end - start);
  return path;
}

/** `~` at `literal` replaced by the path `home`, and nothing else. */
export function resolveHomeLiteral(literal: usize, length: u32, home: usize): usize {
  const path = newString(lengthOf(home) + length - 1, 0);
  memory.copy(bytesOf(path), bytesOf(home), lengthOf(home));
  memory.copy(bytesOf(path) + lengthOf(home), literal + 1, length - 1);
  return path;
}

/** Appends `/part` for each part of a path to what is between `start` and `end`; `..` takes the last one away. */
function appendParts(start: usize, end: usize, from: usize, length: u32): usize {
  const limit = from + length;
  let to = end;
  let at = from;
  while (at < limit) {
    let next = at;
    while (next < limit && load<u8>(next) != Char.Slash) next++;
    const size = next - at;
    const dots = size > 0 && size <= 2 && load<u8>(at) == Char.Dot && load<u8>(next - 1) == Char.Dot;
    if (dots) {
      if (size == 2) to = withoutLastPart(start, to);
    } else if (size > 0) {
      store<u8>(to++, Char.Slash);
      memory.copy(to, at, size);
      to += size;
    }
    at = next + 1;
  }
  return to;
}

function withoutLastPart(start: usize, end: usize): usize {
  let at = end;
  while (at > start) {
    at--;
    if (load<u8>(at) == Char.Slash) return at;
  }
  return start;
}
