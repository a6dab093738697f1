/** Turning values into what an operation needs, with the errors of those that cannot be. */
import { attrsCount, lookup } from './attrs.ts';
import { callFunction1 } from './call.ts';
import { contextCount, uniteContexts } from './context.ts';
import { ErrorKind, pushText, throwError, throwIn, throwTraced } from './error.ts';
import { force } from './force.ts';
import { canonicalPath, copyToStore, formatFloat } from './host.ts';
import { FrameKind, enter, leave, pop } from './log.ts';
import { moveTo, pushSiblings } from './siblings.ts';
import { allocate } from './memory.ts';
import { bytesOf, contextOf, lengthOf, newString } from './string.ts';
import { functorSymbol, outPathSymbol, toStringSymbol } from './known-symbols.ts';
import {
  BoxKind,
  PathObject,
  Tag,
  type Word,
  addressOf,
  falseWord,
  floatOf,
  intOf,
  isBoxed,
  isInt,
  listAt,
  listCount,
  missing,
  nullWord,
  tagOf,
  trueWord,
} from './value.ts';

/** Forces `word`; while that goes on, errors say `text`. */
export function forceFor(word: Word, pos: u32, text: string): Word {
  if (tagOf(word) != Tag.Ref) return word;
  const content = load<u64>(<usize>word);
  if (tagOf(content) != Tag.Ref) return content;
  pushText(pos, text, 0);
  const value = force(word, pos);
  pop();
  return value;
}

/** Address of the AttrsObject. Errors say `text` only where the value is no set; so with lists. */
export function forceAttrs(word: Word, pos: u32, text: string): usize {
  const value = force(word, pos);
  if (tagOf(value) != Tag.Attrs) throwTraced(text, pos, 'expected a set but found %t1: %v1', value);
  return addressOf(value);
}

/** Address of the ListObject. */
export function forceList(word: Word, pos: u32, text: string): usize {
  const value = force(word, pos);
  if (tagOf(value) != Tag.List) throwTraced(text, pos, 'expected a list but found %t1: %v1', value);
  return addressOf(value);
}

export function forceInt(word: Word, pos: u32, text: string): i64 {
  const value = forceFor(word, pos, text);
  if (!isInt(value)) throwIn(text, pos, 'expected an integer but found %t1: %v1', value);
  return intOf(value);
}

export function forceFloat(word: Word, pos: u32, text: string): f64 {
  const value = forceFor(word, pos, text);
  if (isInt(value)) return <f64>intOf(value);
  if (!isBoxed(value, BoxKind.Float)) throwIn(text, pos, 'expected a float but found %t1: %v1', value);
  return floatOf(value);
}

export function forceBool(word: Word, pos: u32, text: string): bool {
  const value = forceFor(word, pos, text);
  if (value == trueWord) return true;
  if (value != falseWord) throwIn(text, pos, 'expected a Boolean but found %t1: %v1', value);
  return false;
}

/** Address of the StringObject. */
export function forceString(word: Word, pos: u32, text: string): usize {
  const value = forceFor(word, pos, text);
  if (tagOf(value) != Tag.String) throwIn(text, pos, 'expected a string but found %t1: %v1', value);
  return addressOf(value);
}

/** As `forceString`, of a string that depends on no store path. */
export function forceStringNoContext(word: Word, pos: u32, text: string): usize {
  const string = forceString(word, pos, text);
  if (contextCount(contextOf(string)) > 0) throwContext(string, pos, text);
  return string;
}

function throwContext(string: usize, pos: u32, text: string): void {
  pushText(pos, text, 0);
  const template = "the string '%s1' is not allowed to refer to a store path (such as '%c1')";
  throwError(ErrorKind.Eval, 0, template, string, 0);
}

export function isFunctor(value: Word): bool {
  return tagOf(value) == Tag.Attrs && lookup(addressOf(value), functorSymbol) != missing;
}

/** A function, or a set that can be called. */
export function forceFunction(word: Word, pos: u32, text: string): Word {
  const value = forceFor(word, pos, text);
  if (tagOf(value) != Tag.Function && !isFunctor(value))
    throwIn(text, pos, 'expected a function but found %t1: %v1', value);
  return value;
}

// Strings

/** What may become a string, as bits. */
export const enum Coerce {
  /** Strings, paths as they are, sets with `__toString` or `outPath`. */
  Plain = 0,
  /** Also null, booleans, numbers and lists. */
  More = 1,
  /** Paths are copied to the store and become their store paths. */
  Copy = 2,
  /** Paths are made canonical where they are not copied. */
  Canonical = 4,
}

/** Address of a StringObject, whose context is that of all that it was made from. */
export function coerceToString(word: Word, pos: u32, flags: u32, text: string): usize {
  enter(pos);
  const value = force(word, pos);
  const string = coerceForced(value, pos, flags, text);
  leave();
  return string;
}

