/** Blanks and comments, of which only the documentation comment before a token is remembered. */
import { Char, CharClass, classAt } from './characters.ts';
import { setDocumentation, sourceEnd } from './lexer-state.ts';

/** No comment that begins before this ends. */
let unclosedFrom: usize = 0;

export function startBlanks(): void {
  unclosedFrom = usize.MAX_VALUE;
}

/** Skips blanks and comments from `from` on, noting a documentation comment. */
export function skipBlanks(from: usize): usize {
  let comment: usize = 0;
  let at = from;
  while (true) {
    const byte: u32 = load<u8>(at);
    if (classAt(at, CharClass.Space)) {
      at++;
    } else if (byte == Char.Hash) {
      at = endOfLine(at);
    } else if (byte == Char.Slash && load<u8>(at + 1) == Char.Star) {
      const end = endOfComment(at);
      if (end == 0) break;
      if (isDocumentation(at)) comment = at;
      at = end;
    } else {
      break;
    }
  }
  setDocumentation(comment);
  return at;
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
