/**
 * Attribute sets. A plain set is a shape (shape.ts) and a word for each of its names. The result of `//` with a small
 * right side is a layer: a plain set on top of another set, so that adding one name to fifteen thousand copies one word.
 */
import { allocate, memoryUsed, release } from './memory.ts';
import { indexOf, newShape, positionAt, setShapeAt, shapeCount, symbolAt } from './shape.ts';
import type { Symbol } from './symbol.ts';
import { Tag, type Word, missing, newList, setListAt, wordOf } from './value.ts';
import { Counted, tally } from './observe.ts';

/** The words of the shape's names follow. */
@unmanaged
export class AttrsObject {
  shape: usize;
  /** Address of a Layer where this lies on top of another set; 0 for a plain set. */
  layer: usize;
}

@unmanaged
class Layer {
  /** The set below. */
  base: usize;
  /** Names of both together. */
  count: u32;
  /** Sets on top of each other, this one included. */
  depth: u32;
  /** The same set as a plain one, once somebody had to go through all of it. */
  plain: usize;
}

const attrsHeader: usize = 8;

/** Sets on top of each other that a lookup goes through at most. */
const maxDepth: u32 = 8;

/** A right side of more names than this is merged, not laid on top; as is everything onto a left side of fewer. */
const layerRightLimit: u32 = 16;
const layerLeftLimit: u32 = 32;

/** A plain set whose words the caller fills in (`setValueAt`). */
export function newAttrs(shape: usize): usize {
  const attrs = allocate(attrsHeader + ((<usize>shapeCount(shape)) << 3));
  changetype<AttrsObject>(attrs).shape = shape;
  tally(Counted.Sets, 1);
  tally(Counted.SetElements, shapeCount(shape));
  return attrs;
}

let emptyAttrsObject: usize = 0;

export function emptyAttrs(): usize {
  if (emptyAttrsObject == 0) emptyAttrsObject = newAttrs(newShape(0));
  return emptyAttrsObject;
}

export function attrsWord(attrs: usize): Word {
  return wordOf(Tag.Attrs, attrs);
}

/** Of a plain set. */
export function shapeOf(attrs: usize): usize {
  return changetype<AttrsObject>(attrs).shape;
}

function layerOf(attrs: usize): usize {
  return changetype<AttrsObject>(attrs).layer;
}

export function isPlain(attrs: usize): bool {
  return layerOf(attrs) == 0;
}

/** Of a plain set. */
export function valueAt(attrs: usize, index: u32): Word {
  return load<u64>(attrs + ((<usize>index) << 3), attrsHeader);
}

export function setValueAt(attrs: usize, index: u32, word: Word): void {
  store<u64>(attrs + ((<usize>index) << 3), word, attrsHeader);
}

/** Number of names. */
export function attrsCount(attrs: usize): u32 {
  const layer = layerOf(attrs);
  return layer == 0 ? shapeCount(shapeOf(attrs)) : changetype<Layer>(layer).count;
}

/** Position of the attribute that `lookup` found last. */
export let foundPosition: u32 = 0;

export function setFoundPosition(position: u32): void {
  foundPosition = position;
}

/** The word of `symbol`, and its position in `foundPosition`; `missing` where the set has none. */
export function lookup(attrs: usize, symbol: Symbol): Word {
  let set = attrs;
  while (set != 0) {
    const shape = shapeOf(set);
    const index = indexOf(shape, symbol);
    if (index >= 0) {
      foundPosition = positionAt(shape, index);
      return valueAt(set, index);
    }
    const layer = layerOf(set);
    set = layer == 0 ? 0 : changetype<Layer>(layer).base;
  }
  return missing;
}

/** The same set as a plain one, for going through all of it in the order of its symbols. */
export function plainOf(attrs: usize): usize {
  const layer = layerOf(attrs);
  if (layer == 0) return attrs;
  const known = changetype<Layer>(layer).plain;
  if (known != 0) return known;
  const plain = merge(plainOf(changetype<Layer>(layer).base), attrs, changetype<Layer>(layer).count);
  changetype<Layer>(layer).plain = plain;
  return plain;
}

