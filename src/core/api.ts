/** What the host calls. Words pass through memory: an i64 would be a BigInt on the other side. */
import { foundPosition, lookup } from './attrs.ts';
import { callFunction } from './call.ts';
import { coerceToString } from './coerce.ts';
import { forceDeep } from './builtins/control.ts';
import { jsonOf } from './builtins/json.ts';
import { xmlOf } from './builtins/xml.ts';
import { firstHostBuiltin } from './builtins/ids.ts';
import { builtinWord } from './function.ts';
import { delayCall1, failedThunk, force } from './force.ts';
import { evaluate } from './interpret.ts';
import { floatWord, intWord, missing, newThunk, pathWord } from './value.ts';

/** Evaluates `node` in `env`; the word goes to `result`. */
export function evaluateTo(node: usize, env: usize, result: usize): void {
  store<u64>(result, evaluate(node, env));
}

/** Replaces the word at `at` by its value. */
export function forceAt(at: usize, pos: u32): void {
  store<u64>(at, force(load<u64>(at), pos));
}

export function forceDeepAt(at: usize): void {
  forceDeep(load<u64>(at));
}

/** Calls the word at `callee` with the `count` words at `words`; the value goes to `result`. */
export function callAt(callee: usize, words: usize, count: u32, pos: u32, result: usize): void {
  store<u64>(result, callFunction(load<u64>(callee), words, count, pos));
}

/** A StringObject of the word at `at`: flags are those of Coerce. Errors say the text at `text`, a string of the language's. */
export function coerceAt(at: usize, flags: u32, pos: u32, text: usize): usize {
  return coerceToString(load<u64>(at), pos, flags, changetype<string>(text));
}

/** A StringObject: the JSON of the word at `at`; flags are those of JsonFlag. */
export function jsonAt(at: usize, flags: u32): usize {
  return jsonOf(load<u64>(at), flags);
}

/** A StringObject: the XML of the word at `at`; flags are those of XmlFlag. */
export function xmlAt(at: usize, flags: u32): usize {
  return xmlOf(load<u64>(at), flags);
}

/** Puts the word of `symbol` to `result` and returns the attribute's position; -1 where the set has none. */
export function lookupTo(attrs: usize, symbol: u32, result: usize): i32 {
  const word = lookup(attrs, symbol);
  if (word == missing) return -1;
  store<u64>(result, word);
  return foundPosition;
}

/** Puts a cell for `node` in `env` to `result`. */
export function thunkTo(node: usize, env: usize, result: usize): void {
  store<u64>(result, newThunk(node, env));
}

/** Puts a cell for the call of the word at `callee` with that at `argument` to `result`. */
export function delayCallTo(callee: usize, argument: usize, result: usize): void {
  store<u64>(result, delayCall1(load<u64>(callee), load<u64>(argument)));
}

/** Puts an integer to `result`, of its halves. */
export function intTo(low: u32, high: u32, result: usize): void {
  store<u64>(result, intWord(((<i64>high) << 32) | low));
}

export function floatTo(value: f64, result: usize): void {
  store<u64>(result, floatWord(value));
}

/** Puts the path whose text is a StringObject to `result`. */
export function pathTo(text: usize, result: usize): void {
  store<u64>(result, pathWord(text, 0));
}

/** Puts the builtin of the host that has this number to `result`, whether or not it is declared. */
export function hostBuiltinTo(id: u32, arity: u32, result: usize): void {
  store<u64>(result, builtinWord(firstHostBuiltin + id, arity));
}

/** What a cell gets whose evaluation has failed. */
export function failCell(cell: usize, failure: u32): void {
  store<u64>(cell, failedThunk(failure));
}
