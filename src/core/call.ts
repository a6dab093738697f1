/** Calling lambdas, builtins and sets with `__functor`. */
import { Formal, LambdaNode, NodeKind, formalSize, kindOf, posOf } from './ast.ts';
import { attrsCount, foundPosition, lookup, plainOf, shapeOf } from './attrs.ts';
import { callBuiltin } from './builtins/table.ts';
import { newEnv, setSlotAt } from './env.ts';
import { ErrorKind, pushText, throwError, throwTraced } from './error.ts';
import { delayedCallee, force } from './force.ts';
import {
  BuiltinObject,
  FunctionKind,
  LambdaObject,
  PartialObject,
  functionKind,
  partialArguments,
  partialWord,
} from './function.ts';
import { delay, evaluate } from './interpret.ts';
import { builtinCalled, lambdaCalled } from './host.ts';
import { functorSymbol } from './known-symbols.ts';
import { FrameKind, dropTo, enter, isDebugging, leave, pop, push, pushStep, reserve } from './log.ts';
import { enterCall, leaveCall } from './observe.ts';
import { shapeCount, shapePosition, symbolAt } from './shape.ts';
import { Tag, type Word, addressOf, missing, tagOf } from './value.ts';

/** `callee` called with the `count` words at `words`, one after the other. In weak head normal form. */
export function callFunction(callee: Word, words: usize, count: u32, pos: u32): Word {
  enter(pos);
  if (IS_OBSERVED) enterCall(callee, words, pos);
  let current = force(callee, pos);
  let at = words;
  let left = count;
  while (left > 0) {
    if (tagOf(current) == Tag.Function) {
      const address = addressOf(current);
      const kind = functionKind(address);
      if (kind == FunctionKind.Lambda) {
        let node = changetype<LambdaObject>(address).node;
        let env = bindArgument(node, changetype<LambdaObject>(address).env, load<u64>(at), pos);
        at += 8;
        left--;
        // `a: b: …` with two arguments: the function in between is nobody's.
        let body = changetype<LambdaNode>(node).body;
        const last = isDebugging ? left : 0;
        while (left > last && kindOf(body) == NodeKind.Lambda) {
          node = body;
          env = bindArgument(node, env, load<u64>(at), pos);
          at += 8;
          left--;
          body = changetype<LambdaNode>(node).body;
        }
        current = evaluateBody(node, env, pos);
      } else {
        const builtin = kind == FunctionKind.Builtin ? address : changetype<PartialObject>(address).builtin;
        const partial: usize = kind == FunctionKind.Builtin ? 0 : address;
        const had: u32 = partial == 0 ? 0 : changetype<PartialObject>(partial).count;
        const needed = changetype<BuiltinObject>(builtin).arity - had;
        if (left < needed) {
          current = partialWord(builtin, partial, at, left);
          left = 0;
        } else {
          current = callWith(builtin, partial, at, needed, pos);
          at += (<usize>needed) << 3;
          left -= needed;
        }
      }
    } else {
      current = callFunctor(current, load<u64>(at), pos);
      at += 8;
      left--;
    }
  }
  if (IS_OBSERVED) leaveCall(pos);
  leave();
  return current;
}

/** With one argument. */
export function callFunction1(callee: Word, argument: Word, pos: u32): Word {
  const words = reserve(1, pos);
  store<u64>(words, argument);
  const value = callFunction(callee, words, 1, pos);
  dropTo(words);
  return value;
}

export function callFunction2(callee: Word, first: Word, second: Word, pos: u32): Word {
  const words = reserve(2, pos);
  store<u64>(words, first);
  store<u64>(words, second, 8);
  const value = callFunction(callee, words, 2, pos);
  dropTo(words);
  return value;
}

/** A builtin with all its arguments: those of `partial` (0 for none) and `needed` at `words`. */
function callWith(builtin: usize, partial: usize, words: usize, needed: u32, pos: u32): Word {
  const id = changetype<BuiltinObject>(builtin).id;
  push(FrameKind.Builtin, pos, id, 0);
  if (IS_OBSERVED) builtinCalled(id);
  let value: Word;
  if (partial == 0) {
    value = callBuiltin(id, words);
  } else {
    const had = changetype<PartialObject>(partial).count;
    const all = reserve(had + needed, pos);
    memory.copy(all, partialArguments(partial), (<usize>had) << 3);
    memory.copy(all + ((<usize>had) << 3), words, (<usize>needed) << 3);
    value = callBuiltin(id, all);
    dropTo(all);
  }
  pop();
  return value;
}

function throwNotAFunction(value: Word, pos: u32): void {
  throwError(ErrorKind.Type, pos, 'attempt to call something which is not a function but %t1: %v1', value, 0);
}

function callFunctor(value: Word, argument: Word, pos: u32): Word {
  const functor = tagOf(value) == Tag.Attrs ? lookup(addressOf(value), functorSymbol) : missing;
  if (functor == missing) throwNotAFunction(value, pos);
  const functorPos = foundPosition;
  pushText(pos, "while calling a functor (an attribute set with a '__functor' attribute)", 0);
  const result = callFunction2(functor, value, argument, functorPos);
  pop();
  return result;
}