/** `left // right`: the names of both, with the words of `right` where both have one. */
export function update(left: usize, right: usize): usize {
  const leftCount = attrsCount(left);
  if (leftCount == 0) return right;
  const rightCount = attrsCount(right);
  if (rightCount == 0) return left;
  if (rightCount <= layerRightLimit && leftCount >= layerLeftLimit && isPlain(right)) {
    const below = layerOf(left);
    const depth: u32 = below == 0 ? 1 : changetype<Layer>(below).depth;
    if (depth < maxDepth) return layOnTop(left, right, leftCount, depth);
  }
  const plainLeft = plainOf(left);
  const plainRight = plainOf(right);
  return merge(plainLeft, plainRight, countBoth(shapeOf(plainLeft), shapeOf(plainRight)));
}

function layOnTop(left: usize, right: usize, leftCount: u32, depth: u32): usize {
  const shape = shapeOf(right);
  const attrs = newAttrs(shape);
  const count = shapeCount(shape);
  memory.copy(attrs + attrsHeader, right + attrsHeader, (<usize>count) << 3);
  let total = leftCount;
  for (let i: u32 = 0; i < count; i++) if (lookup(left, symbolAt(shape, i)) == missing) total++;
  const layer = allocate(16);
  changetype<Layer>(layer).base = left;
  changetype<Layer>(layer).count = total;
  changetype<Layer>(layer).depth = depth + 1;
  changetype<AttrsObject>(attrs).layer = layer;
  return attrs;
}

function countBoth(a: usize, b: usize): u32 {
  const countA = shapeCount(a);
  const countB = shapeCount(b);
  let both: u32 = 0;
  let i: u32 = 0;
  let j: u32 = 0;
  while (i < countA && j < countB) {
    const x = symbolAt(a, i);
    const y = symbolAt(b, j);
    if (x <= y) i++;
    if (y <= x) j++;
    if (x == y) both++;
  }
  return countA + countB - both;
}

/** Of two plain sets (a layer counts as the plain set that lies on top), which have `count` names together. */
function merge(left: usize, right: usize, count: u32): usize {
  const leftShape = shapeOf(left);
  const rightShape = shapeOf(right);
  const leftCount = shapeCount(leftShape);
  const rightCount = shapeCount(rightShape);
  // The same names as one of the sides: the values of both in its shape.
  if (count == rightCount) {
    const copy = newAttrs(rightShape);
    memory.copy(copy + attrsHeader, right + attrsHeader, (<usize>count) << 3);
    return copy;
  }
  const shape = newShape(count);
  const attrs = newAttrs(shape);
  let i: u32 = 0;
  let j: u32 = 0;
  for (let at: u32 = 0; at < count; at++) {
    const x: Symbol = i < leftCount ? symbolAt(leftShape, i) : u32.MAX_VALUE;
    const y: Symbol = j < rightCount ? symbolAt(rightShape, j) : u32.MAX_VALUE;
    if (y <= x) {
      setShapeAt(shape, at, y, positionAt(rightShape, j));
      setValueAt(attrs, at, valueAt(right, j));
      j++;
      if (x == y) i++;
    } else {
      setShapeAt(shape, at, x, positionAt(leftShape, i));
      setValueAt(attrs, at, valueAt(left, i));
      i++;
    }
  }
  return attrs;
}

// Building a set whose names come in any order

@unmanaged
class Entry {
  symbol: Symbol;
  position: u32;
  word: Word;
}

const entrySize: usize = 16;

/** Memory for `count` entries, to be filled with `setEntry` and made a set by `attrsOfEntries`. */
export function newEntries(count: u32): usize {
  return allocate((<usize>count) << 4);
}

export function setEntry(entries: usize, index: u32, symbol: Symbol, position: u32): void {
  const entry = changetype<Entry>(entries + ((<usize>index) << 4));
  entry.symbol = symbol;
  entry.position = position;
}

export function setEntryWord(entries: usize, index: u32, word: Word): void {
  changetype<Entry>(entries + ((<usize>index) << 4)).word = word;
}

