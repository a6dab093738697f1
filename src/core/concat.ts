/** `a + b` and strings with interpolation. */
import { ConcatNode, ConcatPart, concatPartSize, posOf } from './ast.ts';
import { Coerce, canonical, coerceToString } from './coerce.ts';
import { uniteContexts } from './context.ts';
import { ErrorKind, throwError } from './error.ts';
import { evaluate } from './interpret.ts';
import { FrameKind, dropTo, pop, reserve } from './log.ts';
import { moveTo, pushSiblings } from './siblings.ts';
import { bytesOf, contextOf, lengthOf, newString, stringWord } from './string.ts';
import { BoxKind, type Word, floatOf, floatWord, intOf, intWord, isBoxed, isInt, pathWord } from './value.ts';

export function evaluateConcat(node: usize, env: usize): Word {
  const concat = changetype<ConcatNode>(node);
  if (!concat.isString) {
    pushSiblings(FrameKind.Concat, node, env);
    const first = evaluate(partAt(concat, 0).expression, env);
    pop();
    if (isInt(first)) return addInts(concat, env, intOf(first));
    if (isBoxed(first, BoxKind.Float)) return addFloats(concat, env, 1, floatOf(first));
    return join(concat, env, first);
  }
  return join(concat, env, 0);
}

function partAt(concat: ConcatNode, index: u32): ConcatPart {
  return changetype<ConcatPart>(concat.parts + <usize>index * concatPartSize);
}

function addInts(concat: ConcatNode, env: usize, first: i64): Word {
  let sum = first;
  for (let i: u32 = 1; i < concat.count; i++) {
    const part = partAt(concat, i);
    const value = evaluate(part.expression, env);
    if (isBoxed(value, BoxKind.Float)) return addFloats(concat, env, i + 1, <f64>sum + floatOf(value));
    if (!isInt(value)) throwError(ErrorKind.Eval, part.pos, 'cannot add %t1 to an integer', value, 0);
    const added = intOf(value);
    const next = sum + added;
    // Both have the sign that the sum has not.
    if (((sum ^ next) & (added ^ next)) < 0) throwOverflow(part.pos, sum, value);
    sum = next;
  }
  return intWord(sum);
}

function throwOverflow(pos: u32, sum: i64, value: Word): void {
  throwError(ErrorKind.Eval, pos, 'integer overflow in adding %i1 + %i2', intWord(sum), value);
}

function throwContextInPath(pos: u32): void {
  const template = 'a string that refers to a store path cannot be appended to a path';
  throwError(ErrorKind.Eval, pos, template, 0, 0);
}

function addFloats(concat: ConcatNode, env: usize, from: u32, first: f64): Word {
  let sum = first;
  for (let i = from; i < concat.count; i++) {
    const part = partAt(concat, i);
    const value = evaluate(part.expression, env);
    if (isInt(value)) sum += <f64>intOf(value);
    else if (isBoxed(value, BoxKind.Float)) sum += floatOf(value);
    else throwError(ErrorKind.Eval, part.pos, 'cannot add %t1 to a float', value, 0);
  }
  return floatWord(sum);
}

/** `known` is the value of the first part, or 0. A path first makes a path of it all, anything else a string. */
function join(concat: ConcatNode, env: usize, known: Word): Word {
  const count = concat.count;
  const pos = posOf(changetype<usize>(concat));
  const isPath = known != 0 && isBoxed(known, BoxKind.Path);
  // Strings as words: their addresses.
  const strings = reserve(count, pos);
  let length: u32 = 0;
  let context: usize = 0;
  const record = pushSiblings(FrameKind.Concat, changetype<usize>(concat), env);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    const part = partAt(concat, i);
    const value = i == 0 && known != 0 ? known : evaluate(part.expression, env);
    const isFirst = i == 0 && !concat.isString;
    const flags = (isPath ? 0 : Coerce.Copy) | (isFirst ? 0 : Coerce.Canonical);
    const string = coerceToString(value, part.pos, flags, 'while evaluating a path segment');
    store<u64>(strings + ((<usize>i) << 3), string);
    length += lengthOf(string);
    context = uniteContexts(context, contextOf(string));
  }
  pop();
  if (isPath && context != 0) throwContextInPath(pos);
  const joined = newString(length, context);
  let at = bytesOf(joined);
  for (let i: u32 = 0; i < count; i++) {
    const string = <usize>load<u64>(strings + ((<usize>i) << 3));
    const size = lengthOf(string);
    memory.copy(at, bytesOf(string), size);
    at += size;
  }
  dropTo(strings);
  return isPath ? pathWord(canonical(joined), 0) : stringWord(joined);
}
