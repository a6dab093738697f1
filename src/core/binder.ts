/**
 * Names to places: every Name of a tree becomes a Variable or a WithVariable, or is reported as undefined. Sorts the
 * definitions of attribute sets and makes their shapes on the way, so that a tree is bound exactly once.
 */
import {
  AttrKind,
  AttrsNode,
  BranchNode,
  CallNode,
  ConcatNode,
  ConcatPart,
  Formal,
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
import { definitionAt, dynamicAt, forgetTable } from './definitions.ts';
import { quotedName } from './print-name.ts';
import { bindLocal, depth, enterScope, findLocal, foundDepth, foundSlot, leaveScope, startScopes } from './scope.ts';
import { Shape, newShape, setShapeAt } from './shape.ts';
import { sortRecords } from './sort-records.ts';
import { findStatic, staticLevel, staticSlot } from './static-layer.ts';
import { noSymbol } from './symbol.ts';
import { refuse } from './syntax-host.ts';
import { Refusal } from './token.ts';

/** The innermost `with`, and the depth of its environment. */
let innermostWith: usize = 0;
let withDepth: u32 = 0;
/** The environment that the tree will be evaluated in, as a StaticLayer. */
let outerLayer: usize = 0;

/** Binds a whole tree. `layer` is the StaticLayer of the environment that it will be evaluated in; 0 for none. */
export function bindTree(tree: usize, layer: usize): void {
  innermostWith = 0;
  outerLayer = layer;
  startScopes();
  bind(tree);
}

function bind(node: usize): void {
  switch (kindOf(node)) {
    case NodeKind.Name:
      return bindName(changetype<VariableNode>(node));
    case NodeKind.Select:
      return bindSelect(changetype<SelectNode>(node));
    case NodeKind.HasAttr:
      bind(changetype<SelectNode>(node).subject);
      return bindPath(changetype<SelectNode>(node));
    case NodeKind.Attrs:
      return bindAttrs(changetype<AttrsNode>(node));
    case NodeKind.List:
      return bindBlock(changetype<ListNode>(node).elements, changetype<ListNode>(node).count);
    case NodeKind.Lambda:
      return bindLambda(changetype<LambdaNode>(node));
    case NodeKind.Call:
      bind(changetype<CallNode>(node).callee);
      return bindBlock(changetype<CallNode>(node).arguments, changetype<CallNode>(node).count);
    case NodeKind.Let:
      return bindLet(changetype<LetNode>(node));
    case NodeKind.With:
      return bindWith(node);
    case NodeKind.If:
    case NodeKind.Assert:
      return bindBranch(changetype<BranchNode>(node));
    case NodeKind.Not:
      return bind(changetype<OperatorNode>(node).left);
    case NodeKind.ConcatStrings:
      return bindConcat(changetype<ConcatNode>(node));
    case NodeKind.Constant:
    case NodeKind.Position:
    case NodeKind.InheritSource:
      return;
    default:
      bind(changetype<OperatorNode>(node).left);
      return bind(changetype<OperatorNode>(node).right);
  }
}

function bindBlock(block: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) bind(nodeAt(block, i));
}

// Names

function bindName(variable: VariableNode): void {
  if (resolve(variable)) return;
  refuse(Refusal.UndefinedVariable, variable.pos, 0, quotedName(variable.symbol));
}

/** Finds what a name means; false if nothing has it. A scope goes before every `with`, however far out it is. */
function resolve(variable: VariableNode): bool {
  if (findLocal(variable.symbol)) {
    variable.kind = NodeKind.Variable;
    variable.level = depth - foundDepth;
    variable.index = foundSlot;
    return true;
  }
  if (findStatic(outerLayer, variable.symbol)) {
    variable.kind = NodeKind.Variable;
    variable.level = depth + staticLevel;
    variable.index = staticSlot;
    return true;
  }
  if (innermostWith == 0) return false;
  variable.kind = NodeKind.WithVariable;
  variable.level = depth - withDepth;
  variable.scope = innermostWith;
  return true;
}

// Scopes

function bindLambda(lambda: LambdaNode): void {
  enterScope();
  let slot: u32 = 0;
  if (lambda.argument != noSymbol) bindLocal(lambda.argument, slot++);
  for (let i: u32 = 0; i < lambda.count; i++) bindLocal(formalAt(lambda, i).symbol, slot++);
  for (let i: u32 = 0; i < lambda.count; i++) {
    const fallback = formalAt(lambda, i).fallback;
    if (fallback != 0) bind(fallback);
  }
  bind(lambda.body);
  leaveScope();
}

