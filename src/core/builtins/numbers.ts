/** Arithmetic and comparison. Builtins have no position of their own: the call is in the trace. */
import { forceFloat, forceInt } from '../coerce.ts';
import { ErrorKind, throwError } from '../error.ts';
import { force } from '../force.ts';
import { compareValues } from '../compare.ts';
import { type Word, BoxKind, Tag, boolWord, floatWord, intOf, intWord, isBoxed, missing, tagOf } from '../value.ts';
import { first, second } from './arguments.ts';
import { Builtin } from './ids.ts';

/** Whether the builtin is one that `calculate` knows. */
export function isArithmetic(id: u32): bool {
  return id == Builtin.Sub || id == Builtin.LessThan || id == Builtin.Mul || id == Builtin.Add || id == Builtin.Div;
}

/** Of two evaluated words: the result where both are small integers and it is plain; `missing` for all else. */
export function calculate(id: u32, a: Word, b: Word): Word {
  if (tagOf(a) != Tag.Int || tagOf(b) != Tag.Int) return missing;
  const x = intOfInline(a);
  const y = intOfInline(b);
  switch (id) {
    // Of 61 bits each, sum and difference have at most 62.
    case Builtin.Add:
      return intWord(x + y);
    case Builtin.Sub:
      return intWord(x - y);
    case Builtin.LessThan:
      return boolWord(x < y);
    case Builtin.Mul:
      return isShort(x) && isShort(y) ? intWord(x * y) : missing;
    default:
      return y == 0 ? missing : intWord(x / y);
  }
}

function isShort(value: i64): bool {
  return <i64>(<i32>value) == value;
}

function intOfInline(word: Word): i64 {
  return <i64>word >> 3;
}

function eitherFloat(args: usize): bool {
  const a = force(first(args), 0);
  const b = force(second(args), 0);
  return isBoxed(a, BoxKind.Float) || isBoxed(b, BoxKind.Float);
}

function throwOverflow(template: string, a: i64, b: i64): void {
  throwError(ErrorKind.Eval, 0, template, intWord(a), intWord(b));
}

export function add(args: usize): Word {
  const left = 'while evaluating the first argument of the addition';
  const right = 'while evaluating the second argument of the addition';
  if (eitherFloat(args)) return floatWord(forceFloat(first(args), 0, left) + forceFloat(second(args), 0, right));
  const a = forceInt(first(args), 0, left);
  const b = forceInt(second(args), 0, right);
  const sum = a + b;
  if (((a ^ sum) & (b ^ sum)) < 0) throwOverflow('integer overflow in adding %i1 + %i2', a, b);
  return intWord(sum);
}

export function subtract(args: usize): Word {
  const left = 'while evaluating the first argument of the subtraction';
  const right = 'while evaluating the second argument of the subtraction';
  if (eitherFloat(args)) return floatWord(forceFloat(first(args), 0, left) - forceFloat(second(args), 0, right));
  const a = forceInt(first(args), 0, left);
  const b = forceInt(second(args), 0, right);
  const difference = a - b;
  if (((a ^ b) & (a ^ difference)) < 0) throwOverflow('integer overflow in subtracting %i1 - %i2', a, b);
  return intWord(difference);
}

export function multiply(args: usize): Word {
  const right = 'while evaluating the second argument of the multiplication';
  if (eitherFloat(args)) {
    const left = 'while evaluating the first of the multiplication';
    return floatWord(forceFloat(first(args), 0, left) * forceFloat(second(args), 0, right));
  }
  const a = forceInt(first(args), 0, 'while evaluating the first argument of the multiplication');
  const b = forceInt(second(args), 0, right);
  const product = a * b;
  if (overflows(a, b, product)) throwOverflow('integer overflow in multiplying %i1 * %i2', a, b);
  return intWord(product);
}

function overflows(a: i64, b: i64, product: i64): bool {
  if (a == 0 || b == 0) return false;
  if ((a == -1 && b == i64.MIN_VALUE) || (b == -1 && a == i64.MIN_VALUE)) return true;
  return product / b != a;
}

export function divide(args: usize): Word {
  const isFloat = eitherFloat(args);
  const left = 'while evaluating the first operand of the division';
  const right = 'while evaluating the second operand of the division';
  const divisor = forceFloat(second(args), 0, right);
  if (divisor == 0) throwError(ErrorKind.Eval, 0, 'division by zero', 0, 0);
  if (isFloat) return floatWord(forceFloat(first(args), 0, left) / divisor);
  const a = forceInt(first(args), 0, left);
  const b = forceInt(second(args), 0, right);
  if (a == i64.MIN_VALUE && b == -1) throwOverflow('integer overflow in dividing %i1 / %i2', a, b);
  return intWord(a / b);
}

export function bitAnd(args: usize): Word {
  const a = forceInt(first(args), 0, 'while evaluating the first argument passed to builtins.bitAnd');
  return intWord(a & forceInt(second(args), 0, 'while evaluating the second argument passed to builtins.bitAnd'));
}

export function bitOr(args: usize): Word {
  const a = forceInt(first(args), 0, 'while evaluating the first argument passed to builtins.bitOr');
  return intWord(a | forceInt(second(args), 0, 'while evaluating the second argument passed to builtins.bitOr'));
}

export function bitXor(args: usize): Word {
  const a = forceInt(first(args), 0, 'while evaluating the first argument passed to builtins.bitXor');
  return intWord(a ^ forceInt(second(args), 0, 'while evaluating the second argument passed to builtins.bitXor'));
}

export function ceilOf(args: usize): Word {
  const value = forceFloat(first(args), 0, 'while evaluating the first argument passed to builtins.ceil');
  return rounded(force(first(args), 0), Math.ceil(value));
}

export function floorOf(args: usize): Word {
  const value = forceFloat(first(args), 0, 'while evaluating the first argument passed to builtins.floor');
  return rounded(force(first(args), 0), Math.floor(value));
}

const advice =
  'Due to a bug (see https://github.com/NixOS/nix/issues/12899) the NixInt argument %i1 caused undefined behavior in previous Nix versions.\n\tFuture Nix versions might implement the correct behavior.';
const lossAdvice =
  'Due to a bug (see https://github.com/NixOS/nix/issues/12899) a loss of precision occurred in previous Nix versions because the NixInt argument %i1 was rounded to %i2.\n\tFuture Nix versions might implement the correct behavior.';

/** Integers go by way of a float, in the reference too: those that come back as others are refused. */
function rounded(value: Word, result: f64): Word {
  const limit: f64 = 9223372036854775808.0;
  const isFloat = isBoxed(value, BoxKind.Float);
  if (!(result >= -limit && result < limit)) {
    if (isFloat) throwError(ErrorKind.Eval, 0, 'NixFloat argument %f1 is not in the range of NixInt', value, 0);
    throwError(ErrorKind.Eval, 0, advice, value, 0);
  }
  const whole = <i64>result;
  if (!isFloat && intOf(value) != whole) throwError(ErrorKind.Eval, 0, lossAdvice, value, intWord(whole));
  return intWord(whole);
}

export function lessThan(args: usize): Word {
  const a = force(first(args), 0);
  const b = force(second(args), 0);
  return boolWord(compareValues(a, b, ''));
}
