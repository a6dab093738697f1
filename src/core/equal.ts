/** `==` */
import { attrsCount, foundPosition, lookup, plainOf, shapeOf, valueAt } from './attrs.ts';
import { force } from './force.ts';
import { outPathSymbol, typeSymbol } from './known-symbols.ts';
import { enter, leave } from './log.ts';
import { symbolAt } from './shape.ts';
import { bytesOf, equalStrings, lengthOf } from './string.ts';
import {
  BoxKind,
  PathObject,
  Tag,
  type Word,
  addressOf,
  boxKindOf,
  floatOf,
  intOf,
  isBoxed,
  isInt,
  listAt,
  listCount,
  missing,
  tagOf,
} from './value.ts';

/** Whether two values are equal. Functions never are, but words that are the same cell are. */
export function equalValues(a: Word, b: Word, pos: u32, text: string): bool {
  enter(pos);
  const x = force(a, pos);
  const y = force(b, pos);
  const result = equalForced(x, y, pos, text);
  leave();
  return result;
}

/** Of words inside lists and sets. */
export function equalElements(a: Word, b: Word, pos: u32, text: string): bool {
  if (a == b) {
    // It is evaluated all the same.
    force(a, pos);
    return true;
  }
  return equalValues(a, b, pos, text);
}

function equalForced(x: Word, y: Word, pos: u32, text: string): bool {
  if (isInt(x)) {
    if (isInt(y)) return intOf(x) == intOf(y);
    return isBoxed(y, BoxKind.Float) && <f64>intOf(x) == floatOf(y);
  }
  if (isBoxed(x, BoxKind.Float)) {
    if (isInt(y)) return floatOf(x) == <f64>intOf(y);
    return isBoxed(y, BoxKind.Float) && floatOf(x) == floatOf(y);
  }
  if (tagOf(x) != tagOf(y)) return false;
  switch (tagOf(x)) {
    case Tag.Constant:
      return x == y;
    case Tag.String:
      return equalStrings(addressOf(x), addressOf(y));
    case Tag.List:
      return equalLists(addressOf(x), addressOf(y), pos, text);
    case Tag.Attrs:
      return equalAttrs(addressOf(x), addressOf(y), pos, text);
    case Tag.Boxed:
      return equalPaths(x, y);
    default:
      return false;
  }
}

function equalLists(a: usize, b: usize, pos: u32, text: string): bool {
  const count = listCount(a);
  if (count != listCount(b)) return false;
  for (let i: u32 = 0; i < count; i++) if (!equalElements(listAt(a, i), listAt(b, i), pos, text)) return false;
  return true;
}

function equalAttrs(a: usize, b: usize, pos: u32, text: string): bool {
  if (isDerivation(a) && isDerivation(b)) {
    const left = lookup(a, outPathSymbol);
    const right = lookup(b, outPathSymbol);
    if (left != missing && right != missing) return equalElements(left, right, pos, text);
  }
  const count = attrsCount(a);
  if (count != attrsCount(b)) return false;
  const left = plainOf(a);
  const right = plainOf(b);
  for (let i: u32 = 0; i < count; i++) {
    if (symbolAt(shapeOf(left), i) != symbolAt(shapeOf(right), i)) return false;
    if (!equalElements(valueAt(left, i), valueAt(right, i), pos, text)) return false;
  }
  return true;
}

export function equalPaths(x: Word, y: Word): bool {
  if (boxKindOf(x) != BoxKind.Path || boxKindOf(y) != BoxKind.Path) return false;
  const a = changetype<PathObject>(addressOf(x));
  const b = changetype<PathObject>(addressOf(y));
  return a.accessor == b.accessor && equalStrings(a.text, b.text);
}

const derivationLength: u32 = 10;

/** Whether the set's `type` is `"derivation"`. */
export function isDerivation(attrs: usize): bool {
  const word = lookup(attrs, typeSymbol);
  if (word == missing) return false;
  const type = force(word, foundPosition);
  if (tagOf(type) != Tag.String) return false;
  const string = addressOf(type);
  // 'derivati' and 'on' as little-endian numbers.
  return (
    lengthOf(string) == derivationLength &&
    load<u64>(bytesOf(string)) == 0x6974617669726564 &&
    load<u16>(bytesOf(string), 8) == 0x6e6f
  );
}
