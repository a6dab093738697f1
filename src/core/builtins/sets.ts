/** Builtins on attribute sets. */
import { Formal, LambdaNode, formalSize } from '../ast.ts';
import {
  attrsCount,
  attrsOfEntries,
  attrsWord,
  emptyAttrs,
  foundPosition,
  groupEntries,
  lookup,
  newAttrs,
  newEntries,
  plainOf,
  setEntry,
  setEntryWord,
  setValueAt,
  shapeOf,
  valueAt,
} from '../attrs.ts';
import { forceAttrs, forceFunction, forceList, forceStringNoContext } from '../coerce.ts';
import { ErrorKind, pushText, throwError } from '../error.ts';
import { delayCall2, force } from '../force.ts';
import { FrameKind, pop } from '../log.ts';
import { FunctionKind, LambdaObject, functionKind } from '../function.ts';
import { nameSymbol, valueSymbol } from '../known-symbols.ts';
import { allocate } from '../memory.ts';
import { positionSet } from '../position.ts';
import { indexOf, newShape, positionAt, setShapeAt, shapeCount, symbolAt } from '../shape.ts';
import { moveTo, pushSiblings } from '../siblings.ts';
import { bytesOf, compareStrings, lengthOf, stringWord } from '../string.ts';
import { type Symbol, intern, nameOf } from '../symbol.ts';
import {
  Tag,
  type Word,
  addressOf,
  boolWord,
  listAt,
  listCount,
  missing,
  newList,
  nullWord,
  setListAt,
  tagOf,
} from '../value.ts';
import { first, second } from './arguments.ts';
import { listWord } from './lists.ts';

/** The attribute that a builtin needs. Throws, saying `text`, where it is missing. */
export function requireAttr(attrs: usize, symbol: Symbol, text: string): Word {
  const word = lookup(attrs, symbol);
  if (word == missing) {
    pushText(0, text, 0);
    throwError(ErrorKind.Type, 0, "attribute '%n1' missing", symbol, 0);
  }
  return word;
}

/** The symbol that a string argument names. */
function symbolOf(word: Word, text: string): Symbol {
  const name = forceStringNoContext(word, 0, text);
  return intern(bytesOf(name), lengthOf(name));
}

/** Indexes into the shape, 4 bytes each, in the order of the names' bytes. */
export function sortedByName(shape: usize): usize {
  const count = shapeCount(shape);
  const order = allocate((<usize>count) << 2);
  for (let i: u32 = 0; i < count; i++) store<u32>(order + ((<usize>i) << 2), i);
  sortByName(shape, order, allocate((<usize>count) << 2), count);
  return order;
}

function indexAt(order: usize, at: u32): u32 {
  return load<u32>(order + ((<usize>at) << 2));
}

function nameAt(shape: usize, order: usize, at: u32): usize {
  return nameOf(symbolAt(shape, indexAt(order, at)));
}

function sortByName(shape: usize, order: usize, scratch: usize, count: u32): void {
  if (count < 2) return;
  const half = count >>> 1;
  sortByName(shape, order, scratch, half);
  sortByName(shape, order + ((<usize>half) << 2), scratch, count - half);
  if (compareStrings(nameAt(shape, order, half - 1), nameAt(shape, order, half)) < 0) return;
  memory.copy(scratch, order, (<usize>half) << 2);
  let i: u32 = 0;
  let j: u32 = half;
  let at: u32 = 0;
  while (i < half && j < count) {
    const takeRight = compareStrings(nameAt(shape, order, j), nameAt(shape, scratch, i)) < 0;
    store<u32>(order + ((<usize>at) << 2), takeRight ? indexAt(order, j) : indexAt(scratch, i));
    at++;
    if (takeRight) j++;
    else i++;
  }
  memory.copy(order + ((<usize>at) << 2), scratch + ((<usize>i) << 2), (<usize>(half - i)) << 2);
}

export function attrNames(args: usize): Word {
  const attrs = plainOf(forceAttrs(first(args), 0, 'while evaluating the argument passed to builtins.attrNames'));
  const shape = shapeOf(attrs);
  const order = sortedByName(shape);
  const names = newList(shapeCount(shape));
  for (let i: u32 = 0; i < shapeCount(shape); i++) setListAt(names, i, stringWord(nameAt(shape, order, i)));
  return listWord(names);
}

