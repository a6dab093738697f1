/** Functions: lambdas with the environment that they were made in, builtins, and builtins with some of their arguments. */
import { allocate } from './memory.ts';
import { Tag, type Word, wordOf } from './value.ts';

export const enum FunctionKind {
  Lambda = 1,
  Builtin = 2,
  /** A builtin that has some of its arguments. */
  Partial = 3,
}

@unmanaged
export class FunctionObject {
  kind: u32;
}

@unmanaged
export class LambdaObject extends FunctionObject {
  node: usize;
  env: usize;
}

@unmanaged
export class BuiltinObject extends FunctionObject {
  id: u32;
  arity: u32;
}

/** `count` words follow: the arguments so far. */
@unmanaged
export class PartialObject extends FunctionObject {
  builtin: usize;
  count: u32;
  reserved: u32;
}

const partialHeader: usize = 16;

export function lambdaWord(node: usize, env: usize): Word {
  const lambda = changetype<LambdaObject>(allocate(16));
  lambda.kind = FunctionKind.Lambda;
  lambda.node = node;
  lambda.env = env;
  return wordOf(Tag.Function, changetype<usize>(lambda));
}

export function builtinWord(id: u32, arity: u32): Word {
  const builtin = changetype<BuiltinObject>(allocate(16));
  builtin.kind = FunctionKind.Builtin;
  builtin.id = id;
  builtin.arity = arity;
  return wordOf(Tag.Function, changetype<usize>(builtin));
}

/** `builtin` with `count` arguments: those of `partial` (0 for none) and those at `words`. */
export function partialWord(builtin: usize, partial: usize, words: usize, count: u32): Word {
  const had: u32 = partial == 0 ? 0 : changetype<PartialObject>(partial).count;
  const made = changetype<PartialObject>(allocate(partialHeader + ((<usize>(had + count)) << 3)));
  made.kind = FunctionKind.Partial;
  made.builtin = builtin;
  made.count = had + count;
  const at = changetype<usize>(made) + partialHeader;
  if (partial != 0) memory.copy(at, partialArguments(partial), (<usize>had) << 3);
  memory.copy(at + ((<usize>had) << 3), words, (<usize>count) << 3);
  return wordOf(Tag.Function, changetype<usize>(made));
}

/** Address of the first. */
export function partialArguments(partial: usize): usize {
  return partial + partialHeader;
}

export function functionKind(address: usize): u32 {
  return changetype<FunctionObject>(address).kind;
}
