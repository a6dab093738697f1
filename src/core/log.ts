/**
 * What is being evaluated, as a stack of records in memory. Nothing in the core catches: an error is a JavaScript
 * exception of the host's, which passes through all frames. The host then reads the records from the top down to where it
 * had called the core: they become the error's trace, and cells that were being evaluated become what they were.
 *
 * A record has 16 bytes: its kind (FrameKind), a position, and two words of 32 bits that depend on the kind.
 */
import { allocate } from './memory.ts';
import { stackOverflow, stepped } from './host.ts';

export const enum FrameKind {
  /** A cell is a black hole: its address in place of the position, and the thunk that it held. */
  Cell = 1,
  /** The body of a lambda: position of the call, LambdaNode, the body's environment. */
  Lambda,
  /** A builtin: position of the call, its id. */
  Builtin,
  /** Selecting: position of the attribute, SelectNode, environment. */
  Select,
  /** What a text in the program says: position, address of the text, what it mentions. */
  Text,
  /** What a string in memory says (`addErrorContext`): position, StringObject. */
  Message,
  /** What a text of the host's says: position, number of the text. */
  HostText,
  /** Position of the name, StringObject of the name. */
  Derivation,
  /** Position of the attribute, its symbol, StringObject of the derivation's name. */
  DerivationAttribute,
  /** While somebody debugs, a call: its position, CallNode, environment. */
  Call,
  /** While somebody debugs, the body of a `let`: 0, LetNode, the body's environment. */
  Let,
  /** While somebody debugs, a selection from its beginning on: its position, SelectNode, environment. */
  Selection,
  /** In an evaluation that is looked at, a call: its position. */
  Observed,

  // What is gone through one after the other (siblings.ts): index of the one at hand in place of the position, two words

  /** A list whose elements are evaluated with all that they contain: ListObject, visited set; so of attributes. */
  DeepList,
  DeepAttrs,
  /** A list that becomes JSON: ListObject, JsonFlag; attributes in the order of their names. */
  JsonList,
  JsonAttrs,
  /** The same of XML. */
  XmlList,
  XmlAttrs,
  /** A list whose elements become strings: ListObject, Coerce. */
  CoerceList,
  /** Attributes that become variables of a derivation, in the order of their names: AttrsObject. */
  DerivationAttrs,
  /** Parts of a sum or string: ConcatNode, environment. */
  Concat,
  /** Operands, in the order in which they are evaluated: OperatorNode, environment. */
  Operands,
  /** A list of whose elements each is evaluated: ListObject. */
  ForceList,
  /** A list of pairs of name and value, of which the names are evaluated: ListObject. */
  PairList,
  /** A list for whose elements a function is called: ListObject, lower half of the function's word. */
  CallList,
  /** The same with what the call before returned as the first argument. */
  FoldList,
}

export const frameSize: usize = 16;

/** 6 million records, of which a program of a million levels makes at most so many. */
const logSize: usize = 96 << 20;

/** Words for arguments on their way: 2 million. */
const stackSize: usize = 16 << 20;

let logStart: usize = 0;
let logEnd: usize = 0;
export let logTop: usize = 0;

let stackStart: usize = 0;
let stackEnd: usize = 0;
/** Where the next argument goes. */
export let stackTop: usize = 0;

/** Calls within each other, as `max-call-depth` counts them. */
export let callDepth: u32 = 0;
export let maxCallDepth: u32 = 10000;

export function startLog(): void {
  logStart = allocate(logSize);
  logTop = logStart;
  logEnd = logStart + logSize - frameSize;
  stackStart = allocate(stackSize);
  stackTop = stackStart;
  stackEnd = stackStart + stackSize - 4096;
}

/** Whether somebody debugs: then there are records for what needs none otherwise. */
export let isDebugging: bool = false;

export function startDebugging(): void {
  isDebugging = true;
}

/** Pushes a record of something that somebody who debugs may want to look at before it goes on. */
export function pushStep(kind: FrameKind, pos: u32, a: u32, b: u32): void {
  push(kind, pos, a, b);
  stepped();
}

export function setMaxCallDepth(depth: u32): void {
  maxCallDepth = depth;
}

export function push(kind: FrameKind, pos: u32, a: u32, b: u32): void {
  const at = logTop;
  store<u64>(at, <u64>kind | ((<u64>pos) << 32));
  store<u64>(at, <u64>a | ((<u64>b) << 32), 8);
  logTop = at + frameSize;
  if (at >= logEnd) stackOverflow(pos);
}

export function pop(): void {
  logTop -= frameSize;
}

/** Room for `count` words on the stack of arguments; given back by `dropTo`. */
export function reserve(count: u32, pos: u32): usize {
  const at = stackTop;
  stackTop = at + ((<usize>count) << 3);
  if (stackTop >= stackEnd) stackOverflow(pos);
  return at;
}

export function dropTo(top: usize): void {
  stackTop = top;
}

/** Counts a call; the caller takes it back with `leave`. */
export function enter(pos: u32): void {
  if (callDepth > maxCallDepth) stackOverflow(pos);
  callDepth++;
}

export function leave(): void {
  callDepth--;
}

/** Back to where things were before an exception: for the host, which noted the three before it called. */
export function restoreLog(log: usize, stack: usize, depth: u32): void {
  logTop = log;
  stackTop = stack;
  callDepth = depth;
}

export function logBottom(): usize {
  return logStart;
}

export function logTopNow(): usize {
  return logTop;
}

export function stackTopNow(): usize {
  return stackTop;
}

export function callDepthNow(): u32 {
  return callDepth;
}
