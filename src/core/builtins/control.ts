/** Builtins about evaluation itself. */
import {
  attrsCount,
  attrsOfEntries,
  attrsWord,
  newEntries,
  plainOf,
  setEntry,
  setEntryWord,
  shapeOf,
  valueAt,
} from '../attrs.ts';
import { positionOf } from '../call.ts';
import { Coerce, coerceToString, forceString } from '../coerce.ts';
import { ErrorKind, pushText, throwError } from '../error.ts';
import { force } from '../force.ts';
import { trace, tryForce, warn } from '../host.ts';
import { valueSymbol } from '../known-symbols.ts';
import { FrameKind, enter, leave, pop, push } from '../log.ts';
import { moveTo, pushSiblings } from '../siblings.ts';
import { positionAt, symbolAt } from '../shape.ts';
import { internText } from '../symbol.ts';
import { Tag, type Word, addressOf, boolWord, falseWord, listAt, listCount, tagOf } from '../value.ts';
import { first, second } from './arguments.ts';
import { addVisited, newVisited } from './visited.ts';

export function seq(args: usize): Word {
  force(first(args), 0);
  return force(second(args), 0);
}

export function deepSeq(args: usize): Word {
  forceDeep(first(args));
  return force(second(args), 0);
}

/** Evaluates all that `word` contains. */
export function forceDeep(word: Word): void {
  forceDeepIn(word, newVisited());
}

/** As `forceDeep`, but for sets and lists that are in `visited`. */
export function forceDeepIn(word: Word, visited: usize): void {
  const pos = positionOf(word, 0);
  enter(pos);
  const value = force(word, pos);
  const tag = tagOf(value);
  if ((tag == Tag.Attrs || tag == Tag.List) && addVisited(visited, <u32>addressOf(value))) {
    if (tag == Tag.Attrs) forceAttrsDeep(plainOf(addressOf(value)), visited);
    else forceListDeep(addressOf(value), visited);
  }
  leave();
}

function forceAttrsDeep(attrs: usize, visited: usize): void {
  const shape = shapeOf(attrs);
  const record = pushSiblings(FrameKind.DeepAttrs, attrs, visited);
  for (let i: u32 = 0; i < attrsCount(attrs); i++) {
    moveTo(record, i);
    pushText(positionAt(shape, i), "while evaluating the attribute '%n1'", symbolAt(shape, i));
    forceDeepIn(valueAt(attrs, i), visited);
    pop();
  }
  pop();
}

function forceListDeep(list: usize, visited: usize): void {
  const record = pushSiblings(FrameKind.DeepList, list, visited);
  for (let i: u32 = 0; i < listCount(list); i++) {
    moveTo(record, i);
    pushText(0, 'while evaluating list element at index %u1', i);
    forceDeepIn(listAt(list, i), visited);
    pop();
  }
  pop();
}

export function abort(args: usize): Word {
  const text = 'while evaluating the error message passed to builtins.abort';
  const message = coerceToString(first(args), 0, Coerce.Copy | Coerce.Canonical, text);
  const template = "evaluation aborted with the following error message: '%s1'";
  throwError(ErrorKind.Abort, 0, template, message, 0);
  return 0;
}

export function throwValue(args: usize): Word {
  const text = 'while evaluating the error message passed to builtin.throw';
  const message = coerceToString(first(args), 0, Coerce.Copy | Coerce.Canonical, text);
  throwError(ErrorKind.Thrown, 0, '%s1', message, 0);
  return 0;
}

/** The message is made only when there is an error. */
export function addErrorContext(args: usize): Word {
  const message = first(args);
  push(FrameKind.Message, 0, <u32>message, <u32>(message >>> 32));
  const value = force(second(args), 0);
  pop();
  return value;
}

export function traceValue(args: usize): Word {
  trace(force(first(args), 0));
  return force(second(args), 0);
}

export function warnMessage(args: usize): Word {
  warn(forceString(first(args), 0, 'while evaluating the first argument; the message passed to builtins.warn'));
  return force(second(args), 0);
}

export function tryEval(args: usize): Word {
  const success = tryForce(args);
  const entries = newEntries(2);
  setEntry(entries, 0, valueSymbol, 0);
  setEntryWord(entries, 0, success ? first(args) : falseWord);
  setEntry(entries, 1, internText('success'), 0);
  setEntryWord(entries, 1, boolWord(success));
  return attrsWord(attrsOfEntries(entries, 2));
}
