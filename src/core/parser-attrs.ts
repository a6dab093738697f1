/** What is between the braces of an attribute set, or between `let` and `in`. */
import {
  AttrKind,
  AttrDefinition,
  AttrsNode,
  InheritSourceNode,
  LambdaNode,
  NodeKind,
  SelectNode,
  kindOf,
  newNode,
} from './ast.ts';
import {
  addDefinition,
  addDynamic,
  addSource,
  definitionAt,
  dynamicAt,
  findDefinition,
  forgetTable,
  newAttrs,
} from './definitions.ts';
import { documentation, token, tokenStart } from './lexer-state.ts';
import { advance } from './lexer.ts';
import { makeName, makeSelect } from './make-node.ts';
import {
  nameExpression,
  nameSymbol,
  parseName,
  pushAttrPath,
  pushFurtherNames,
  scratchPerElement,
  startsName,
} from './parser-attr-path.ts';
import { expect, positionOf, unexpected } from './parser-state.ts';
import { parseExpression } from './parser.ts';
import { quotedName, quotedPath } from './print-name.ts';
import { pushScratch, scratchAt, scratchSize, truncateScratch } from './scratch.ts';
import { sortRecords } from './sort-records.ts';
import { type Symbol, intern, noSymbol } from './symbol.ts';
import { refuse } from './syntax-host.ts';
import { Refusal, Token } from './token.ts';

/**
 * Adds definitions to the set `node` until none begins. The first name of the first one may have been gone past: then it is
 * between `nameStart` and `nameEnd`, and `doc` is the comment before it.
 */
export function parseBindings(node: usize, nameStart: usize, nameEnd: usize, doc: usize = 0): void {
  if (nameStart != 0) parseHeldBinding(node, nameStart, nameEnd, doc);
  while (true) {
    if (startsName(token)) parseBinding(node);
    else if (token == Token.Inherit) parseInherit(node);
    else return;
  }
}

function parseHeldBinding(node: usize, nameStart: usize, nameEnd: usize, doc: usize): void {
  const from = scratchSize();
  pushScratch(intern(nameStart, <u32>(nameEnd - nameStart)));
  pushScratch(0);
  pushScratch(positionOf(nameStart));
  pushFurtherNames();
  finishBinding(node, from, doc);
}

function parseBinding(node: usize): void {
  const from = scratchSize();
  const doc = documentation;
  pushAttrPath();
  finishBinding(node, from, doc);
}

/** From the equals sign on, after the path on the scratch stack. */
function finishBinding(node: usize, from: u32, doc: usize): void {
  expect(Token.Assign);
  const expression = parseExpression();
  if (token != Token.Semicolon) unexpected();
  defineAt(node, from, expression);
  truncateScratch(from);
  if (doc != 0) documentLambda(expression, positionOf(doc));
  advance();
}

// Merging

/** The definition that is being added, unless it is another set's. */
const plainDefinition = memory.data(16);

/** Defines the path on the scratch stack in the set `node`, with sets inside sets that are made where they are missing. */
function defineAt(node: usize, from: u32, expression: usize): void {
  const end = scratchSize();
  const last = end - scratchPerElement;
  const pos = scratchAt(from + 2);
  let attrs = node;
  for (let at = from; at < last; at += scratchPerElement) attrs = enter(attrs, from, at, pos);
  const symbol = scratchAt(last);
  if (symbol == noSymbol) return addDynamic(attrs, scratchAt(last + 1), expression, pos);
  const definition = changetype<AttrDefinition>(plainDefinition);
  definition.symbol = symbol;
  definition.pos = pos;
  definition.kind = AttrKind.Plain;
  definition.expression = expression;
  define(attrs, from, definition);
}

/** The set that the name at `at` of the path leads to. */
function enter(node: usize, from: u32, at: u32, pos: u32): usize {
  const symbol = scratchAt(at);
  if (symbol == noSymbol) {
    const nested = newAttrs(0);
    addDynamic(node, scratchAt(at + 1), nested, pos);
    return nested;
  }
  const found = findDefinition(node, symbol);
  if (found == 0) {
    const nested = newAttrs(0);
    addDefinition(node, symbol, pos, AttrKind.Plain).expression = nested;
    return nested;
  }
  const definition = changetype<AttrDefinition>(found);
  if (kindOf(definition.expression) != NodeKind.Attrs) {
    refuseDuplicate(quotedPath(from, at + scratchPerElement), pos, definition.pos);
  }
  return definition.expression;
}

/** Adds a copy of a definition; where there is one and both are sets, the new one's definitions to the old set. */
function define(node: usize, from: u32, added: AttrDefinition): void {
  const symbol = added.symbol;
  const expression = added.expression;
  const found = findDefinition(node, symbol);
  if (found == 0) {
    addDefinition(node, symbol, added.pos, added.kind).expression = expression;
    nameLambdas(expression, symbol);
    return;
  }
  const old = changetype<AttrDefinition>(found);
  if (kindOf(old.expression) != NodeKind.Attrs || kindOf(expression) != NodeKind.Attrs) {
    return refuseDuplicate(quotedPath(from, scratchSize()), added.pos, old.pos);
  }
  merge(old.expression, expression, from);
}

