/**
 * Attribute sets while they are parsed: definitions in the order of the text, which may be added to until the binder
 * sorts them. `{ a.b = 1; a.c = 2; }` adds to the set `a` twice.
 */
import {
  AttrDefinition,
  type AttrKind,
  AttrsNode,
  DynamicAttr,
  NodeKind,
  attrDefinitionSize,
  dynamicAttrSize,
  newNode,
} from './ast.ts';
import { allocate } from './memory.ts';
import type { Symbol } from './symbol.ts';

/** Sets with more definitions than this have a table of them, in `shape` until the binder makes the shape. */
const searchedInOrder: u32 = 8;

const smallestCapacity: u32 = 4;

/** Blocks that were outgrown, by the logarithm of their size: each holds the address of the next. */
const outgrown = memory.data(32 * sizeof<usize>());

export function newAttrs(pos: u32): usize {
  return newNode(NodeKind.Attrs, pos, offsetof<AttrsNode>());
}

export function definitionAt(block: usize, index: u32): AttrDefinition {
  return changetype<AttrDefinition>(block + <usize>index * attrDefinitionSize);
}

export function dynamicAt(block: usize, index: u32): DynamicAttr {
  return changetype<DynamicAttr>(block + <usize>index * dynamicAttrSize);
}

/** The definition of `symbol` in a set that is not bound yet; null if there is none. */
export function findDefinition(node: usize, symbol: Symbol): usize {
  const attrs = changetype<AttrsNode>(node);
  if (attrs.shape != 0) return findInTable(attrs, symbol);
  for (let i: u32 = 0; i < attrs.count; i++) {
    const definition = definitionAt(attrs.definitions, i);
    if (definition.symbol == symbol) return changetype<usize>(definition);
  }
  return 0;
}

/** Adds a definition of a symbol that has none. */
export function addDefinition(node: usize, symbol: Symbol, pos: u32, kind: AttrKind): AttrDefinition {
  const attrs = changetype<AttrsNode>(node);
  attrs.definitions = withRoom(attrs.definitions, attrs.count, attrDefinitionSize);
  const definition = definitionAt(attrs.definitions, attrs.count);
  definition.symbol = symbol;
  definition.pos = pos;
  definition.kind = kind;
  attrs.count++;
  if (attrs.shape != 0 || attrs.count > searchedInOrder) addToTable(attrs);
  return definition;
}

export function addDynamic(node: usize, name: usize, expression: usize, pos: u32): void {
  const attrs = changetype<AttrsNode>(node);
  attrs.dynamics = withRoom(attrs.dynamics, attrs.dynamicCount, dynamicAttrSize);
  const dynamic = dynamicAt(attrs.dynamics, attrs.dynamicCount);
  dynamic.name = name;
  dynamic.expression = expression;
  dynamic.pos = pos;
  attrs.dynamicCount++;
}

/** Adds a source of `inherit (…)` and returns its index. */
export function addSource(node: usize, expression: usize): u32 {
  const attrs = changetype<AttrsNode>(node);
  attrs.sources = withRoom(attrs.sources, attrs.sourceCount, sizeof<usize>());
  store<usize>(attrs.sources + ((<usize>attrs.sourceCount) << 2), expression);
  return attrs.sourceCount++;
}

/** The block itself, or a larger copy where `count` things of `size` bytes fill it: capacities are powers of two. */
function withRoom(block: usize, count: u32, size: usize): usize {
  if (count == 0) return takeBlock(<usize>smallestCapacity * size);
  if (count < smallestCapacity || (count & (count - 1)) != 0) return block;
  const bytes = <usize>count * size;
  const larger = takeBlock(bytes * 2);
  memory.copy(larger, block, bytes);
  giveBlock(block, bytes);
  return larger;
}

function takeBlock(bytes: usize): usize {
  const list = outgrown + ((<usize>ctz(bytes)) << 2);
  const block = load<usize>(list);
  if (block == 0) return allocate(bytes);
  store<usize>(list, load<usize>(block));
  return block;
}

/** `bytes` is a power of two. */
function giveBlock(block: usize, bytes: usize): void {
  const list = outgrown + ((<usize>ctz(bytes)) << 2);
  store<usize>(block, load<usize>(list));
  store<usize>(list, block);
}

// Tables: by the symbol's hash the index of a definition plus one, 0 where free. At most half full.

function tableSize(count: u32): u32 {
  return count <= 16 ? 32 : (<u32>1) << (33 - clz(count - 1));
}

function hash(symbol: Symbol): u32 {
  return (symbol * 0x9e3779b1) >>> 7;
}

function findInTable(attrs: AttrsNode, symbol: Symbol): usize {
  const mask = tableSize(attrs.count) - 1;
  let slot = hash(symbol) & mask;
  while (true) {
    const index = load<u32>(attrs.shape + ((<usize>slot) << 2));
    if (index == 0) return 0;
    const definition = definitionAt(attrs.definitions, index - 1);
    if (definition.symbol == symbol) return changetype<usize>(definition);
    slot = (slot + 1) & mask;
  }
}

/** Puts the last definition into the table, which is made or doubled where it has no room. */
function addToTable(attrs: AttrsNode): void {
  const size = tableSize(attrs.count);
  if (attrs.shape != 0 && size == tableSize(attrs.count - 1)) return insert(attrs, attrs.count - 1, size - 1);
  if (attrs.shape != 0) giveBlock(attrs.shape, (<usize>tableSize(attrs.count - 1)) << 2);
  attrs.shape = takeBlock((<usize>size) << 2);
  memory.fill(attrs.shape, 0, (<usize>size) << 2);
  for (let i: u32 = 0; i < attrs.count; i++) insert(attrs, i, size - 1);
}

function insert(attrs: AttrsNode, index: u32, mask: u32): void {
  let slot = hash(definitionAt(attrs.definitions, index).symbol) & mask;
  while (load<u32>(attrs.shape + ((<usize>slot) << 2)) != 0) slot = (slot + 1) & mask;
  store<u32>(attrs.shape + ((<usize>slot) << 2), index + 1);
}

/** Gives the table of a set back. From then on the set is complete. */
export function forgetTable(attrs: AttrsNode): void {
  if (attrs.shape != 0) giveBlock(attrs.shape, (<usize>tableSize(attrs.count)) << 2);
  attrs.shape = 0;
}
