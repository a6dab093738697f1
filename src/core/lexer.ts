/**
 * Text to tokens. One token at a time: `advance` moves to the next one, which the exported variables then describe.
 *
 * Where several readings are possible the longest wins, as in the reference's generated lexer: `a-b` is a name, `a/b` a
 * path, `x:y` a URI, `-a/b` a path. Strings, indented strings and paths have modes of their own, on a stack, since code
 * may nest in them.
 */
import { startBlanks } from './lexer-blanks.ts';
import { lexCode } from './lexer-code.ts';
import { lexPath, startPaths } from './lexer-path.ts';
import { Mode, cursor, mode, popMode, pushMode, setToken, startSource } from './lexer-state.ts';
import { lexIndented, lexString } from './lexer-string.ts';
import { startWords } from './lexer-words.ts';
import { Token } from './token.ts';

/** Begins a source of `length` bytes at `start`, which two zero bytes follow. Comes before its first token. */
export function startLexer(start: usize, length: u32, pipes: bool, replBindings: bool): void {
  startSource(start, length, pipes);
  startBlanks();
  startPaths();
  startWords();
  if (replBindings) pushMode(Mode.ReplBindings);
}

export function advance(): void {
  if (mode <= Mode.Code) lexCode();
  else if (mode == Mode.String) lexString();
  else if (mode == Mode.Indented) lexIndented();
  else if (mode == Mode.ReplBindings) lexReplBindings();
  else lexPath();
}

function lexReplBindings(): void {
  popMode();
  setToken(Token.ReplBindings, cursor, cursor);
}