/**
 * Moves everything in the set `added` to the set `node`, in the order of symbols. Whether they are recursive is not looked
 * at: that of `node` counts for all.
 */
function merge(node: usize, added: usize, from: u32): void {
  const attrs = changetype<AttrsNode>(added);
  forgetTable(attrs);
  sortRecords(attrs.definitions, attrs.count);
  const firstSource = changetype<AttrsNode>(node).sourceCount;
  for (let i: u32 = 0; i < attrs.sourceCount; i++) addSource(node, load<usize>(attrs.sources + ((<usize>i) << 2)));
  for (let i: u32 = 0; i < attrs.count; i++) {
    const definition = definitionAt(attrs.definitions, i);
    if (definition.kind == AttrKind.InheritedFrom) moveSource(definition.expression, node, firstSource);
    const to = scratchSize();
    pushScratch(definition.symbol);
    pushScratch(0);
    pushScratch(definition.pos);
    define(node, from, definition);
    truncateScratch(to);
  }
  for (let i: u32 = 0; i < attrs.dynamicCount; i++) {
    const dynamic = dynamicAt(attrs.dynamics, i);
    addDynamic(node, dynamic.name, dynamic.expression, dynamic.pos);
  }
}

/** The attributes of one `inherit (…)` share the node that stands for its source, which is moved once. */
function moveSource(selection: usize, owner: usize, firstSource: u32): void {
  const source = changetype<InheritSourceNode>(changetype<SelectNode>(selection).subject);
  if (source.owner == owner) return;
  source.owner = owner;
  source.index += firstSource;
}

function refuseDuplicate(path: usize, pos: u32, firstPos: u32): void {
  refuse(Refusal.DuplicateAttribute, pos, firstPos, path);
}

/** Functions are named after the attribute that they are assigned to, also those that a function returns. */
export function nameLambdas(expression: usize, symbol: Symbol): void {
  let node = expression;
  while (kindOf(node) == NodeKind.Lambda) {
    changetype<LambdaNode>(node).name = symbol;
    node = changetype<LambdaNode>(node).body;
  }
}

/** A comment documents a function and those that it returns, up to one that has its own. */
export function documentLambda(expression: usize, pos: u32): void {
  let node = expression;
  while (kindOf(node) == NodeKind.Lambda && changetype<LambdaNode>(node).documentation == 0) {
    changetype<LambdaNode>(node).documentation = pos;
    node = changetype<LambdaNode>(node).body;
  }
}

// inherit

function parseInherit(node: usize): void {
  advance();
  if (token == Token.ParenOpen) return parseInheritFrom(node);
  const from = scratchSize();
  pushInherited();
  for (let at = from; at < scratchSize(); at += 2) {
    const symbol = scratchAt(at);
    const pos = scratchAt(at + 1);
    addInherited(node, symbol, pos, AttrKind.Inherited).expression = makeName(symbol, pos);
  }
  truncateScratch(from);
  advance();
}

/** `inherit (source) …` */
function parseInheritFrom(node: usize): void {
  advance();
  const source = newNode(NodeKind.InheritSource, positionOf(tokenStart), offsetof<InheritSourceNode>());
  const expression = parseExpression();
  expect(Token.ParenClose);
  const from = scratchSize();
  pushInherited();
  changetype<InheritSourceNode>(source).index = addSource(node, expression);
  changetype<InheritSourceNode>(source).owner = node;
  for (let at = from; at < scratchSize(); at += 2) {
    const symbol = scratchAt(at);
    const pos = scratchAt(at + 1);
    addInherited(node, symbol, pos, AttrKind.InheritedFrom).expression = makeSelect(pos, source, symbol);
  }
  truncateScratch(from);
  advance();
}

/** Puts names up to the semicolon on the scratch stack, each with its position. */
function pushInherited(): void {
  while (startsName(token)) {
    const pos = positionOf(tokenStart);
    parseName();
    if (nameExpression != 0) refuse(Refusal.DynamicInherit, pos, 0, 0);
    pushScratch(nameSymbol);
    pushScratch(pos);
  }
  if (token != Token.Semicolon) unexpected();
}

function addInherited(node: usize, symbol: Symbol, pos: u32, kind: AttrKind): AttrDefinition {
  const found = findDefinition(node, symbol);
  if (found != 0) {
    refuse(Refusal.DuplicateAttribute, pos, changetype<AttrDefinition>(found).pos, quotedName(symbol));
  }
  return addDefinition(node, symbol, pos, kind);
}
