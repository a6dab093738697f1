/** `<`: an order of numbers, strings, paths and lists. */
import { equalElements } from './equal.ts';
import { ErrorKind, pushText, throwError } from './error.ts';
import { force } from './force.ts';
import { pop } from './log.ts';
import { compareStrings } from './string.ts';
import {
  BoxKind,
  PathObject,
  Tag,
  type Word,
  addressOf,
  floatOf,
  intOf,
  isBoxed,
  isInt,
  listAt,
  listCount,
  tagOf,
} from './value.ts';

/** Whether a value is before another, both in weak head normal form. Errors say `text`. */
export function compareValues(a: Word, b: Word, text: string): bool {
  pushText(0, text, 0);
  const result = isLess(a, b, text);
  pop();
  return result;
}

function isLess(a: Word, b: Word, text: string): bool {
  const isFloatA = isBoxed(a, BoxKind.Float);
  const isFloatB = isBoxed(b, BoxKind.Float);
  if (isInt(a)) {
    if (isInt(b)) return intOf(a) < intOf(b);
    if (isFloatB) return <f64>intOf(a) < floatOf(b);
    throwTypes(a, b);
  }
  if (isFloatA) {
    if (isFloatB) return floatOf(a) < floatOf(b);
    if (isInt(b)) return floatOf(a) < <f64>intOf(b);
    throwTypes(a, b);
  }
  if (typeNumber(a) != typeNumber(b)) throwTypes(a, b);
  if (tagOf(a) == Tag.String) return compareStrings(addressOf(a), addressOf(b)) < 0;
  if (isBoxed(a, BoxKind.Path)) return compareStrings(textOf(a), textOf(b)) < 0;
  if (tagOf(a) == Tag.List) return isListLess(addressOf(a), addressOf(b), text);
  const template = 'cannot compare %t1 with %t2; values of that type are incomparable (values are %v1 and %v2)';
  throwError(ErrorKind.Eval, 0, template, a, b);
  return false;
}

/** Equal for values of the same type. */
function typeNumber(word: Word): u32 {
  const tag = tagOf(word);
  if (tag == Tag.Boxed) return 8 + load<u32>(addressOf(word));
  if (tag != Tag.Constant) return tag;
  // null, false, true
  return word == 7 ? 16 : 17;
}

function textOf(path: Word): usize {
  return changetype<PathObject>(addressOf(path)).text;
}

function throwTypes(a: Word, b: Word): void {
  throwError(ErrorKind.Eval, 0, 'cannot compare %t1 with %t2; values are %v1 and %v2', a, b);
}

function isListLess(a: usize, b: usize, text: string): bool {
  const countA = listCount(a);
  const countB = listCount(b);
  for (let i: u32 = 0; i < countA && i < countB; i++) {
    if (equalElements(listAt(a, i), listAt(b, i), 0, text)) continue;
    const x = force(listAt(a, i), 0);
    const y = force(listAt(b, i), 0);
    return compareValues(x, y, 'while comparing two list elements');
  }
  return countA < countB;
}