function formalAt(lambda: LambdaNode, index: u32): Formal {
  return changetype<Formal>(lambda.formals + <usize>index * formalSize);
}

function bindLet(node: LetNode): void {
  enterDefinitions(changetype<AttrsNode>(node.attrs));
  bindDefinitions(changetype<AttrsNode>(node.attrs));
  bind(node.body);
  leaveScope();
}

function bindAttrs(attrs: AttrsNode): void {
  if (attrs.isRecursive) {
    enterDefinitions(attrs);
    bindDefinitions(attrs);
    bindDynamics(attrs);
    leaveScope();
  } else {
    finishShape(attrs);
    bindDefinitions(attrs);
    bindDynamics(attrs);
  }
}

/** Sorts the definitions and makes the shape. */
function finishShape(attrs: AttrsNode): void {
  forgetTable(attrs);
  sortRecords(attrs.definitions, attrs.count);
  const shape = newShape(attrs.count);
  changetype<Shape>(shape).pos = attrs.pos;
  for (let i: u32 = 0; i < attrs.count; i++) {
    const definition = definitionAt(attrs.definitions, i);
    setShapeAt(shape, i, definition.symbol, definition.pos);
  }
  attrs.shape = shape;
}

/** Enters the scope of a recursive set's definitions. What is inherited means what it does outside. */
function enterDefinitions(attrs: AttrsNode): void {
  finishShape(attrs);
  for (let i: u32 = 0; i < attrs.count; i++) {
    const definition = definitionAt(attrs.definitions, i);
    // One that nothing has stays a Name and is reported in its turn.
    if (definition.kind == AttrKind.Inherited) resolve(changetype<VariableNode>(definition.expression));
  }
  enterScope();
  for (let i: u32 = 0; i < attrs.count; i++) bindLocal(definitionAt(attrs.definitions, i).symbol, i);
}

/** In the reference's order, which decides what is reported first. */
function bindDefinitions(attrs: AttrsNode): void {
  bindBlock(attrs.sources, attrs.sourceCount);
  for (let i: u32 = 0; i < attrs.count; i++) {
    const definition = definitionAt(attrs.definitions, i);
    if (definition.kind == AttrKind.Plain) bind(definition.expression);
    else if (definition.kind == AttrKind.Inherited) bindInherited(attrs, definition.expression);
  }
}

function bindInherited(attrs: AttrsNode, expression: usize): void {
  if (kindOf(expression) != NodeKind.Name) return;
  if (!attrs.isRecursive) return bind(expression);
  const variable = changetype<VariableNode>(expression);
  refuse(Refusal.UndefinedVariable, variable.pos, 0, quotedName(variable.symbol));
}

function bindDynamics(attrs: AttrsNode): void {
  for (let i: u32 = 0; i < attrs.dynamicCount; i++) {
    const dynamic = dynamicAt(attrs.dynamics, i);
    bind(dynamic.name);
    bind(dynamic.expression);
  }
}

function bindWith(node: usize): void {
  const scope = changetype<WithNode>(node);
  const outer = innermostWith;
  const outerDepth = withDepth;
  bind(scope.attrs);
  enterScope();
  scope.parent = outer;
  scope.parentLevel = outer == 0 ? 0 : depth - outerDepth;
  innermostWith = node;
  withDepth = depth;
  bind(scope.body);
  leaveScope();
  innermostWith = outer;
  withDepth = outerDepth;
}

// Parts

function bindSelect(select: SelectNode): void {
  bind(select.subject);
  if (select.fallback != 0) bind(select.fallback);
  bindPath(select);
}

function bindPath(select: SelectNode): void {
  for (let i: u32 = 0; i < select.count; i++) {
    const expression = changetype<PathElement>(select.elements + <usize>i * pathElementSize).expression;
    if (expression != 0) bind(expression);
  }
}

function bindBranch(branch: BranchNode): void {
  bind(branch.condition);
  bind(branch.first);
  if (branch.second != 0) bind(branch.second);
}

function bindConcat(concat: ConcatNode): void {
  for (let i: u32 = 0; i < concat.count; i++) {
    bind(changetype<ConcatPart>(concat.parts + <usize>i * concatPartSize).expression);
  }
}
