/** The syntax tree as text, as `nix-instantiate --parse` prints it: a form of its own, with all parentheses. */
import {
  AttrKind,
  AttrsNode,
  BranchNode,
  CallNode,
  ConcatNode,
  ConcatPart,
  ConstantNode,
  Formal,
  InheritSourceNode,
  LambdaNode,
  LetNode,
  ListNode,
  NodeKind,
  OperatorNode,
  PathElement,
  SelectNode,
  VariableNode,
  WithNode,
  concatPartSize,
  formalSize,
  kindOf,
  nodeAt,
  pathElementSize,
} from './ast.ts';
import { definitionAt, dynamicAt } from './definitions.ts';
import { writeByte, writeInteger, writeString, writeText } from './output.ts';
import { printLiteral, printName, printPathElement } from './print-name.ts';
import { pushScratch, scratchAt, scratchSize, truncateScratch } from './scratch.ts';
import { sortScratchByName } from './sort-names.ts';
import { bytesOf, lengthOf } from './string.ts';
import { noSymbol } from './symbol.ts';
import { formatShortFloat } from './syntax-host.ts';
import { BoxKind, PathObject, type Word, addressOf, floatOf, intOf, isBoxed, isInt } from './value.ts';

export function printTree(node: usize): void {
  switch (kindOf(node)) {
    case NodeKind.Constant:
      return printConstant(changetype<ConstantNode>(node).value);
    case NodeKind.Name:
    case NodeKind.Variable:
    case NodeKind.WithVariable:
      return printName(changetype<VariableNode>(node).symbol);
    case NodeKind.Select:
      return printSelect(changetype<SelectNode>(node));
    case NodeKind.HasAttr:
      return printHasAttr(changetype<SelectNode>(node));
    case NodeKind.Attrs:
      return printAttrs(changetype<AttrsNode>(node));
    case NodeKind.List:
      return printList(changetype<ListNode>(node));
    case NodeKind.Lambda:
      return printLambda(changetype<LambdaNode>(node));
    case NodeKind.Call:
      return printCall(changetype<CallNode>(node));
    case NodeKind.Let:
      return printLet(changetype<LetNode>(node));
    case NodeKind.With:
      return printWith(changetype<WithNode>(node));
    case NodeKind.If:
      return printIf(changetype<BranchNode>(node));
    case NodeKind.Assert:
      return printAssert(changetype<BranchNode>(node));
    case NodeKind.Not:
      writeText('(! ');
      printTree(changetype<OperatorNode>(node).left);
      return writeText(')');
    case NodeKind.ConcatStrings:
      return printConcat(changetype<ConcatNode>(node));
    case NodeKind.Position:
      return writeText('__curPos');
    default:
      return printOperator(changetype<OperatorNode>(node));
  }
}

function printConstant(value: Word): void {
  if (isInt(value)) return writeInteger(intOf(value));
  if (isBoxed(value, BoxKind.Float)) return writeString(formatShortFloat(floatOf(value)));
  if (isBoxed(value, BoxKind.Path)) return writeString(changetype<PathObject>(addressOf(value)).text);
  printLiteral(bytesOf(addressOf(value)), lengthOf(addressOf(value)));
}

function printPath(select: SelectNode): void {
  for (let i: u32 = 0; i < select.count; i++) {
    const element = changetype<PathElement>(select.elements + <usize>i * pathElementSize);
    if (i > 0) writeText('.');
    printPathElement(element.symbol, element.expression);
  }
}

function printSelect(select: SelectNode): void {
  writeText('(');
  printTree(select.subject);
  writeText(').');
  printPath(select);
  if (select.fallback == 0) return;
  writeText(' or (');
  printTree(select.fallback);
  writeText(')');
}

function printHasAttr(select: SelectNode): void {
  writeText('((');
  printTree(select.subject);
  writeText(') ? ');
  printPath(select);
  writeText(')');
}

function printAttrs(attrs: AttrsNode): void {
  writeText(attrs.isRecursive ? 'rec { ' : '{ ');
  printDefinitions(attrs);
  writeText('}');
}

/** What is inherited from around, what from sources in their order, then the other definitions; each sorted by name. */
function printDefinitions(attrs: AttrsNode): void {
  const from = scratchSize();
  for (let i: u32 = 0; i < attrs.count; i++) {
    pushScratch(definitionAt(attrs.definitions, i).symbol);
    pushScratch(i);
  }
  sortScratchByName(from);
  const end = scratchSize();
  printInherited(attrs, from, end);
  for (let i: u32 = 0; i < attrs.sourceCount; i++) printInheritedFrom(attrs, i, from, end);
  for (let at = from; at < end; at += 2) {
    const definition = definitionAt(attrs.definitions, scratchAt(at + 1));
    if (definition.kind != AttrKind.Plain) continue;
    printName(definition.symbol);
    writeText(' = ');
    printTree(definition.expression);
    writeText('; ');
  }
  truncateScratch(from);
  for (let i: u32 = 0; i < attrs.dynamicCount; i++) {
    const dynamic = dynamicAt(attrs.dynamics, i);
    writeText('"${');
    printTree(dynamic.name);
    writeText('}" = ');
    printTree(dynamic.expression);
    writeText('; ');
  }
}

