import type { CoreMemory } from '../core-memory.ts';

/** The names of one environment, and the one around it: what the binder knew (src/core/binder.ts). */
export interface StaticScope {
  readonly up: StaticScope | undefined;
  /** Names are what the set in the first slot has. */
  readonly isWith: boolean;
  /** Symbols with their slots. */
  readonly names: readonly (readonly [symbol: number, slot: number])[];
}

/** By number (src/core/ast.ts, NodeKind). */
const kinds = {
  constant: 1,
  name: 2,
  withVariable: 4,
  inheritSource: 5,
  select: 6,
  hasAttr: 7,
  attrs: 8,
  list: 9,
  lambda: 10,
  call: 11,
  let: 12,
  with: 13,
  if: 14,
  assert: 15,
  not: 16,
  concatStrings: 24,
  position: 25,
} as const;

/** Records in a row: how many bytes each has, and where the node is in it. */
interface BlockLayout {
  readonly size: number;
  readonly offset: number;
}

const nodes: BlockLayout = { size: 4, offset: 0 };
const pathElements: BlockLayout = { size: 24, offset: 4 };
const concatParts: BlockLayout = { size: 8, offset: 4 };

const inheritedFrom = 2;
const inherited = 1;

/** The scopes that nodes of a tree are evaluated in; of functions and `let` those of their bodies. */
export type ScopesByNode = ReadonlyMap<number, StaticScope>;

type Part = readonly [node: number, scope: StaticScope];

/** Finds the scope of each node of a tree that can be looked at while it is evaluated. `outer` is that of the whole tree. */
export function findScopes(memory: CoreMemory, tree: number, outer: StaticScope): ScopesByNode {
  const scopes = new Map<number, StaticScope>();
  const pending: Part[] = [[tree, outer]];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    const [node, scope] = part;
    if (node === 0) continue;
    scopes.set(node, new NodeReader(memory, node, scope).addParts(pending));
  }
  return scopes;
}

/** The scopes of a StaticLayer (src/core/static-layer.ts) and those around it. */
export function scopeOfLayer(memory: CoreMemory, layer: number): StaticScope | undefined {
  if (layer === 0) return undefined;
  const count = memory.u32(layer + 4);
  const symbols = memory.u32(layer + 8);
  const slots = memory.u32(layer + 12);
  const names = Array.from({ length: count }, (_, index) => {
    return [memory.u32(symbols + index * 4), slots === 0 ? index : memory.u32(slots + index * 4)] as const;
  });
  return { up: scopeOfLayer(memory, memory.u32(layer)), isWith: false, names };
}

/** Reads one node. Offsets are those of the classes in src/core/ast.ts. */
class NodeReader {
  readonly #memory: CoreMemory;
  readonly #node: number;
  readonly #scope: StaticScope;

  constructor(memory: CoreMemory, node: number, scope: StaticScope) {
    this.#memory = memory;
    this.#node = node;
    this.#scope = scope;
  }

  #field(offset: number): number {
    return this.#memory.u32(this.#node + offset);
  }

  #inner(names: StaticScope['names'], isWith = false, up = this.#scope): StaticScope {
    return { up, isWith, names };
  }

  /** Adds the node's parts to `parts`; the scope to look at it in. */
  addParts(parts: Part[]): StaticScope {
    const scope = this.#scope;
    switch (this.#field(0)) {
      case kinds.select:
      case kinds.hasAttr:
        parts.push([this.#field(8), scope]);
        if (this.#field(0) === kinds.select) parts.push([this.#field(20), scope]);
        this.#addBlock(parts, this.#field(16), this.#field(12), pathElements);
        return scope;
      case kinds.attrs:
        this.#addAttrs(parts, this.#node);
        return scope;
      case kinds.list:
        this.#addBlock(parts, this.#field(12), this.#field(8), nodes);
        return scope;
      case kinds.lambda:
        return this.#addLambda(parts);
      case kinds.call:
        parts.push([this.#field(8), scope]);
        this.#addBlock(parts, this.#field(16), this.#field(12), nodes);
        return scope;
      case kinds.let: {
        const inner = this.#addAttrs(parts, this.#field(8));
        parts.push([this.#field(12), inner]);
        return inner;
      }
      case kinds.with:
        parts.push([this.#field(8), scope], [this.#field(12), this.#inner([], true)]);
        return scope;
      case kinds.if:
      case kinds.assert:
        parts.push([this.#field(8), scope], [this.#field(12), scope], [this.#field(16), scope]);
        return scope;
      case kinds.not:
        parts.push([this.#field(8), scope]);
        return scope;
      case kinds.concatStrings:
        this.#addBlock(parts, this.#field(16), this.#field(12), concatParts);
        return scope;
      default:
        // Operators have two parts; leaves have none.
        if (!isLeaf(this.#field(0))) parts.push([this.#field(8), scope], [this.#field(12), scope]);
        return scope;
    }
  }

  /** The nodes of `count` records. */
  #addBlock(parts: Part[], block: number, count: number, { size, offset }: BlockLayout): void {
    for (let i = 0; i < count; i++) parts.push([this.#memory.u32(block + i * size + offset), this.#scope]);
  }

  #addLambda(parts: Part[]): StaticScope {
    const argument = this.#field(8);
    const count = this.#field(16);
    const formals = this.#field(20);
    const symbols = argument === 0 ? [] : [argument];
    for (let i = 0; i < count; i++) symbols.push(this.#memory.u32(formals + i * 16));
    const inner = this.#inner(symbols.map((symbol, slot) => [symbol, slot] as const));
    for (let i = 0; i < count; i++) parts.push([this.#memory.u32(formals + i * 16 + 8), inner]);
    parts.push([this.#field(24), inner]);
    return inner;
  }

  /** The scope of the attributes, where they are recursive. */
  #addAttrs(parts: Part[], attrs: number): StaticScope {
    const memory = this.#memory;
    const isRecursive = memory.bytes(attrs + 8, 1)[0] === 1;
    const count = memory.u32(attrs + 12);
    const definitions = memory.u32(attrs + 16);
    const symbols = Array.from({ length: count }, (_, i) => memory.u32(definitions + i * 16));
    const inner = isRecursive ? this.#inner(symbols.map((symbol, slot) => [symbol, slot] as const)) : this.#scope;
    const sources = this.#inner([], false, inner);
    for (let i = 0; i < count; i++) {
      const kind = memory.u32(definitions + i * 16 + 8);
      const scope = kind === inheritedFrom ? sources : kind === inherited ? this.#scope : inner;
      parts.push([memory.u32(definitions + i * 16 + 12), scope]);
    }
    const dynamics = memory.u32(attrs + 24);
    for (let i = 0; i < memory.u32(attrs + 20); i++) {
      parts.push([memory.u32(dynamics + i * 16), inner], [memory.u32(dynamics + i * 16 + 4), inner]);
    }
    const blocks = memory.u32(attrs + 32);
    for (let i = 0; i < memory.u32(attrs + 28); i++) parts.push([memory.u32(blocks + i * 4), inner]);
    return inner;
  }
}

function isLeaf(kind: number): boolean {
  return kind <= kinds.inheritSource || kind >= kinds.position;
}
