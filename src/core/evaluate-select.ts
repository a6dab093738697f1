/** `a.b.c`, `a.b or c`, `a ? b`. */
import { PathElement, SelectNode, pathElementSize, posOf } from './ast.ts';
import { foundPosition, isPlain, lookup, setFoundPosition, shapeOf, valueAt } from './attrs.ts';
import { forceStringNoContext } from './coerce.ts';
import { ErrorKind, throwError, throwTraced } from './error.ts';
import { force } from './force.ts';
import { evaluate } from './interpret.ts';
import { FrameKind, pop, push } from './log.ts';
import { indexOf, positionAt } from './shape.ts';
import { bytesOf, lengthOf } from './string.ts';
import { type Symbol, intern } from './symbol.ts';
import { Tag, type Word, addressOf, falseWord, missing, tagOf, trueWord } from './value.ts';
import { Counted, tally } from './observe.ts';

export function evaluateSelect(node: usize, env: usize): Word {
  const select = changetype<SelectNode>(node);
  const pos = posOf(node);
  let value = evaluate(select.subject, env);
  let element = select.elements;
  const count = select.count;
  // Where the attribute is that was found last; what goes wrong later is said to be in its evaluation.
  let attrPos: u32 = 0;
  for (let i: u32 = 0; i < count; i++, element += pathElementSize) {
    const symbol = selectSymbol(element, env, node, attrPos);
    if (tagOf(value) != Tag.Attrs) {
      if (select.fallback != 0) return evaluate(select.fallback, env);
      if (attrPos != 0) push(FrameKind.Select, attrPos, <u32>node, <u32>env);
      throwTraced('while selecting an attribute', pos, 'expected a set but found %t1: %v1', value);
    }
    const word = lookupCached(addressOf(value), symbol, element);
    tally(Counted.Lookups, 1);
    if (word == missing) {
      if (select.fallback != 0) return evaluate(select.fallback, env);
      if (attrPos != 0) push(FrameKind.Select, attrPos, <u32>node, <u32>env);
      throwError(ErrorKind.MissingAttribute, pos, "attribute '%n2' missing", value, symbol);
    }
    attrPos = foundPosition;
    value = word;
    if (tagOf(word) == Tag.Ref) {
      const content = load<u64>(<usize>word);
      if (tagOf(content) != Tag.Ref) value = content;
      else {
        if (attrPos != 0) push(FrameKind.Select, attrPos, <u32>node, <u32>env);
        // What was selected last is forced where the attribute is; what is selected from, at the selection.
        value = force(word, i + 1 == count && attrPos != 0 ? attrPos : pos);
        if (attrPos != 0) pop();
      }
    }
  }
  return value;
}

/** As `lookup`, remembering where the name was in the shape that this place of the program last saw. */
function lookupCached(attrs: usize, symbol: Symbol, element: usize): Word {
  if (!isPlain(attrs)) return lookup(attrs, symbol);
  const shape = shapeOf(attrs);
  const place = changetype<PathElement>(element);
  if (place.cachedShape != shape || place.symbol == 0) {
    const index = indexOf(shape, symbol);
    if (index < 0) return missing;
    place.cachedShape = shape;
    place.cachedIndex = index;
  }
  setFoundPosition(positionAt(shape, place.cachedIndex));
  return valueAt(attrs, place.cachedIndex);
}

/** The name that an element of an attribute path stands for. */
export function elementSymbol(element: usize, env: usize): Symbol {
  const place = changetype<PathElement>(element);
  if (place.symbol != 0) return place.symbol;
  const value = evaluate(place.expression, env);
  const name = forceStringNoContext(value, posOf(place.expression), 'while evaluating an attribute name');
  return intern(bytesOf(name), lengthOf(name));
}

function selectSymbol(element: usize, env: usize, node: usize, attrPos: u32): Symbol {
  if (changetype<PathElement>(element).symbol != 0) return changetype<PathElement>(element).symbol;
  if (attrPos != 0) push(FrameKind.Select, attrPos, <u32>node, <u32>env);
  const symbol = elementSymbol(element, env);
  if (attrPos != 0) pop();
  return symbol;
}

export function evaluateHasAttr(node: usize, env: usize): Word {
  const select = changetype<SelectNode>(node);
  let value = evaluate(select.subject, env);
  let element = select.elements;
  for (let i: u32 = 0; i < select.count; i++, element += pathElementSize) {
    value = force(value, posOf(node));
    const symbol = elementSymbol(element, env);
    if (tagOf(value) != Tag.Attrs) return falseWord;
    value = lookupCached(addressOf(value), symbol, element);
    if (value == missing) return falseWord;
  }
  return trueWord;
}
