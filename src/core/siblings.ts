/**
 * What is evaluated one after the other, all of it unless something fails: the elements of a list that becomes a string,
 * the attributes of a derivation. While that goes on, a record on the log says how far it has come. When the evaluation is
 * suspended, the host reads there what comes next, and has each of it evaluated on its own for what that needs, too.
 */
import { ConcatNode, ConcatPart, NodeKind, OperatorNode, concatPartSize, kindOf } from './ast.ts';
import { attrsCount, lookup, shapeOf, valueAt } from './attrs.ts';
import { forceDeepIn } from './builtins/control.ts';
import { jsonOf } from './builtins/json.ts';
import { sortedByName } from './builtins/sets.ts';
import { xmlOf } from './builtins/xml.ts';
import { callFunction1, callFunction2 } from './call.ts';
import { Coerce, coerceList, coerceToString } from './coerce.ts';
import { addressAt } from './derivation/addresses.ts';
import { force } from './force.ts';
import { evaluate } from './interpret.ts';
import { argsSymbol, nameSymbol } from './known-symbols.ts';
import { FrameKind, frameSize, logTop, push } from './log.ts';
import { allocate } from './memory.ts';
import { symbolAt } from './shape.ts';
import { Tag, type Word, addressOf, listAt, listCount, missing, tagOf } from './value.ts';

/** Pushes a record of siblings, the first of which is at hand. Returns its address. */
export function pushSiblings(kind: FrameKind, a: usize, b: usize): usize {
  push(kind, 0, <u32>a, <u32>b);
  return logTop - frameSize;
}

/** Says in a record of siblings which of them is at hand. */
export function moveTo(record: usize, index: u32): void {
  store<u32>(record, index, 4);
}

/** How many siblings a record is about, of its kind and its first word. */
export function siblingCount(kind: FrameKind, a: usize): u32 {
  switch (kind) {
    case FrameKind.DeepAttrs:
    case FrameKind.JsonAttrs:
    case FrameKind.XmlAttrs:
    case FrameKind.DerivationAttrs:
      return attrsCount(a);
    case FrameKind.Concat:
      return changetype<ConcatNode>(a).count;
    case FrameKind.Operands:
      return 2;
    default:
      return listCount(a);
  }
}

/** Evaluates one of the siblings, of the record's kind and words, as far as it would be when its turn came. */
export function evaluateSibling(kind: FrameKind, index: u32, a: usize, b: usize): void {
  switch (kind) {
    case FrameKind.DeepList:
      return forceDeepIn(listAt(a, index), b);
    case FrameKind.DeepAttrs:
      return forceDeepIn(valueAt(a, index), b);
    case FrameKind.JsonList:
      jsonOf(listAt(a, index), <u32>b);
      return;
    case FrameKind.JsonAttrs:
      jsonOf(valueAt(a, inOrder(a, index)), <u32>b);
      return;
    case FrameKind.XmlList:
      xmlOf(listAt(a, index), <u32>b);
      return;
    case FrameKind.XmlAttrs:
      xmlOf(valueAt(a, inOrder(a, index)), <u32>b);
      return;
    case FrameKind.CoerceList:
      coerceToString(listAt(a, index), 0, <u32>b, '');
      return;
    case FrameKind.DerivationAttrs:
      return evaluateVariable(a, inOrder(a, index));
    case FrameKind.Concat:
      return evaluatePart(changetype<ConcatNode>(a), index, b);
    case FrameKind.Operands:
      evaluate(lastOperand(a), b);
      return;
    case FrameKind.CallList:
      callFunction1(<Word>b, listAt(a, index), 0);
      return;
    case FrameKind.FoldList:
      callFunction2(<Word>b, <Word>standIn(), listAt(a, index), 0);
      return;
    case FrameKind.PairList:
      return evaluateName(listAt(a, index));
    default:
      force(listAt(a, index), 0);
  }
}

/** The index of the attribute that comes at `index` in the order of names. */
function inOrder(attrs: usize, index: u32): u32 {
  return <u32>addressAt(sortedByName(shapeOf(attrs)), index);
}

function evaluateVariable(attrs: usize, index: u32): void {
  const flags: u32 = Coerce.More | Coerce.Copy | Coerce.Canonical;
  const value = force(valueAt(attrs, index), 0);
  const isArguments = symbolAt(shapeOf(attrs), index) == argsSymbol && tagOf(value) == Tag.List;
  if (isArguments) coerceList(addressOf(value), 0, flags, '');
  else coerceToString(value, 0, flags, '');
}

/** What it is added to is not known: paths stay as they are where they may become part of one. */
function evaluatePart(concat: ConcatNode, index: u32, env: usize): void {
  const part = changetype<ConcatPart>(concat.parts + <usize>index * concatPartSize);
  const value = evaluate(part.expression, env);
  const flags: u32 = concat.isString ? Coerce.Copy | Coerce.Canonical : 0;
  if (concat.isString || tagOf(value) == Tag.Attrs) coerceToString(value, part.pos, flags, '');
}

/** Updates begin at the right. */
function lastOperand(node: usize): usize {
  const operator = changetype<OperatorNode>(node);
  return kindOf(node) == NodeKind.Update ? operator.left : operator.right;
}

function evaluateName(word: Word): void {
  const pair = force(word, 0);
  if (tagOf(pair) != Tag.Attrs) return;
  const name = lookup(addressOf(pair), nameSymbol);
  if (name != missing) force(name, 0);
}

let standInCell: usize = 0;

/** A cell that stands for what is not known: the host sees to it that whoever forces it suspends the evaluation. */
export function standIn(): usize {
  if (standInCell == 0) standInCell = allocate(8);
  return standInCell;
}
