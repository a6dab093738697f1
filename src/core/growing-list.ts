/** A list that grows: its words lie one after the other, with room for more. */
import { allocate } from './memory.ts';
import { type Word, listHeader, newList } from './value.ts';

@unmanaged
export class GrowingList {
  words: usize;
  count: u32;
  capacity: u32;
}

export function newGrowingList(capacity: u32): GrowingList {
  const list = changetype<GrowingList>(allocate(16));
  list.words = allocate((<usize>capacity) << 3);
  list.capacity = capacity;
  return list;
}

function ensureRoom(list: GrowingList, count: u32): void {
  const total = list.count + count;
  if (total <= list.capacity) return;
  list.capacity = total * 2;
  const larger = allocate((<usize>list.capacity) << 3);
  memory.copy(larger, list.words, (<usize>list.count) << 3);
  list.words = larger;
}

/** Adds the `count` words at `words`. */
export function appendWords(list: GrowingList, words: usize, count: u32): void {
  ensureRoom(list, count);
  memory.copy(list.words + ((<usize>list.count) << 3), words, (<usize>count) << 3);
  list.count += count;
}

export function appendWord(list: GrowingList, word: Word): void {
  ensureRoom(list, 1);
  store<u64>(list.words + ((<usize>list.count) << 3), word);
  list.count++;
}

export function growingAt(list: GrowingList, index: u32): Word {
  return load<u64>(list.words + ((<usize>index) << 3));
}

/** A list of those words. */
export function listOfGrowing(list: GrowingList): usize {
  const result = newList(list.count);
  memory.copy(result + listHeader, list.words, (<usize>list.count) << 3);
  return result;
}
