/** Makes the nodes that several parts of the parser need. */
import {
  CallNode,
  ConstantNode,
  ListNode,
  NodeKind,
  OperatorNode,
  PathElement,
  SelectNode,
  VariableNode,
  kindOf,
  newNode,
  pathElementSize,
} from './ast.ts';
import { allocate } from './memory.ts';
import type { Symbol } from './symbol.ts';
import type { Word } from './value.ts';

export function makeConstant(value: Word): usize {
  const node = newNode(NodeKind.Constant, 0, offsetof<ConstantNode>());
  changetype<ConstantNode>(node).value = value;
  return node;
}

export function makeName(symbol: Symbol, pos: u32): usize {
  const node = newNode(NodeKind.Name, pos, offsetof<VariableNode>());
  changetype<VariableNode>(node).symbol = symbol;
  return node;
}

export function makeOperator(kind: NodeKind, pos: u32, left: usize, right: usize): usize {
  const node = newNode(kind, pos, offsetof<OperatorNode>());
  changetype<OperatorNode>(node).left = left;
  changetype<OperatorNode>(node).right = right;
  return node;
}

/** A call with `count` arguments, which are the block `args`. */
export function makeCall(pos: u32, callee: usize, count: u32, args: usize): usize {
  const node = newNode(NodeKind.Call, pos, offsetof<CallNode>());
  const call = changetype<CallNode>(node);
  call.callee = callee;
  call.count = count;
  call.arguments = args;
  return node;
}

/** `name first second`, with a name that is not in the text. */
export function makeOperatorCall(pos: u32, name: Symbol, first: usize, second: usize): usize {
  const args = allocate(2 * sizeof<usize>());
  store<usize>(args, first);
  store<usize>(args + sizeof<usize>(), second);
  return makeCall(pos, makeName(name, 0), 2, args);
}

/** Calls with the arguments of the block `args`: those of a call are added to it, so that `(f x) y` is `f x y`. */
export function applyTo(callee: usize, pos: u32, count: u32, args: usize): usize {
  if (kindOf(callee) != NodeKind.Call) return makeCall(pos, callee, count, args);
  const call = changetype<CallNode>(callee);
  const bytes = (<usize>call.count) << 2;
  const all = allocate(bytes + ((<usize>count) << 2));
  memory.copy(all, call.arguments, bytes);
  memory.copy(all + bytes, args, (<usize>count) << 2);
  call.arguments = all;
  call.count += count;
  return callee;
}

/** A block of one node's address. */
export function blockOf(node: usize): usize {
  const block = allocate(sizeof<usize>());
  store<usize>(block, node);
  return block;
}

/** `subject.symbol` */
export function makeSelect(pos: u32, subject: usize, symbol: Symbol): usize {
  const element = allocate(pathElementSize);
  changetype<PathElement>(element).symbol = symbol;
  changetype<PathElement>(element).pos = pos;
  const node = newNode(NodeKind.Select, pos, offsetof<SelectNode>());
  const select = changetype<SelectNode>(node);
  select.subject = subject;
  select.count = 1;
  select.elements = element;
  return node;
}

export function makeList(pos: u32, count: u32, elements: usize): usize {
  const node = newNode(NodeKind.List, pos, offsetof<ListNode>());
  changetype<ListNode>(node).count = count;
  changetype<ListNode>(node).elements = elements;
  return node;
}
