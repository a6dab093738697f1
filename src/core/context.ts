/**
 * String contexts: which store paths a string depends on. An element is a string in Nix's own encoding (`path`, `=path`,
 * `!output!path`), interned as a symbol; a context is a set of them.
 */
import { allocate } from './memory.ts';
import type { Symbol } from './symbol.ts';

/** `count` symbols in ascending order follow. Never written to once a string refers to it; 0 stands for the empty one. */
@unmanaged
export class ContextObject {
  count: u32;
  reserved: u32;
}

const contextHeader: usize = 8;

export function contextCount(context: usize): u32 {
  return context == 0 ? 0 : changetype<ContextObject>(context).count;
}

export function contextAt(context: usize, index: u32): Symbol {
  return load<u32>(context + ((<usize>index) << 2), contextHeader);
}

function newContext(count: u32): usize {
  const context = allocate(contextHeader + ((<usize>count) << 2));
  changetype<ContextObject>(context).count = count;
  return context;
}

function setContextAt(context: usize, index: u32, element: Symbol): void {
  store<u32>(context + ((<usize>index) << 2), element, contextHeader);
}

export function contextOfOne(element: Symbol): usize {
  const context = newContext(1);
  setContextAt(context, 0, element);
  return context;
}

/** Those of both. */
export function uniteContexts(a: usize, b: usize): usize {
  if (a == b || b == 0) return a;
  if (a == 0) return b;
  const countA = contextCount(a);
  const countB = contextCount(b);
  let total: u32 = 0;
  let i: u32 = 0;
  let j: u32 = 0;
  while (i < countA || j < countB) {
    const x = i < countA ? contextAt(a, i) : u32.MAX_VALUE;
    const y = j < countB ? contextAt(b, j) : u32.MAX_VALUE;
    if (x <= y) i++;
    if (y <= x) j++;
    total++;
  }
  if (total == countA) return a;
  if (total == countB) return b;
  const context = newContext(total);
  i = 0;
  j = 0;
  for (let at: u32 = 0; at < total; at++) {
    const x = i < countA ? contextAt(a, i) : u32.MAX_VALUE;
    const y = j < countB ? contextAt(b, j) : u32.MAX_VALUE;
    setContextAt(context, at, x <= y ? x : y);
    if (x <= y) i++;
    if (y <= x) j++;
  }
  return context;
}