export function attrValues(args: usize): Word {
  const attrs = plainOf(forceAttrs(first(args), 0, 'while evaluating the argument passed to builtins.attrValues'));
  const order = sortedByName(shapeOf(attrs));
  const count = attrsCount(attrs);
  const values = newList(count);
  for (let i: u32 = 0; i < count; i++) setListAt(values, i, valueAt(attrs, load<u32>(order + ((<usize>i) << 2))));
  return listWord(values);
}

export function getAttr(args: usize): Word {
  const symbol = symbolOf(first(args), 'while evaluating the first argument passed to builtins.getAttr');
  const attrs = forceAttrs(second(args), 0, 'while evaluating the second argument passed to builtins.getAttr');
  return force(requireAttr(attrs, symbol, 'in the attribute set under consideration'), 0);
}

export function hasAttr(args: usize): Word {
  const symbol = symbolOf(first(args), 'while evaluating the first argument passed to builtins.hasAttr');
  const attrs = forceAttrs(second(args), 0, 'while evaluating the second argument passed to builtins.hasAttr');
  return boolWord(lookup(attrs, symbol) != missing);
}

export function unsafeGetAttrPos(args: usize): Word {
  const symbol = symbolOf(first(args), 'while evaluating the first argument passed to builtins.unsafeGetAttrPos');
  const text = 'while evaluating the second argument passed to builtins.unsafeGetAttrPos';
  const attrs = forceAttrs(second(args), 0, text);
  return lookup(attrs, symbol) == missing ? nullWord : positionSet(foundPosition);
}

export function removeAttrs(args: usize): Word {
  const set = forceAttrs(first(args), 0, 'while evaluating the first argument passed to builtins.removeAttrs');
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.removeAttrs');
  const text = 'while evaluating the values of the second argument passed to builtins.removeAttrs';
  const attrs = plainOf(set);
  const shape = shapeOf(attrs);
  const count = shapeCount(shape);
  // A byte an attribute: whether it goes.
  const gone = allocate(count);
  let left = count;
  for (let i: u32 = 0; i < listCount(list); i++) {
    const index = indexOf(shape, symbolOf(listAt(list, i), text));
    if (index < 0 || load<u8>(gone + index) == 1) continue;
    store<u8>(gone + index, 1);
    left--;
  }
  if (left == count) return attrsWord(set);
  const kept = newShape(left);
  const result = newAttrs(kept);
  let at: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (load<u8>(gone + i) == 1) continue;
    setShapeAt(kept, at, symbolAt(shape, i), positionAt(shape, i));
    setValueAt(result, at++, valueAt(attrs, i));
  }
  return attrsWord(result);
}

export function listToAttrs(args: usize): Word {
  const list = forceList(first(args), 0, 'while evaluating the argument passed to builtins.listToAttrs');
  const count = listCount(list);
  const entries = newEntries(count);
  const elementText = 'while evaluating an element of the list passed to builtins.listToAttrs';
  const nameText = 'while evaluating the `name` attribute of an element of the list passed to builtins.listToAttrs';
  const pairText = 'in a {name=...; value=...;} pair';
  const record = pushSiblings(FrameKind.PairList, list, 0);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    const pair = forceAttrs(listAt(list, i), 0, elementText);
    const nameWord = requireAttr(pair, nameSymbol, pairText);
    const name = forceStringNoContext(nameWord, foundPosition, nameText);
    setEntry(entries, i, intern(bytesOf(name), lengthOf(name)), 0);
    // The value is asked for only of the first pair with a name, below: the others need not have one.
    setEntryWord(entries, i, attrsWord(pair));
  }
  pop();
  const attrs = attrsOfEntries(entries, count);
  const shape = shapeOf(attrs);
  for (let i: u32 = 0; i < shapeCount(shape); i++) {
    const word = requireAttr(addressOf(valueAt(attrs, i)), valueSymbol, pairText);
    setShapeAt(shape, i, symbolAt(shape, i), foundPosition);
    setValueAt(attrs, i, word);
  }
  return attrsWord(attrs);
}

