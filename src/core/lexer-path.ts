/** Paths: a first part that is a token of its own kind, then text and interpolations up to the token PathEnd. */
import { Char, CharClass, classAt } from './characters.ts';
import {
  Mode,
  changeMode,
  cursor,
  mode,
  popMode,
  pushMode,
  refuseAhead,
  setText,
  setToken,
  setTokenAtLast,
  setTokenEnd,
  sourceEnd,
  tokenStart,
} from './lexer-state.ts';
import { Refusal, Token } from './token.ts';

/** No path begins before this: what paths consist of goes on to here, and no slash follows. */
let noPathBefore: usize = 0;

export function startPaths(): void {
  noPathBefore = 0;
}

export function isInterpolation(at: usize): bool {
  return load<u8>(at) == Char.Dollar && load<u8>(at + 1) == Char.BraceOpen;
}

export function endOfPathPart(from: usize): usize {
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

export function lexedPath(at: usize): bool {
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
export function openPath(kind: Token, at: usize, slash: usize): void {
  const end = endOfPath(slash);
  pushMode(load<u8>(end - 1) == Char.Slash ? Mode.PathSlash : Mode.Path);
  setToken(kind, at, end);
}

/** A path that goes on with `${` after its first slash. */
export function openPathSlash(kind: Token, at: usize, end: usize): void {
  pushMode(Mode.PathSlash);
  setToken(kind, at, end);
}

export function lexPath(): void {
  const at = cursor;
  if (isInterpolation(at)) {
    changeMode(Mode.Path);
    pushMode(Mode.Code);
    return setToken(Token.Interpolation, at, at + 2);
  }
  const end = endOfPath(endOfPathPart(at));
  if (end > at) {
    changeMode(load<u8>(end - 1) == Char.Slash ? Mode.PathSlash : Mode.Path);
    setText(at, <u32>(end - at), false, false);
    return setToken(Token.StringText, at, end);
  }
  if (mode == Mode.PathSlash) {
    popMode();
    // At the end of the source the place is that of the path's last part.
    return refuseAhead(Refusal.TrailingSlash, at == sourceEnd ? tokenStart : at);
  }
  popMode();
  setTokenAtLast(Token.PathEnd);
  // The reference goes one token back here: an end of file after it is reported where the path's last part begins.
  if (at == sourceEnd) setTokenEnd(tokenStart);
}
