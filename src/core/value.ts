/**
 * A value is a word of 64 bits whose low three bits, the tag, say what it is:
 *
 *     Ref        0   address of a cell, whose contents are what is meant
 *     Int        1   an integer of 61 bits, in the bits above
 *     String     2   address of a StringObject
 *     Attrs      3   address of an AttrsObject
 *     List       4   address of a ListObject
 *     Function   5   address of a LambdaObject, PrimOpObject or PrimOpApp
 *     Boxed      6   address of a FloatObject, BigIntObject, PathObject or ExternalObject
 *     Constant   7   null, false, true
 *
 * Addresses have 32 bits; the upper half of such a word is zero. A word whose tag is not Ref is in weak head normal form.
 *
 * A cell is one word of memory. Once evaluated it holds a word in weak head normal form. Before, its tag is 0 and it
 * holds the thunk itself: the node in the lower 32 bits, the environment in the upper; 0 while it is being evaluated
 * (a black hole). So a thunk costs 8 bytes and is overwritten by its value.
 */
import { allocate } from './memory.ts';
import { Counted, tally } from './observe.ts';

export type Word = u64;

export const enum Tag {
  Ref = 0,
  Int = 1,
  String = 2,
  Attrs = 3,
  List = 4,
  Function = 5,
  Boxed = 6,
  Constant = 7,
}

export const nullWord: Word = 7;
export const falseWord: Word = 15;
export const trueWord: Word = 23;
/** No value: what a lookup returns that finds nothing. */
export const missing: Word = 31;

export function tagOf(word: Word): u32 {
  return <u32>word & 7;
}

/** The object of a word whose tag is String to Boxed. */
export function addressOf(word: Word): usize {
  return <usize>word & ~7;
}

export function wordOf(tag: Tag, address: usize): Word {
  return <u64>address | <u64>tag;
}

export function boolWord(value: bool): Word {
  return value ? trueWord : falseWord;
}

// Integers

const maxInline: i64 = (1 << 60) - 1;
const minInline: i64 = -(1 << 60);

export const enum BoxKind {
  Float = 1,
  BigInt = 2,
  Path = 3,
  External = 4,
}

/** What every boxed object starts with. */
@unmanaged
export class Box {
  kind: u32;
  reserved: u32;
}

/** An integer that 61 bits do not hold. */
@unmanaged
export class BigIntObject extends Box {
  value: i64;
}

@unmanaged
export class FloatObject extends Box {
  value: f64;
}

/** A path: absolute, canonical. `text` is a StringObject without context. */
@unmanaged
export class PathObject extends Box {
  text: usize;
  /** Which tree the path is in: 0 the file system, others the host's. */
  accessor: u32;
}

export function intWord(value: i64): Word {
  if (value <= maxInline && value >= minInline) return ((<u64>value) << 3) | Tag.Int;
  const box = changetype<BigIntObject>(allocate(16));
  box.kind = BoxKind.BigInt;
  box.value = value;
  return wordOf(Tag.Boxed, changetype<usize>(box));
}

export function floatWord(value: f64): Word {
  const box = changetype<FloatObject>(allocate(16));
  box.kind = BoxKind.Float;
  box.value = value;
  return wordOf(Tag.Boxed, changetype<usize>(box));
}

export function pathWord(text: usize, accessor: u32): Word {
  const box = changetype<PathObject>(allocate(16));
  box.kind = BoxKind.Path;
  box.text = text;
  box.accessor = accessor;
  return wordOf(Tag.Boxed, changetype<usize>(box));
}

export function boxKindOf(word: Word): u32 {
  return changetype<Box>(addressOf(word)).kind;
}

export function isInt(word: Word): bool {
  return tagOf(word) == Tag.Int || (tagOf(word) == Tag.Boxed && boxKindOf(word) == BoxKind.BigInt);
}

export function isBoxed(word: Word, kind: BoxKind): bool {
  return tagOf(word) == Tag.Boxed && boxKindOf(word) == kind;
}

/** Of a word that `isInt`. */
export function intOf(word: Word): i64 {
  return tagOf(word) == Tag.Int ? <i64>word >> 3 : changetype<BigIntObject>(addressOf(word)).value;
}

/** Of a word that is boxed as a float. */
export function floatOf(word: Word): f64 {
  return changetype<FloatObject>(addressOf(word)).value;
}

// Cells

export function newCell(word: Word): usize {
  const cell = allocate(8);
  tally(Counted.Values, 1);
  store<u64>(cell, word);
  return cell;
}

/** A word that means `node` in `env`, evaluated when it is needed. */
export function newThunk(node: usize, env: usize): Word {
  tally(Counted.Thunks, 1);
  return <u64>newCell(<u64>node | ((<u64>env) << 32));
}

// Lists

/** `count` words follow. */
@unmanaged
export class ListObject {
  count: u32;
  reserved: u32;
}

export const listHeader: usize = 8;

/** A list of `count` words, which the caller fills in. */
export function newList(count: u32): usize {
  const list = allocate(listHeader + ((<usize>count) << 3));
  tally(Counted.Lists, 1);
  tally(Counted.ListElements, count);
  changetype<ListObject>(list).count = count;
  return list;
}

export function listCount(list: usize): u32 {
  return changetype<ListObject>(list).count;
}

export function listAt(list: usize, index: u32): Word {
  return load<u64>(list + ((<usize>index) << 3), listHeader);
}

export function setListAt(list: usize, index: u32, word: Word): void {
  store<u64>(list + ((<usize>index) << 3), word, listHeader);
}
