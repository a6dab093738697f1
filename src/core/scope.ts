/**
 * The scopes around a place in a tree. For each symbol the innermost scope that has it is known by index, so that a name
 * costs one look-up however deep it is; what a scope hides is kept on a stack until it is left.
 */
import { allocate } from './memory.ts';
import { pushScratch, scratchAt, scratchSize, truncateScratch } from './scratch.ts';
import { type Symbol, symbolCount } from './symbol.ts';

/** How many environments there are around the current place, inside that of the whole tree. */
export let depth: u32 = 0;

export let foundDepth: u32 = 0;
export let foundSlot: u32 = 0;

/** By symbol: the depth of the scope that has it (0 for none) and its slot there. */
let bindings: usize = 0;
let capacity: u32 = 0;

/** Where the innermost scope's part of the scratch stack begins: what the scope hides, then where the scope around begins. */
let scopeStart: u32 = 0;

/** Comes before a tree is bound; its symbols are all there. */
export function startScopes(): void {
  if (capacity < symbolCount()) {
    const larger = symbolCount() * 2;
    bindings = allocate((<usize>larger) << 3);
    capacity = larger;
  } else if (depth > 0) {
    // A tree was refused halfway.
    memory.fill(bindings, 0, (<usize>capacity) << 3);
  }
  depth = 0;
  scopeStart = 0;
  truncateScratch(0);
}

/** Enters an environment; its names follow with `bindLocal`. */
export function enterScope(): void {
  depth++;
  pushScratch(scopeStart);
  scopeStart = scratchSize();
}

/** The names of one scope are different, except that of an argument and a formal, where the formal counts. */
export function bindLocal(symbol: Symbol, slot: u32): void {
  const binding = bindings + ((<usize>symbol) << 3);
  pushScratch(symbol);
  pushScratch(load<u32>(binding));
  pushScratch(load<u32>(binding, 4));
  store<u32>(binding, depth);
  store<u32>(binding, slot, 4);
}

export function leaveScope(): void {
  for (let at = scratchSize(); at > scopeStart; at -= 3) {
    const binding = bindings + ((<usize>scratchAt(at - 3)) << 3);
    store<u32>(binding, scratchAt(at - 2));
    store<u32>(binding, scratchAt(at - 1), 4);
  }
  const outer = scratchAt(scopeStart - 1);
  truncateScratch(scopeStart - 1);
  scopeStart = outer;
  depth--;
}

/** Whether a scope of the tree has the symbol; then `foundDepth` and `foundSlot` say where. */
export function findLocal(symbol: Symbol): bool {
  const binding = bindings + ((<usize>symbol) << 3);
  foundDepth = load<u32>(binding);
  foundSlot = load<u32>(binding, 4);
  return foundDepth != 0;
}