/** A lambda, a LambdaObject, with its one argument. */
export function callLambda1(address: usize, argument: Word, pos: u32): Word {
  enter(pos);
  const node = changetype<LambdaObject>(address).node;
  const env = bindArgument(node, changetype<LambdaObject>(address).env, argument, pos);
  const value = evaluateBody(node, env, pos);
  leave();
  return value;
}

/** The environment of a lambda's body. */
function bindArgument(node: usize, up: usize, argument: Word, pos: u32): usize {
  const lambda = changetype<LambdaNode>(node);
  const env = newEnv(up, lambda.slots);
  if (lambda.hasFormals) bindFormals(lambda, env, argument, pos);
  else setSlotAt(env, 0, argument);
  return env;
}

function evaluateBody(node: usize, env: usize, pos: u32): Word {
  if (isDebugging) pushStep(FrameKind.Lambda, pos, <u32>node, <u32>env);
  else push(FrameKind.Lambda, pos, <u32>node, 0);
  if (IS_OBSERVED) lambdaCalled(node);
  const value = evaluate(changetype<LambdaNode>(node).body, env);
  pop();
  return value;
}

const argumentText = 'while evaluating the value passed for the lambda argument';
const expectedSet = 'expected a set but found %t1: %v1';

/** Fills `env` with what `argument` has for the formals, and defaults for what it has not. */
function bindFormals(lambda: LambdaNode, env: usize, argument: Word, pos: u32): void {
  const attrs = forceArgument(lambda, argument, pos);
  let slot: u32 = 0;
  if (lambda.argument != 0) setSlotAt(env, slot++, argument);
  let used: u32 = 0;
  const count = lambda.count;
  let formal = lambda.formals;
  for (let i: u32 = 0; i < count; i++, formal += formalSize) {
    const word = lookup(attrs, changetype<Formal>(formal).symbol);
    if (word != missing) {
      used++;
      setSlotAt(env, slot++, word);
    } else {
      const fallback = changetype<Formal>(formal).fallback;
      if (fallback == 0) throwMissing(lambda, changetype<Formal>(formal).symbol, pos);
      setSlotAt(env, slot++, delay(fallback, env));
    }
  }
  if (!lambda.ellipsis && used != attrsCount(attrs)) throwUnexpected(lambda, shapeOf(plainOf(attrs)), pos);
}

function forceArgument(lambda: LambdaNode, argument: Word, pos: u32): usize {
  let value = argument;
  if (tagOf(value) == Tag.Ref) {
    pushText(pos, 'from call site', 0);
    value = force(argument, posOf(changetype<usize>(lambda)));
    pop();
  }
  if (tagOf(value) != Tag.Attrs) {
    pushText(pos, 'from call site', 0);
    throwTraced(argumentText, posOf(changetype<usize>(lambda)), expectedSet, value);
  }
  return addressOf(value);
}

function throwMissing(lambda: LambdaNode, symbol: u32, pos: u32): void {
  pushText(pos, 'from call site', 0);
  throwError(
    ErrorKind.Type,
    posOf(changetype<usize>(lambda)),
    "function '%l1' called without required argument '%n2'",
    changetype<usize>(lambda),
    symbol,
  );
}

function throwUnexpected(lambda: LambdaNode, shape: usize, pos: u32): void {
  const count = shapeCount(shape);
  for (let i: u32 = 0; i < count; i++) {
    const symbol = symbolAt(shape, i);
    if (hasFormal(lambda, symbol)) continue;
    pushText(pos, 'from call site', 0);
    throwError(
      ErrorKind.UnexpectedArgument,
      posOf(changetype<usize>(lambda)),
      "function '%l1' called with unexpected argument '%n2'",
      changetype<usize>(lambda),
      symbol,
    );
  }
}

function hasFormal(lambda: LambdaNode, symbol: u32): bool {
  let formal = lambda.formals;
  for (let i: u32 = 0; i < lambda.count; i++, formal += formalSize) {
    if (changetype<Formal>(formal).symbol == symbol) return true;
  }
  return false;
}

/** Where a set or a lambda was written, also one whose call a thunk is; `otherwise` of other values. */
export function positionOf(word: Word, otherwise: u32): u32 {
  let value = word;
  while (tagOf(value) == Tag.Ref) {
    const content = load<u64>(<usize>value);
    value = tagOf(content) == Tag.Ref ? delayedCallee(content) : content;
    if (value == 0) return otherwise;
  }
  const tag = tagOf(value);
  if (tag == Tag.Attrs) return shapePosition(shapeOf(addressOf(value)));
  if (tag != Tag.Function || functionKind(addressOf(value)) != FunctionKind.Lambda) return otherwise;
  return posOf(changetype<LambdaObject>(addressOf(value)).node);
}