function coerceForced(value: Word, pos: u32, flags: u32, text: string): usize {
  const tag = tagOf(value);
  if (tag == Tag.String) return addressOf(value);
  if (tag == Tag.Attrs) return coerceAttrs(value, pos, flags, text);
  if (tag == Tag.Boxed && isBoxed(value, BoxKind.Path)) {
    if (flags & Coerce.Copy) return copyToStore(addressOf(value));
    return changetype<PathObject>(addressOf(value)).text;
  }
  if (flags & Coerce.More) {
    if (value == trueWord) return oneString();
    if (value == falseWord || value == nullWord) return emptyString();
    if (isInt(value)) return formatInt(intOf(value));
    if (tag == Tag.Boxed && isBoxed(value, BoxKind.Float)) return formatFloat(floatOf(value));
    if (tag == Tag.List) return coerceList(addressOf(value), pos, flags, text);
  }
  throwCoercion(value, pos, text);
  return 0;
}

function throwCoercion(value: Word, pos: u32, text: string): void {
  pushText(pos, text, 0);
  throwError(ErrorKind.Type, 0, 'cannot coerce %t1 to a string: %v1', value, 0);
}

function coerceAttrs(value: Word, pos: u32, flags: u32, text: string): usize {
  const attrs = addressOf(value);
  const method = lookup(attrs, toStringSymbol);
  if (method != missing) {
    const result = callFunction1(method, value, pos);
    return coerceToString(
      result,
      pos,
      flags & ~Coerce.Canonical,
      'while evaluating the result of the `__toString` attribute',
    );
  }
  const outPath = lookup(attrs, outPathSymbol);
  if (outPath == missing) throwCoercion(value, pos, text);
  return coerceToString(outPath, pos, flags, text);
}

/** The strings of a list's elements, with spaces between them. */
export function coerceList(list: usize, pos: u32, flags: u32, text: string): usize {
  const count = listCount(list);
  let joined: usize = emptyString();
  if (count == 0) return joined;
  // Parts first, so that the result is made once.
  const parts = allocate((<usize>count) << 2);
  let length: u32 = 0;
  let context: usize = 0;
  const record = pushSiblings(FrameKind.CoerceList, list, flags);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    const element = listAt(list, i);
    pushText(pos, text, 0);
    const part = coerceToString(element, pos, flags, 'while evaluating one element of the list');
    pop();
    store<u32>(parts + ((<usize>i) << 2), part);
    length += lengthOf(part);
    context = uniteContexts(context, contextOf(part));
    if (i + 1 < count && separates(element)) length++;
  }
  pop();
  joined = newString(length, context);
  let at = bytesOf(joined);
  for (let i: u32 = 0; i < count; i++) {
    const part = load<u32>(parts + ((<usize>i) << 2));
    memory.copy(at, bytesOf(part), lengthOf(part));
    at += lengthOf(part);
    if (i + 1 < count && separates(listAt(list, i))) store<u8>(at++, 0x20);
  }
  return joined;
}

/** Whether a space follows: not after an empty list. */
function separates(element: Word): bool {
  const value = force(element, 0);
  return tagOf(value) != Tag.List || listCount(addressOf(value)) > 0;
}

let emptyObject: usize = 0;
let oneObject: usize = 0;

export function emptyString(): usize {
  if (emptyObject == 0) emptyObject = newString(0, 0);
  return emptyObject;
}

function oneString(): usize {
  if (oneObject == 0) {
    oneObject = newString(1, 0);
    store<u8>(bytesOf(oneObject), 0x31);
  }
  return oneObject;
}

/** In decimal. */
export function formatInt(value: i64): usize {
  // In unsigned arithmetic, since the smallest integer has no positive counterpart.
  let rest: u64 = value < 0 ? 0 - <u64>value : <u64>value;
  let digits: u32 = 1;
  for (let r = rest; r >= 10; r /= 10) digits++;
  const length = digits + (value < 0 ? 1 : 0);
  const string = newString(length, 0);
  let at = bytesOf(string) + length;
  for (let i: u32 = 0; i < digits; i++) {
    store<u8>(--at, 0x30 + <u8>(rest % 10));
    rest /= 10;
  }
  if (value < 0) store<u8>(--at, 0x2d);
  return string;
}

/** Of the path in a PathObject: as it is, or canonical. */
export function pathText(value: Word): usize {
  return changetype<PathObject>(addressOf(value)).text;
}

/** The attributes' number, for messages. */
export function countOf(value: Word): u32 {
  return attrsCount(addressOf(value));
}

export function canonical(text: usize): usize {
  return canonicalPath(text);
}
