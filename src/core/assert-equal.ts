/** Why an asserted equality does not hold: the difference that `equal.ts` stopped at. */
import { attrsCount, lookup, plainOf, shapeOf, valueAt } from './attrs.ts';
import { equalValues, isDerivation } from './equal.ts';
import { ErrorKind, pushText, throwError } from './error.ts';
import { force } from './force.ts';
import { outPathSymbol } from './known-symbols.ts';
import { throwDifference, throwNameDifference } from './host.ts';
import { enter, leave, pop } from './log.ts';
import { positionAt, symbolAt } from './shape.ts';
import { Tag, type Word, addressOf, listAt, listCount, missing, tagOf } from './value.ts';

/** Throws if the values differ. */
export function assertEqual(a: Word, b: Word, pos: u32): void {
  enter(pos);
  const x = force(a, pos);
  const y = force(b, pos);
  if (tagOf(x) == Tag.List && tagOf(y) == Tag.List) assertLists(x, y, pos);
  else if (tagOf(x) == Tag.Attrs && tagOf(y) == Tag.Attrs) assertAttrs(x, y, pos);
  else if (!equalValues(x, y, pos, '')) throwDifference(x, y);
  leave();
}

function assertElements(a: Word, b: Word, pos: u32): void {
  if (a == b) force(a, pos);
  else assertEqual(a, b, pos);
}

function assertLists(x: Word, y: Word, pos: u32): void {
  const a = addressOf(x);
  const b = addressOf(y);
  const count = listCount(a);
  if (count != listCount(b)) throwDifference(x, y);
  for (let i: u32 = 0; i < count; i++) {
    pushText(pos, 'while comparing list element %u1', i);
    assertElements(listAt(a, i), listAt(b, i), pos);
    pop();
  }
}

function assertAttrs(x: Word, y: Word, pos: u32): void {
  const a = addressOf(x);
  const b = addressOf(y);
  if (isDerivation(a) && isDerivation(b)) {
    const left = lookup(a, outPathSymbol);
    const right = lookup(b, outPathSymbol);
    if (left != missing && right != missing) {
      pushText(pos, "while comparing a derivation by its 'outPath' attribute", 0);
      assertElements(left, right, pos);
      pop();
      return;
    }
  }
  const count = attrsCount(a);
  if (count != attrsCount(b))
    throwError(ErrorKind.Assertion, 0, "attribute names of attribute set '%v1' differs from attribute set '%v2'", x, y);
  const left = plainOf(a);
  const right = plainOf(b);
  for (let i: u32 = 0; i < count; i++) {
    const symbol = symbolAt(shapeOf(left), i);
    const other = symbolAt(shapeOf(right), i);
    if (symbol != other) throwName(x, y, symbol, other);
    const leftPos = positionAt(shapeOf(left), i);
    const rightPos = positionAt(shapeOf(right), i);
    pushText(pos, "while comparing attribute '%n1'", symbol);
    if (leftPos != 0) pushText(leftPos, 'where left hand side is', 0);
    if (rightPos != 0) pushText(rightPos, 'where right hand side is', 0);
    assertElements(valueAt(left, i), valueAt(right, i), pos);
    if (rightPos != 0) pop();
    if (leftPos != 0) pop();
    pop();
  }
}

/** The sets have equally many names, so the first place where they differ has one that the other set lacks. */
function throwName(x: Word, y: Word, symbol: u32, other: u32): void {
  const isLeft = lookup(addressOf(y), symbol) == missing;
  throwNameDifference(isLeft, isLeft ? symbol : other, x, y);
}
