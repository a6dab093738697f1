/**
 * `builtins.sort`: stable, and safe with orders that are none. It is the peeksort of Munro and Wild ("Nearly-Optimal
 * Mergesorts", 2018) with insertion for small parts, as in C++ Nix: which elements are compared, and when, shows in
 * errors and in what orders trace.
 */
import { callFunction2 } from '../call.ts';
import { forceBool, forceFunction, forceList } from '../coerce.ts';
import { compareValues } from '../compare.ts';
import { force } from '../force.ts';
import { BuiltinObject, FunctionKind, functionKind } from '../function.ts';
import { allocate } from '../memory.ts';
import { Tag, type Word, addressOf, listCount, listHeader, newList, tagOf } from '../value.ts';
import { first, second } from './arguments.ts';
import { Builtin } from './ids.ts';
import { listWord } from './lists.ts';

const orderText = 'while evaluating the ordering function passed to builtins.sort';
const resultText = 'while evaluating the return value of the sorting function passed to builtins.sort';

/** Up to so many elements are put in order one by one. */
const smallPart: u32 = 16;

/** What is being sorted: an order may itself sort, so this is nothing global. */
@unmanaged
class Sorting {
  order: Word;
  words: usize;
  /** As large as the list. */
  buffer: usize;
}

export function sort(args: usize): Word {
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.sort');
  const count = listCount(list);
  if (count == 0) return listWord(list);
  const given = forceFunction(first(args), 0, 'while evaluating the first argument passed to builtins.sort');
  const sorted = newList(count);
  const elements = sorted + listHeader;
  memory.copy(elements, list + listHeader, (<usize>count) << 3);
  for (let i: u32 = 0; i < count; i++) force(load<u64>(elements + ((<usize>i) << 3)), 0);
  if (count > 1) sortElements(elements, count, given);
  return listWord(sorted);
}

function sortElements(words: usize, count: u32, order: Word): void {
  const sorting = changetype<Sorting>(allocate(offsetof<Sorting>()));
  sorting.order = order;
  sorting.words = words;
  if (count == 2) {
    if (isBefore(sorting, 1, 0)) swap(sorting, 0, 1);
    return;
  }
  sorting.buffer = allocate((<usize>count) << 3);
  sortPart(sorting, 0, count, 0, count);
}

function isLess(a: Word, b: Word, order: Word): bool {
  if (isLessThan(order)) return compareValues(force(a, 0), force(b, 0), orderText);
  return forceBool(callFunction2(order, a, b, 0), 0, resultText);
}

/** Whether the order is `builtins.lessThan` itself, which needs no call. */
function isLessThan(order: Word): bool {
  if (tagOf(order) != Tag.Function || functionKind(addressOf(order)) != FunctionKind.Builtin) return false;
  return changetype<BuiltinObject>(addressOf(order)).id == Builtin.LessThan;
}

function at(words: usize, index: u32): Word {
  return load<u64>(words + ((<usize>index) << 3));
}

function put(words: usize, index: u32, word: Word): void {
  store<u64>(words + ((<usize>index) << 3), word);
}

function isBefore(sorting: Sorting, a: u32, b: u32): bool {
  return isLess(at(sorting.words, a), at(sorting.words, b), sorting.order);
}

function swap(sorting: Sorting, a: u32, b: u32): void {
  const words = sorting.words;
  const word = at(words, a);
  put(words, a, at(words, b));
  put(words, b, word);
}

/**
 * Sorts the elements from `begin` to before `end`. Those before `leftEnd` and those from `rightBegin` on are in order
 * already.
 */
function sortPart(sorting: Sorting, begin: u32, end: u32, leftEnd: u32, rightBegin: u32): void {
  if (leftEnd == end || rightBegin == begin) return;
  if (end - begin <= smallPart) return insertAll(sorting, begin, end);
  const middle = begin + ((end - begin) >>> 1);
  if (middle <= leftEnd) {
    sortPart(sorting, leftEnd, end, leftEnd + 1, rightBegin);
    return merge(sorting, begin, leftEnd, end);
  }
  if (middle >= rightBegin) {
    sortPart(sorting, begin, rightBegin, leftEnd, rightBegin - 1);
    return merge(sorting, begin, rightBegin, end);
  }
  // The run around the middle.
  const isFalling = isBefore(sorting, middle, middle - 1);
  let from = middle;
  while (from - 1 > leftEnd && isBefore(sorting, from - 1, from - 2) == isFalling) from--;
  from--;
  let to = middle - 1;
  while (to + 1 != rightBegin && isBefore(sorting, to + 1, to) == isFalling) to++;
  to++;
  if (isFalling) reverse(sorting, from, to);
  if (from == begin && to == end) return;
  if (middle - from < to - middle) {
    sortPart(sorting, begin, from, leftEnd, from - 1);
    sortPart(sorting, from, end, to, rightBegin);
    merge(sorting, begin, from, end);
  } else {
    sortPart(sorting, begin, to, leftEnd, from);
    sortPart(sorting, to, end, to + 1, rightBegin);
    merge(sorting, begin, to, end);
  }
}

function insertAll(sorting: Sorting, begin: u32, end: u32): void {
  for (let i = begin + 1; i < end; i++) {
    for (let j = i; j > begin && isBefore(sorting, j, j - 1); j--) swap(sorting, j, j - 1);
  }
}

function reverse(sorting: Sorting, begin: u32, end: u32): void {
  let i = begin;
  let j = end;
  while (i + 1 < j) swap(sorting, i++, --j);
}

/** Makes one run of two that meet at `middle`. Of equal elements those on the left come first. */
function merge(sorting: Sorting, begin: u32, middle: u32, end: u32): void {
  const words = sorting.words;
  const buffer = sorting.buffer;
  const count = end - begin;
  const half = middle - begin;
  memory.copy(buffer, words + ((<usize>begin) << 3), (<usize>count) << 3);
  let left: u32 = 0;
  let right = half;
  let to = begin;
  while (left < half && right < count) {
    const takesRight = isLess(at(buffer, right), at(buffer, left), sorting.order);
    put(words, to++, takesRight ? at(buffer, right++) : at(buffer, left++));
  }
  memory.copy(words + ((<usize>to) << 3), buffer + ((<usize>left) << 3), (<usize>(half - left)) << 3);
  to += half - left;
  memory.copy(words + ((<usize>to) << 3), buffer + ((<usize>right) << 3), (<usize>(count - right)) << 3);
}