function printInherited(attrs: AttrsNode, from: u32, end: u32): void {
  let any = false;
  for (let at = from; at < end; at += 2) {
    if (definitionAt(attrs.definitions, scratchAt(at + 1)).kind != AttrKind.Inherited) continue;
    writeText(any ? ' ' : 'inherit ');
    printName(scratchAt(at));
    any = true;
  }
  if (any) writeText('; ');
}

function printInheritedFrom(attrs: AttrsNode, source: u32, from: u32, end: u32): void {
  let any = false;
  for (let at = from; at < end; at += 2) {
    const definition = definitionAt(attrs.definitions, scratchAt(at + 1));
    if (definition.kind != AttrKind.InheritedFrom) continue;
    const selection = changetype<SelectNode>(definition.expression);
    if (changetype<InheritSourceNode>(selection.subject).index != source) continue;
    if (!any) {
      writeText('inherit (');
      printTree(nodeAt(attrs.sources, source));
      writeText(')');
    }
    writeByte(0x20);
    printName(definition.symbol);
    any = true;
  }
  if (any) writeText('; ');
}

function printList(list: ListNode): void {
  writeText('[ ');
  for (let i: u32 = 0; i < list.count; i++) {
    writeText('(');
    printTree(nodeAt(list.elements, i));
    writeText(') ');
  }
  writeText(']');
}

function printLambda(lambda: LambdaNode): void {
  writeText('(');
  if (lambda.hasFormals) {
    writeText('{ ');
    printFormals(lambda);
    writeText(lambda.argument == noSymbol ? ' }' : ' } @ ');
  }
  if (lambda.argument != noSymbol) printName(lambda.argument);
  writeText(': ');
  printTree(lambda.body);
  writeText(')');
}

function printFormals(lambda: LambdaNode): void {
  const from = scratchSize();
  for (let i: u32 = 0; i < lambda.count; i++) {
    pushScratch(changetype<Formal>(lambda.formals + <usize>i * formalSize).symbol);
    pushScratch(i);
  }
  sortScratchByName(from);
  const end = scratchSize();
  for (let at = from; at < end; at += 2) {
    if (at > from) writeText(', ');
    printName(scratchAt(at));
    const fallback = changetype<Formal>(lambda.formals + <usize>scratchAt(at + 1) * formalSize).fallback;
    if (fallback == 0) continue;
    writeText(' ? ');
    printTree(fallback);
  }
  truncateScratch(from);
  if (lambda.ellipsis) writeText(lambda.count > 0 ? ', ...' : '...');
}

function printCall(call: CallNode): void {
  writeText('(');
  printTree(call.callee);
  for (let i: u32 = 0; i < call.count; i++) {
    writeText(' ');
    printTree(nodeAt(call.arguments, i));
  }
  writeText(')');
}

function printLet(node: LetNode): void {
  writeText('(let ');
  printDefinitions(changetype<AttrsNode>(node.attrs));
  writeText('in ');
  printTree(node.body);
  writeText(')');
}

function printWith(node: WithNode): void {
  writeText('(with ');
  printTree(node.attrs);
  writeText('; ');
  printTree(node.body);
  writeText(')');
}

function printIf(branch: BranchNode): void {
  writeText('(if ');
  printTree(branch.condition);
  writeText(' then ');
  printTree(branch.first);
  writeText(' else ');
  printTree(branch.second);
  writeText(')');
}

function printAssert(branch: BranchNode): void {
  writeText('assert ');
  printTree(branch.condition);
  writeText('; ');
  printTree(branch.first);
}

function printConcat(concat: ConcatNode): void {
  writeText('(');
  for (let i: u32 = 0; i < concat.count; i++) {
    if (i > 0) writeText(' + ');
    printTree(changetype<ConcatPart>(concat.parts + <usize>i * concatPartSize).expression);
  }
  writeText(')');
}

function printOperator(node: OperatorNode): void {
  writeText('(');
  printTree(node.left);
  switch (node.kind) {
    case NodeKind.Equal:
      writeText(' == ');
      break;
    case NodeKind.NotEqual:
      writeText(' != ');
      break;
    case NodeKind.And:
      writeText(' && ');
      break;
    case NodeKind.Or:
      writeText(' || ');
      break;
    case NodeKind.Implies:
      writeText(' -> ');
      break;
    case NodeKind.Update:
      writeText(' // ');
      break;
    default:
      writeText(' ++ ');
  }
  printTree(node.right);
  writeText(')');
}