export function intersectAttrs(args: usize): Word {
  const left = forceAttrs(first(args), 0, 'while evaluating the first argument passed to builtins.intersectAttrs');
  const right = forceAttrs(second(args), 0, 'while evaluating the second argument passed to builtins.intersectAttrs');
  // Go through the smaller one, and look up in the other.
  const fromLeft = attrsCount(left) < attrsCount(right);
  const smaller = plainOf(fromLeft ? left : right);
  const larger = fromLeft ? right : left;
  const shape = shapeOf(smaller);
  const count = shapeCount(shape);
  const entries = newEntries(count);
  let found: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const symbol = symbolAt(shape, i);
    const word = lookup(larger, symbol);
    if (word == missing) continue;
    setEntry(entries, found, symbol, fromLeft ? foundPosition : positionAt(shape, i));
    setEntryWord(entries, found++, fromLeft ? word : valueAt(smaller, i));
  }
  return attrsWord(found == 0 ? emptyAttrs() : attrsOfEntries(entries, found));
}

export function catAttrs(args: usize): Word {
  const symbol = symbolOf(first(args), 'while evaluating the first argument passed to builtins.catAttrs');
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.catAttrs');
  const text = 'while evaluating an element in the list passed as second argument to builtins.catAttrs';
  const count = listCount(list);
  const found = newList(count);
  let size: u32 = 0;
  const record = pushSiblings(FrameKind.ForceList, list, 0);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    const word = lookup(forceAttrs(listAt(list, i), 0, text), symbol);
    if (word != missing) setListAt(found, size++, word);
  }
  pop();
  store<u32>(found, size);
  return listWord(found);
}

export function mapAttrs(args: usize): Word {
  const attrs = plainOf(
    forceAttrs(second(args), 0, 'while evaluating the second argument passed to builtins.mapAttrs'),
  );
  const names = shapeOf(attrs);
  const count = shapeCount(names);
  const shape = newShape(count);
  const mapped = newAttrs(shape);
  for (let i: u32 = 0; i < count; i++) {
    const symbol = symbolAt(names, i);
    setShapeAt(shape, i, symbol, 0);
    setValueAt(mapped, i, delayCall2(first(args), stringWord(nameOf(symbol)), valueAt(attrs, i)));
  }
  return attrsWord(mapped);
}

export function zipAttrsWith(args: usize): Word {
  const callee = forceFunction(first(args), 0, 'while evaluating the first argument passed to builtins.zipAttrsWith');
  const list = forceList(second(args), 0, 'while evaluating the second argument passed to builtins.zipAttrsWith');
  const text = 'while evaluating a value of the list passed as second argument to builtins.zipAttrsWith';
  let total: u32 = 0;
  const record = pushSiblings(FrameKind.ForceList, list, 0);
  for (let i: u32 = 0; i < listCount(list); i++) {
    moveTo(record, i);
    total += attrsCount(forceAttrs(listAt(list, i), 0, text));
  }
  pop();
  const entries = newEntries(total);
  let at: u32 = 0;
  for (let i: u32 = 0; i < listCount(list); i++) {
    const attrs = plainOf(addressOf(force(listAt(list, i), 0)));
    const shape = shapeOf(attrs);
    for (let j: u32 = 0; j < shapeCount(shape); j++) {
      setEntry(entries, at, symbolAt(shape, j), 0);
      setEntryWord(entries, at++, valueAt(attrs, j));
    }
  }
  const groups = groupEntries(entries, total);
  const shape = shapeOf(groups);
  for (let i: u32 = 0; i < shapeCount(shape); i++) {
    const name = stringWord(nameOf(symbolAt(shape, i)));
    setValueAt(groups, i, delayCall2(callee, name, valueAt(groups, i)));
  }
  return attrsWord(groups);
}

export function functionArgs(args: usize): Word {
  const value = force(first(args), 0);
  if (tagOf(value) != Tag.Function) throwError(ErrorKind.Type, 0, "'functionArgs' requires a function", 0, 0);
  if (functionKind(addressOf(value)) != FunctionKind.Lambda) return attrsWord(emptyAttrs());
  const lambda = changetype<LambdaNode>(changetype<LambdaObject>(addressOf(value)).node);
  if (!lambda.hasFormals) return attrsWord(emptyAttrs());
  const shape = newShape(lambda.count);
  const result = newAttrs(shape);
  let formal = lambda.formals;
  for (let i: u32 = 0; i < lambda.count; i++, formal += formalSize) {
    const one = changetype<Formal>(formal);
    setShapeAt(shape, i, one.symbol, one.pos);
    setValueAt(result, i, boolWord(one.fallback != 0));
  }
  return attrsWord(result);
}
