/**
 * The syntax tree, as the parser builds it and the interpreter walks it: nodes in memory, by address. 0 stands for a part
 * that is not there. Lists of parts are blocks: the count is in the node, the parts follow each other at an address.
 *
 * Positions (`pos`) are offsets in all sources that the instance has parsed, one after the other: a source whose first
 * byte has position b (at least 1) has its n-th byte at b + n. 0 means nowhere.
 */
import { allocate } from './memory.ts';
import type { Symbol } from './symbol.ts';
import type { Word } from './value.ts';
import { Counted, tally } from './observe.ts';

export const enum NodeKind {
  /** A literal: an integer, float, string without interpolation, or path. */
  Constant = 1,
  /** A variable that is not bound yet: what the parser makes, and the binder turns into one of the next three. */
  Name,
  /** A variable in the environment. */
  Variable,
  /** A variable that some `with` has, if anything. */
  WithVariable,
  /** The value of an `inherit (…)` source. */
  InheritSource,
  Select,
  HasAttr,
  Attrs,
  List,
  Lambda,
  Call,
  Let,
  With,
  If,
  Assert,
  Not,
  Equal,
  NotEqual,
  And,
  Or,
  Implies,
  Update,
  ConcatLists,
  ConcatStrings,
  /** `__curPos` */
  Position,
  /** Not in any text: calls the function in slot 0 of the environment with the argument in slot 1. Thunks of builtins. */
  Apply,
  /** Not in any text: a thunk whose evaluation has failed. */
  Failed,
}

/** What every node starts with. */
@unmanaged
export class Node {
  kind: u32;
  pos: u32;
}

@unmanaged
export class ConstantNode extends Node {
  value: Word;
}

/**
 * Name, Variable and WithVariable. `level` environments up from the one that the node is evaluated in, slot `index`.
 * For WithVariable `level` leads to the environment of the innermost `with`, and `scope` is its WithNode.
 */
@unmanaged
export class VariableNode extends Node {
  symbol: Symbol;
  level: u32;
  index: u32;
  scope: usize;
}

/** Slot `index` of the innermost environment, which is that of the `inherit` sources. */
@unmanaged
export class InheritSourceNode extends Node {
  index: u32;
  /** Of the parser: the AttrsNode whose source it is. */
  owner: usize;
}

/** A name in an attribute path: `symbol`, or what `expression` evaluates to where that is not 0. */
@unmanaged
export class PathElement {
  symbol: Symbol;
  expression: usize;
  pos: u32;
  /** Of the interpreter: the shape that the name was last looked up in, and where it was. */
  cachedShape: usize;
  cachedIndex: u32;
  reserved: u32;
}

export const pathElementSize: usize = 24;

/** `subject.a.b or fallback`; HasAttr has no fallback. */
@unmanaged
export class SelectNode extends Node {
  subject: usize;
  count: u32;
  elements: usize;
  fallback: usize;
}

/** How an attribute's expression gets its environment. */
export const enum AttrKind {
  /** `a = e`: that of the set's attributes if the set is recursive, else the one around it. */
  Plain = 0,
  /** `inherit a`: the one around the set. */
  Inherited = 1,
  /** `inherit (e) a`: that of the sources. The expression selects `a` from an InheritSource. */
  InheritedFrom = 2,
}

@unmanaged
export class AttrDefinition {
  symbol: Symbol;
  pos: u32;
  kind: AttrKind;
  expression: usize;
}

export const attrDefinitionSize: usize = 16;

/** `${name} = e`: in a recursive set both see its attributes. */
@unmanaged
export class DynamicAttr {
  name: usize;
  expression: usize;
  pos: u32;
  reserved: u32;
}

export const dynamicAttrSize: usize = 16;

@unmanaged
export class AttrsNode extends Node {
  isRecursive: bool;
  /** Sorted by symbol; in a recursive set the environment's slots in the same order. */
  count: u32;
  definitions: usize;
  dynamicCount: u32;
  dynamics: usize;
  /** Sources of `inherit (…)`, addresses of nodes. Their environment lies inside that of the attributes. */
  sourceCount: u32;
  sources: usize;
  /** The Shape of the definitions. */
  shape: usize;
}

@unmanaged
export class ListNode extends Node {
  count: u32;
  elements: usize;
}

@unmanaged
export class Formal {
  symbol: Symbol;
  pos: u32;
  fallback: usize;
  reserved: u32;
}

export const formalSize: usize = 16;

/**
 * `argument: body`, or with `hasFormals` `argument@{ a, b ? e, ... }: body`. The environment of the body has the argument
 * in its first slot where it has a name, then the formals in their order.
 */
@unmanaged
export class LambdaNode extends Node {
  argument: Symbol;
  hasFormals: bool;
  ellipsis: bool;
  /** Sorted by symbol. */
  count: u32;
  formals: usize;
  body: usize;
  /** What it was assigned to, for messages. */
  name: Symbol;
  /** Start of a documentation comment; 0 for none. */
  documentation: u32;
  /** Slots of the body's environment. */
  slots: u32;
}

@unmanaged
export class CallNode extends Node {
  callee: usize;
  count: u32;
  arguments: usize;
  reserved: u32;
}

@unmanaged
export class LetNode extends Node {
  /** An AttrsNode, recursive, without dynamic attributes. */
  attrs: usize;
  body: usize;
}

@unmanaged
export class WithNode extends Node {
  attrs: usize;
  body: usize;
  /** The WithNode around it; its environment is `parentLevel` up from this one's. */
  parent: usize;
  parentLevel: u32;
}

/** If: condition, then, otherwise. Assert: condition, body. */
@unmanaged
export class BranchNode extends Node {
  condition: usize;
  first: usize;
  second: usize;
  reserved: u32;
}

/** Not has only `left`. */
@unmanaged
export class OperatorNode extends Node {
  left: usize;
  right: usize;
}

/** `a + b`, `"…${e}…"`, and paths with interpolation. */
@unmanaged
export class ConcatNode extends Node {
  /** Whether the result is a string whatever the first part is: those in quotes. */
  isString: bool;
  count: u32;
  parts: usize;
  reserved: u32;
}

@unmanaged
export class ConcatPart {
  pos: u32;
  expression: usize;
}

export const concatPartSize: usize = 8;

export function newNode(kind: NodeKind, pos: u32, size: usize): usize {
  const node = allocate(size);
  tally(Counted.Nodes, 1);
  changetype<Node>(node).kind = kind;
  changetype<Node>(node).pos = pos;
  return node;
}

export function kindOf(node: usize): u32 {
  return changetype<Node>(node).kind;
}

export function posOf(node: usize): u32 {
  return changetype<Node>(node).pos;
}

/** The n-th of a block of node addresses. */
export function nodeAt(block: usize, index: u32): usize {
  return load<usize>(block + ((<usize>index) << 2));
}
