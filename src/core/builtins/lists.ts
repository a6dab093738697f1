/** Builtins on lists. */
import { attrsOfEntries, attrsWord, groupEntries, newEntries, setEntry, setEntryWord } from '../attrs.ts';
import { callFunction1, callFunction2, positionOf } from '../call.ts';
import { forceBool, forceFunction, forceInt, forceList, forceStringNoContext } from '../coerce.ts';
import { equalValues } from '../equal.ts';
import { ErrorKind, throwError } from '../error.ts';
import { delayCall1, force } from '../force.ts';
import { emptyList } from '../interpret.ts';
import { rightSymbol, wrongSymbol } from '../known-symbols.ts';
import { FrameKind, pop } from '../log.ts';
import { allocate } from '../memory.ts';
import { moveTo, pushSiblings } from '../siblings.ts';
import { bytesOf, lengthOf } from '../string.ts';
import { intern } from '../symbol.ts';
import {
  Tag,
  type Word,
  falseWord,
  intWord,
  listAt,
  listCount,
  listHeader,
  newList,
  setListAt,
  trueWord,
  wordOf,
} from '../value.ts';
import { first, second, third } from './arguments.ts';

export function listWord(list: usize): Word {
  return wordOf(Tag.List, list);
}

export function elemAt(args: usize): Word {
  const index = forceInt(second(args), 0, "while evaluating the second argument passed to 'builtins.elemAt'");
  const list = forceList(first(args), 0, "while evaluating the first argument passed to 'builtins.elemAt'");
  if (<u64>index >= <u64>listCount(list)) {
    const template = "'builtins.elemAt' called with index %i1 on a list of size %u2";
    throwError(ErrorKind.Eval, 0, template, intWord(index), listCount(list));
  }
  return force(listAt(list, <u32>index), 0);
}

export function head(args: usize): Word {
  const list = forceList(first(args), 0, "while evaluating the first argument passed to 'builtins.head'");
  if (listCount(list) == 0) throwError(ErrorKind.Eval, 0, "'builtins.head' called on an empty list", 0, 0);
  return force(listAt(list, 0), 0);
}

export function tail(args: usize): Word {
  const list = forceList(first(args), 0, "while evaluating the first argument passed to 'builtins.tail'");
  const count = listCount(list);
  if (count == 0) throwError(ErrorKind.Eval, 0, "'builtins.tail' called on an empty list", 0, 0);
  const rest = newList(count - 1);
  memory.copy(rest + listHeader, list + listHeader + 8, (<usize>(count - 1)) << 3);
  return listWord(rest);
}

export function length(args: usize): Word {
  const list = forceList(first(args), 0, 'while evaluating the first argument passed to builtins.length');
  return intWord(listCount(list));
}

export function map(args: usize): Word {
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.map');
  const count = listCount(list);
  if (count == 0) return listWord(list);
  const callee = forceFunction(first(args), 0, 'while evaluating the first argument passed to builtins.map');
  const mapped = newList(count);
  for (let i: u32 = 0; i < count; i++) setListAt(mapped, i, delayCall1(callee, listAt(list, i)));
  return listWord(mapped);
}

export function filter(args: usize): Word {
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.filter');
  const count = listCount(list);
  if (count == 0) return listWord(list);
  const callee = forceFunction(first(args), 0, 'while evaluating the first argument passed to builtins.filter');
  const text = 'while evaluating the return value of the filtering function passed to builtins.filter';
  const kept = newList(count);
  let size: u32 = 0;
  const record = pushSiblings(FrameKind.CallList, list, <usize>callee);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    const word = listAt(list, i);
    if (forceBool(callFunction1(callee, word, 0), 0, text)) setListAt(kept, size++, word);
  }
  pop();
  if (size == count) return listWord(list);
  return listWord(shortened(kept, size));
}

/** A list whose last elements are not used after all. */
function shortened(list: usize, count: u32): usize {
  store<u32>(list, count);
  return list;
}

export function elem(args: usize): Word {
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.elem');
  const text = 'while searching for the presence of the given element in the list';
  const wanted = first(args);
  for (let i: u32 = 0; i < listCount(list); i++) {
    const word = listAt(list, i);
    if (word == wanted) {
      force(word, 0);
      return trueWord;
    }
    if (equalValues(wanted, word, 0, text)) return trueWord;
  }
  return falseWord;
}

/** All elements of the `count` lists whose addresses are at `lists`. */
function concatAll(lists: usize, count: u32): usize {
  let total: u32 = 0;
  for (let i: u32 = 0; i < count; i++) total += listCount(load<u32>(lists + ((<usize>i) << 2)));
  if (total == 0) return emptyList();
  const joined = newList(total);
  let at = joined + listHeader;
  for (let i: u32 = 0; i < count; i++) {
    const list = load<u32>(lists + ((<usize>i) << 2));
    const size = listCount(list);
    if (size == total) return list;
    memory.copy(at, <usize>list + listHeader, (<usize>size) << 3);
    at += (<usize>size) << 3;
  }
  return joined;
}

