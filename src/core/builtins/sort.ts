/** `builtins.sort`: stable, and safe with orders that are none. */
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

export function sort(args: usize): Word {
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.sort');
  const count = listCount(list);
  if (count == 0) return listWord(list);
  const order = forceFunction(first(args), 0, 'while evaluating the first argument passed to builtins.sort');
  const sorted = newList(count);
  const words = sorted + listHeader;
  memory.copy(words, list + listHeader, <usize>count << 3);
  for (let i: u32 = 0; i < count; i++) force(load<u64>(words + (<usize>i << 3)), 0);
  mergeSort(words, allocate(<usize>count << 3), count, order);
  return listWord(sorted);
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
  return load<u64>(words + (<usize>index << 3));
}

function mergeSort(words: usize, scratch: usize, count: u32, order: Word): void {
  if (count < 2) return;
  const half = count >>> 1;
  mergeSort(words, scratch, half, order);
  mergeSort(words + (<usize>half << 3), scratch, count - half, order);
  // In order already, as lists often are.
  if (!isLess(at(words, half), at(words, half - 1), order)) return;
  memory.copy(scratch, words, <usize>half << 3);
  let i: u32 = 0;
  let j: u32 = half;
  let to: u32 = 0;
  while (i < half && j < count) {
    const takeRight = isLess(at(words, j), at(scratch, i), order);
    store<u64>(words + (<usize>to << 3), takeRight ? at(words, j++) : at(scratch, i++));
    to++;
  }
  memory.copy(words + (<usize>to << 3), scratch + (<usize>i << 3), <usize>(half - i) << 3);
}
