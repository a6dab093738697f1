/** `{ … }` and `rec { … }`. */
import { AttrDefinition, AttrKind, AttrsNode, DynamicAttr, attrDefinitionSize, dynamicAttrSize } from './ast.ts';
import {
  attrsCount,
  attrsOfEntries,
  attrsWord,
  foundPosition,
  lookup,
  newAttrs,
  newEntries,
  plainOf,
  setEntry,
  setEntryWord,
  setValueAt,
  shapeOf,
  valueAt,
} from './attrs.ts';
import { forceAttrs, forceStringNoContext } from './coerce.ts';
import { newEnv, setSlotAt } from './env.ts';
import { ErrorKind, throwError } from './error.ts';
import { bindSources, delay, environmentOf, evaluate } from './interpret.ts';
import { nameLambdas } from './parser-attrs.ts';
import { overridesSymbol } from './known-symbols.ts';
import { indexOf, positionAt, shapeCount, symbolAt } from './shape.ts';
import { bytesOf, lengthOf } from './string.ts';
import { intern } from './symbol.ts';
import { type Word, missing, newThunk, nullWord } from './value.ts';

export function evaluateAttrs(node: usize, env: usize): Word {
  const attrs = changetype<AttrsNode>(node);
  const made = newAttrs(attrs.shape);
  let result = made;
  let inner = env;
  if (attrs.isRecursive) {
    inner = newEnv(env, attrs.count);
    result = fillRecursive(attrs, made, inner, env);
  } else {
    const sources = bindSources(attrs, env);
    let definition = attrs.definitions;
    for (let i: u32 = 0; i < attrs.count; i++, definition += attrDefinitionSize) {
      const attr = changetype<AttrDefinition>(definition);
      setValueAt(made, i, delay(attr.expression, environmentOf(attr.kind, env, env, sources)));
    }
  }
  return attrsWord(attrs.dynamicCount == 0 ? result : addDynamic(attrs, result, inner));
}

function fillRecursive(attrs: AttrsNode, made: usize, inner: usize, outer: usize): usize {
  const sources = bindSources(attrs, inner);
  const hasOverrides = indexOf(attrs.shape, overridesSymbol) >= 0;
  let definition = attrs.definitions;
  for (let i: u32 = 0; i < attrs.count; i++, definition += attrDefinitionSize) {
    const attr = changetype<AttrDefinition>(definition);
    const env = environmentOf(attr.kind, inner, outer, sources);
    // What may be overridden must be looked up when it is needed, not now.
    const isThunk = hasOverrides && attr.kind != AttrKind.Inherited;
    const word = isThunk ? newThunk(attr.expression, env) : delay(attr.expression, env);
    setSlotAt(inner, i, word);
    setValueAt(made, i, word);
  }
  return hasOverrides ? applyOverrides(made, inner) : made;
}

/** With what `__overrides` has in place of the attributes of the same names, in the environment as well. */
function applyOverrides(made: usize, inner: usize): usize {
  const shape = shapeOf(made);
  const word = valueAt(made, indexOf(shape, overridesSymbol));
  const overrides = plainOf(forceAttrs(word, 0, 'while evaluating the `__overrides` attribute'));
  const more = attrsCount(overrides);
  const count = shapeCount(shape);
  const entries = newEntries(more + count);
  for (let i: u32 = 0; i < more; i++) {
    const symbol = symbolAt(shapeOf(overrides), i);
    setEntry(entries, i, symbol, positionAt(shapeOf(overrides), i));
    setEntryWord(entries, i, valueAt(overrides, i));
    const slot = indexOf(shape, symbol);
    if (slot >= 0) setSlotAt(inner, slot, valueAt(overrides, i));
  }
  for (let i: u32 = 0; i < count; i++) {
    setEntry(entries, more + i, symbolAt(shape, i), positionAt(shape, i));
    setEntryWord(entries, more + i, valueAt(made, i));
  }
  return attrsOfEntries(entries, more + count);
}

function addDynamic(attrs: AttrsNode, known: usize, env: usize): usize {
  let result = known;
  let dynamic = attrs.dynamics;
  for (let i: u32 = 0; i < attrs.dynamicCount; i++, dynamic += dynamicAttrSize) {
    const attr = changetype<DynamicAttr>(dynamic);
    const value = evaluate(attr.name, env);
    if (value == nullWord) continue;
    const name = forceStringNoContext(value, attr.pos, 'while evaluating the name of a dynamic attribute');
    const symbol = intern(bytesOf(name), lengthOf(name));
    if (lookup(result, symbol) != missing) {
      throwError(ErrorKind.Eval, attr.pos, "dynamic attribute '%n1' already defined at %p2", symbol, foundPosition);
    }
    nameLambdas(attr.expression, symbol);
    result = withAttr(result, symbol, attr.pos, delay(attr.expression, env));
  }
  return result;
}

function withAttr(attrs: usize, symbol: u32, pos: u32, word: Word): usize {
  const shape = shapeOf(attrs);
  const count = shapeCount(shape);
  const entries = newEntries(count + 1);
  for (let i: u32 = 0; i < count; i++) {
    setEntry(entries, i, symbolAt(shape, i), positionAt(shape, i));
    setEntryWord(entries, i, valueAt(attrs, i));
  }
  setEntry(entries, count, symbol, pos);
  setEntryWord(entries, count, word);
  return attrsOfEntries(entries, count + 1);
}