export function concatLists(args: usize): Word {
  const list = forceList(first(args), 0, 'while evaluating the first argument passed to builtins.concatLists');
  const count = listCount(list);
  const lists = allocate((<usize>count) << 2);
  const text = 'while evaluating a value of the list passed to builtins.concatLists';
  const record = pushSiblings(FrameKind.ForceList, list, 0);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    store<u32>(lists + ((<usize>i) << 2), <u32>forceList(listAt(list, i), 0, text));
  }
  pop();
  return listWord(concatAll(lists, count));
}

export function concatMap(args: usize): Word {
  const callee = forceFunction(first(args), 0, 'while evaluating the first argument passed to builtins.concatMap');
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.concatMap');
  const count = listCount(list);
  const lists = allocate((<usize>count) << 2);
  const text = 'while evaluating the return value of the function passed to builtins.concatMap';
  const record = pushSiblings(FrameKind.CallList, list, <usize>callee);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    const result = callFunction1(callee, listAt(list, i), 0);
    store<u32>(lists + ((<usize>i) << 2), <u32>forceList(result, positionOf(result, positionOf(callee, 0)), text));
  }
  pop();
  return listWord(concatAll(lists, count));
}

export function foldl(args: usize): Word {
  const callee = forceFunction(first(args), 0, 'while evaluating the first argument passed to builtins.foldlStrict');
  const list = forceList(third(args), 0, 'while evaluating the third argument passed to builtins.foldlStrict');
  const count = listCount(list);
  let value = second(args);
  const record = pushSiblings(FrameKind.FoldList, list, <usize>callee);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    value = callFunction2(callee, value, listAt(list, i), 0);
  }
  pop();
  return force(value, 0);
}

export function any(args: usize): Word {
  const callee = forceFunction(first(args), 0, 'while evaluating the first argument passed to builtins.any');
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.any');
  const text = 'while evaluating the return value of the function passed to builtins.any';
  for (let i: u32 = 0; i < listCount(list); i++) {
    if (forceBool(callFunction1(callee, listAt(list, i), 0), 0, text)) return trueWord;
  }
  return falseWord;
}

export function all(args: usize): Word {
  const callee = forceFunction(first(args), 0, 'while evaluating the first argument passed to builtins.all');
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.all');
  const text = 'while evaluating the return value of the function passed to builtins.all';
  for (let i: u32 = 0; i < listCount(list); i++) {
    if (!forceBool(callFunction1(callee, listAt(list, i), 0), 0, text)) return falseWord;
  }
  return trueWord;
}

export function genList(args: usize): Word {
  const count = forceInt(second(args), 0, 'while evaluating the second argument passed to builtins.genList');
  if (count < 0 || count > 0x1fffffff) {
    throwError(ErrorKind.Eval, 0, 'cannot create list of size %i1', intWord(count), 0);
  }
  const callee = forceFunction(first(args), 0, 'while evaluating the first argument passed to builtins.genList');
  const list = newList(<u32>count);
  for (let i: u32 = 0; i < <u32>count; i++) setListAt(list, i, delayCall1(callee, intWord(i)));
  return listWord(list);
}

export function partition(args: usize): Word {
  const callee = forceFunction(first(args), 0, 'while evaluating the first argument passed to builtins.partition');
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.partition');
  const text = 'while evaluating the return value of the partition function passed to builtins.partition';
  const count = listCount(list);
  const right = newList(count);
  const wrong = newList(count);
  let rightCount: u32 = 0;
  let wrongCount: u32 = 0;
  const record = pushSiblings(FrameKind.CallList, list, <usize>callee);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    const word = listAt(list, i);
    force(word, 0);
    if (forceBool(callFunction1(callee, word, 0), 0, text)) setListAt(right, rightCount++, word);
    else setListAt(wrong, wrongCount++, word);
  }
  pop();
  const entries = newEntries(2);
  setEntry(entries, 0, rightSymbol, 0);
  setEntryWord(entries, 0, listWord(shortened(right, rightCount)));
  setEntry(entries, 1, wrongSymbol, 0);
  setEntryWord(entries, 1, listWord(shortened(wrong, wrongCount)));
  return attrsWord(attrsOfEntries(entries, 2));
}

export function groupBy(args: usize): Word {
  const callee = forceFunction(first(args), 0, 'while evaluating the first argument passed to builtins.groupBy');
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.groupBy');
  const text = 'while evaluating the return value of the grouping function passed to builtins.groupBy';
  const count = listCount(list);
  const entries = newEntries(count);
  const record = pushSiblings(FrameKind.CallList, list, <usize>callee);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    const name = forceStringNoContext(callFunction1(callee, listAt(list, i), 0), 0, text);
    setEntry(entries, i, intern(bytesOf(name), lengthOf(name)), 0);
    setEntryWord(entries, i, listAt(list, i));
  }
  pop();
  return attrsWord(groupEntries(entries, count));
}
