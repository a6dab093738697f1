/** Evaluating what a word refers to. */
import { NodeKind, newNode } from './ast.ts';
import { callFunction } from './call.ts';
import { newEnv, setSlotAt, slotAddress, slotAt, upFrom } from './env.ts';
import { ErrorKind, throwError } from './error.ts';
import { evaluate } from './interpret.ts';
import { rethrow } from './host.ts';
import { FrameKind, pop, push } from './log.ts';
import { keepsTrail, noteForced } from './trail.ts';
import { Tag, type Word, newThunk, tagOf } from './value.ts';

/** The value of `word` in weak head normal form. `pos` is where it was asked for. */
export function force(word: Word, pos: u32): Word {
  if (tagOf(word) != Tag.Ref) return word;
  const cell = <usize>word;
  const content = load<u64>(cell);
  return tagOf(content) == Tag.Ref ? forceCell(cell, content, pos) : content;
}

function forceCell(cell: usize, thunk: u64, pos: u32): Word {
  if (thunk == 0) throwError(ErrorKind.InfiniteRecursion, pos, 'infinite recursion encountered', 0, 0);
  const node = <usize>(thunk & 0xffffffff);
  const env = <usize>(thunk >>> 32);
  const isSpecial = node <= lastSpecial;
  // Before the cell goes on the log: it keeps the failure that it has.
  if (isSpecial && node == failedNode) rethrow(<u32>env);
  if (keepsTrail) noteForced(cell, thunk);
  push(FrameKind.Cell, <u32>cell, <u32>node, <u32>env);
  store<u64>(cell, 0);
  const value = isSpecial ? forceApply(env, pos) : evaluate(node, env);
  store<u64>(cell, value);
  pop();
  return value;
}

// Thunks that stand for no text

/** Their nodes have one of the last kinds. */
let applyNode: usize = 0;
let failedNode: usize = 0;
let lastSpecial: usize = 0;

export function makeSpecialNodes(): void {
  applyNode = newNode(NodeKind.Apply, 0, 8);
  failedNode = newNode(NodeKind.Failed, 0, 8);
  lastSpecial = failedNode;
}

function forceApply(env: usize, pos: u32): Word {
  // The number of arguments is in place of the environment around.
  return callFunction(slotAt(env, 0), slotAddress(env, 1), <u32>upFrom(env, 1), pos);
}

/** The function whose call a thunk of `delayCall1` or `delayCall2` is; 0 of other thunks. */
export function delayedCallee(thunk: u64): Word {
  return <usize>(thunk & 0xffffffff) == applyNode ? slotAt(<usize>(thunk >>> 32), 0) : 0;
}

/** A word that means `callee` called with `argument`, evaluated when it is needed. */
export function delayCall1(callee: Word, argument: Word): Word {
  const env = newEnv(1, 2);
  setSlotAt(env, 0, callee);
  setSlotAt(env, 1, argument);
  return newThunk(applyNode, env);
}

/** As `delayCall1`, with two arguments. */
export function delayCall2(callee: Word, first: Word, second: Word): Word {
  const env = newEnv(2, 3);
  setSlotAt(env, 0, callee);
  setSlotAt(env, 1, first);
  setSlotAt(env, 2, second);
  return newThunk(applyNode, env);
}

/** What a cell holds whose evaluation has failed: forcing it throws the host's error of that number again. */
export function failedThunk(failure: u32): u64 {
  return <u64>failedNode | ((<u64>failure) << 32);
}