/** The set of `count` entries. Of several with the same name the first stays. */
export function attrsOfEntries(entries: usize, count: u32): usize {
  sortEntries(entries, count);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (kept > 0 && symbolOfEntry(entries, i) == symbolOfEntry(entries, kept - 1)) continue;
    if (i != kept) memory.copy(entries + ((<usize>kept) << 4), entries + ((<usize>i) << 4), entrySize);
    kept++;
  }
  const shape = newShape(kept);
  const attrs = newAttrs(shape);
  for (let i: u32 = 0; i < kept; i++) {
    const entry = changetype<Entry>(entries + ((<usize>i) << 4));
    setShapeAt(shape, i, entry.symbol, entry.position);
    setValueAt(attrs, i, entry.word);
  }
  return attrs;
}

function symbolOfEntry(entries: usize, index: u32): Symbol {
  return changetype<Entry>(entries + ((<usize>index) << 4)).symbol;
}

/** By symbol; stable. Insertion for few, merging for many. */
function sortEntries(entries: usize, count: u32): void {
  let sorted = true;
  for (let i: u32 = 1; i < count; i++) {
    if (symbolOfEntry(entries, i) < symbolOfEntry(entries, i - 1)) {
      sorted = false;
      break;
    }
  }
  if (sorted) return;
  const mark = memoryUsed();
  mergeSort(entries, allocate((<usize>count) << 4), count);
  release(mark);
}

function mergeSort(entries: usize, scratch: usize, count: u32): void {
  if (count < 12) return insertionSort(entries, count);
  const half = count >>> 1;
  mergeSort(entries, scratch, half);
  mergeSort(entries + ((<usize>half) << 4), scratch, count - half);
  memory.copy(scratch, entries, (<usize>half) << 4);
  let i: u32 = 0;
  let j: u32 = half;
  let at: u32 = 0;
  while (i < half && j < count) {
    if (symbolOfEntry(entries, j) < symbolOfEntry(scratch, i)) {
      memory.copy(entries + ((<usize>at) << 4), entries + ((<usize>j) << 4), entrySize);
      j++;
    } else {
      memory.copy(entries + ((<usize>at) << 4), scratch + ((<usize>i) << 4), entrySize);
      i++;
    }
    at++;
  }
  memory.copy(entries + ((<usize>at) << 4), scratch + ((<usize>i) << 4), (<usize>(half - i)) << 4);
}

function insertionSort(entries: usize, count: u32): void {
  for (let i: u32 = 1; i < count; i++) {
    const at = entries + ((<usize>i) << 4);
    const head = load<u64>(at);
    const word = load<u64>(at, 8);
    const symbol = <u32>head;
    let j = i;
    while (j > 0 && symbolOfEntry(entries, j - 1) > symbol) {
      memory.copy(entries + ((<usize>j) << 4), entries + ((<usize>(j - 1)) << 4), entrySize);
      j--;
    }
    store<u64>(entries + ((<usize>j) << 4), head);
    store<u64>(entries + ((<usize>j) << 4), word, 8);
  }
}

/** The set of lists that the words of `count` entries make, one for each name, in the order that they came. */
export function groupEntries(entries: usize, count: u32): usize {
  sortEntries(entries, count);
  let groups: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (i == 0 || symbolOfEntry(entries, i) != symbolOfEntry(entries, i - 1)) groups++;
  }
  const shape = newShape(groups);
  const attrs = newAttrs(shape);
  let start: u32 = 0;
  for (let group: u32 = 0; group < groups; group++) {
    const symbol = symbolOfEntry(entries, start);
    let end = start + 1;
    while (end < count && symbolOfEntry(entries, end) == symbol) end++;
    const list = newList(end - start);
    for (let i = start; i < end; i++) {
      setListAt(list, i - start, changetype<Entry>(entries + ((<usize>i) << 4)).word);
    }
    setShapeAt(shape, group, symbol, 0);
    setValueAt(attrs, group, wordOf(Tag.List, list));
    start = end;
  }
  return attrs;
}
