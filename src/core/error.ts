/**
 * Errors are thrown by the host, which has their texts from here: a template and two words that it mentions.
 *
 *     %t1  the type of the first word, with its article     %v1  the value itself, shortened
 *     %n1  the first word as a symbol's name                %s1  the StringObject at that address
 *     %i1  the integer of that word                         %u1  the number that the first word is
 *     %e1  the expression at that node                      %p1  the place at that position
 *     %c1  the first element of the context of the StringObject at that address
 *     %l1  the name of the LambdaNode at that address      %f1  the float of that word
 *     %w1  the value whose word has this lower half: a cell or an object
 */
import { fail } from './host.ts';
import { FrameKind, push } from './log.ts';
import type { Word } from './value.ts';

/** What kind of error it is: `tryEval` catches those of the first two. */
export const enum ErrorKind {
  Thrown = 1,
  Assertion,
  Eval,
  Type,
  UndefinedVariable,
  MissingArgument,
  InfiniteRecursion,
  Abort,
  /** Of the set that the first word is: similar names are suggested for the second's. */
  MissingAttribute,
  /** Of the LambdaNode that the first word is: similar arguments are suggested. */
  UnexpectedArgument,
}

/** Throws. */
export function throwError(kind: ErrorKind, pos: u32, template: string, a: Word, b: Word): void {
  fail(kind, pos, changetype<usize>(template), a, b);
}

/** Throws a type error at `pos`, with a line of trace there for what was being done. */
export function throwIn(text: string, pos: u32, template: string, a: Word): void {
  pushText(pos, text, 0);
  fail(ErrorKind.Type, pos, changetype<usize>(template), a, 0);
}

/** As `throwIn`; only the line of trace has the position. */
export function throwTraced(text: string, pos: u32, template: string, a: Word): void {
  pushText(pos, text, 0);
  fail(ErrorKind.Type, 0, changetype<usize>(template), a, 0);
}

/** While the record is on the log, errors say `text`, which mentions `a` as templates do; nothing if it is empty. */
export function pushText(pos: u32, text: string, a: u32): void {
  push(FrameKind.Text, pos, <u32>changetype<usize>(text), a);
}
