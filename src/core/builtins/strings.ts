/** Builtins on strings. */
import { Coerce, coerceToString, emptyString, forceInt, forceList, forceString } from '../coerce.ts';
import { addByte, addString, finishString, newBuffer } from '../buffer.ts';
import { uniteContexts } from '../context.ts';
import { ErrorKind, throwError } from '../error.ts';
import { force } from '../force.ts';
import { FrameKind, pop } from '../log.ts';
import { moveTo, pushSiblings } from '../siblings.ts';
import { allocate } from '../memory.ts';
import { bytesOf, contextOf, copyString, lengthOf, newString, stringWord } from '../string.ts';
import { Tag, type Word, addressOf, intWord, listAt, listCount, tagOf } from '../value.ts';
import { first, second, third } from './arguments.ts';

export function toStringValue(args: usize): Word {
  const text = 'while evaluating the first argument passed to builtins.toString';
  return stringWord(coerceToString(first(args), 0, Coerce.More | Coerce.Canonical, text));
}

export function stringLength(args: usize): Word {
  const text = 'while evaluating the argument passed to builtins.stringLength';
  return intWord(lengthOf(coerceToString(first(args), 0, Coerce.Copy | Coerce.Canonical, text)));
}

export function substring(args: usize): Word {
  const startText = 'while evaluating the first argument (the start offset) passed to builtins.substring';
  const start = forceInt(first(args), 0, startText);
  if (start < 0) throwError(ErrorKind.Eval, 0, "negative start position in 'substring'", 0, 0);
  const lengthText = 'while evaluating the second argument (the substring length) passed to builtins.substring';
  const wanted = forceInt(second(args), 0, lengthText);
  if (wanted == 0) {
    // For its context alone.
    const value = force(third(args), 0);
    if (tagOf(value) == Tag.String) return stringWord(part(addressOf(value), 0, 0));
  }
  const text = 'while evaluating the third argument (the string) passed to builtins.substring';
  const string = coerceToString(third(args), 0, Coerce.Copy | Coerce.Canonical, text);
  const length: i64 = lengthOf(string);
  if (start >= length) return stringWord(part(string, 0, 0));
  const rest = length - start;
  return stringWord(part(string, <u32>start, <u32>(wanted < 0 || wanted > rest ? rest : wanted)));
}

/** With the context of the whole. */
function part(string: usize, from: u32, length: u32): usize {
  const context = contextOf(string);
  if (length == lengthOf(string)) return string;
  if (length == 0 && context == 0) return emptyString();
  return copyString(bytesOf(string) + from, length, context);
}

export function concatStringsSep(args: usize): Word {
  const sepText = 'while evaluating the first argument (the separator string) passed to builtins.concatStringsSep';
  const separator = forceString(first(args), 0, sepText);
  const listText =
    'while evaluating the second argument (the list of strings to concat) passed to builtins.concatStringsSep';
  const list = forceList(second(args), 0, listText);
  const count = listCount(list);
  const text = 'while evaluating one element of the list of strings to concat passed to builtins.concatStringsSep';
  const parts = allocate((<usize>count) << 2);
  let length: u32 = count == 0 ? 0 : lengthOf(separator) * (count - 1);
  let context = contextOf(separator);
  const flags: u32 = Coerce.Copy | Coerce.Canonical;
  const record = pushSiblings(FrameKind.CoerceList, list, flags);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    const string = coerceToString(listAt(list, i), 0, flags, text);
    store<u32>(parts + ((<usize>i) << 2), <u32>string);
    length += lengthOf(string);
    context = uniteContexts(context, contextOf(string));
  }
  pop();
  const joined = newString(length, context);
  let at = bytesOf(joined);
  for (let i: u32 = 0; i < count; i++) {
    if (i > 0) at = append(at, separator);
    at = append(at, load<u32>(parts + ((<usize>i) << 2)));
  }
  return stringWord(joined);
}

/** Copies the string's bytes to `at`; returns where they end. */
function append(at: usize, string: usize): usize {
  const length = lengthOf(string);
  memory.copy(at, bytesOf(string), length);
  return at + length;
}

export function replaceStrings(args: usize): Word {
  const from = forceList(first(args), 0, 'while evaluating the first argument passed to builtins.replaceStrings');
  const to = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.replaceStrings');
  const count = listCount(from);
  if (count != listCount(to)) {
    const template = "'from' and 'to' arguments passed to builtins.replaceStrings have different lengths";
    throwError(ErrorKind.Eval, 0, template, 0, 0);
  }
  const patternText = 'while evaluating one of the strings to replace passed to builtins.replaceStrings';
  const patterns = allocate((<usize>count) << 2);
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(patterns + ((<usize>i) << 2), <u32>forceString(listAt(from, i), 0, patternText));
  }
  const string = forceString(third(args), 0, 'while evaluating the third argument passed to builtins.replaceStrings');
  return stringWord(replaceAll(string, patterns, to));
}

/** At each place the first of the patterns that fits is replaced; an empty one fits everywhere, also at the end. */
function replaceAll(string: usize, patterns: usize, to: usize): usize {
  const text = 'while evaluating one of the replacement strings passed to builtins.replaceStrings';
  const length = lengthOf(string);
  const bytes = bytesOf(string);
  const buffer = newBuffer(length + 64);
  let context = contextOf(string);
  let at: u32 = 0;
  while (at <= length) {
    const found = findPattern(patterns, listCount(to), bytes + at, length - at);
    if (found < 0) {
      if (at < length) addByte(buffer, load<u8>(bytes + at));
      at++;
      continue;
    }
    const replacement = forceString(listAt(to, found), 0, text);
    context = uniteContexts(context, contextOf(replacement));
    addString(buffer, replacement);
    const size = lengthOf(load<u32>(patterns + ((<usize>found) << 2)));
    if (size == 0 && at < length) addByte(buffer, load<u8>(bytes + at));
    at += size == 0 ? 1 : size;
  }
  return finishString(buffer, context);
}

/** The first of `count` patterns that the `left` bytes begin with; -1 if none. */
function findPattern(patterns: usize, count: u32, bytes: usize, left: u32): i32 {
  for (let i: u32 = 0; i < count; i++) {
    const pattern = load<u32>(patterns + ((<usize>i) << 2));
    const size = lengthOf(pattern);
    if (size > left) continue;
    if (size > 0 && load<u8>(bytesOf(pattern)) != load<u8>(bytes)) continue;
    if (memory.compare(bytesOf(pattern), bytes, size) == 0) return i;
  }
  return -1;
}
