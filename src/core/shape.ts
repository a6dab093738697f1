/**
 * The names of an attribute set apart from its values. A set's literal makes its shape once; whatever has the same names
 * in the same places shares it, so that a set costs 8 bytes and a word an attribute, and a place in the program can
 * remember where in a shape its name was.
 */
import { allocate } from './memory.ts';
import type { Symbol } from './symbol.ts';

/** `count` symbols in ascending order follow, then as many positions (pos.ts). */
@unmanaged
export class Shape {
  count: u32;
  /** Where the literal is that the shape is of; 0 for shapes of builtins and operators. */
  pos: u32;
}

export const shapeHeader: usize = 8;

export function newShape(count: u32): usize {
  const shape = allocate(shapeHeader + ((<usize>count) << 3));
  changetype<Shape>(shape).count = count;
  return shape;
}

export function shapeCount(shape: usize): u32 {
  return changetype<Shape>(shape).count;
}

export function shapePosition(shape: usize): u32 {
  return changetype<Shape>(shape).pos;
}

export function symbolAt(shape: usize, index: u32): Symbol {
  return load<u32>(shape + ((<usize>index) << 2), shapeHeader);
}

export function positionAt(shape: usize, index: u32): u32 {
  return load<u32>(shape + ((<usize>shapeCount(shape) + index) << 2), shapeHeader);
}

export function setShapeAt(shape: usize, index: u32, symbol: Symbol, position: u32): void {
  store<u32>(shape + ((<usize>index) << 2), symbol, shapeHeader);
  store<u32>(shape + ((<usize>shapeCount(shape) + index) << 2), position, shapeHeader);
}

/** Where `symbol` is in the shape; -1 if it is not. */
export function indexOf(shape: usize, symbol: Symbol): i32 {
  let low: i32 = 0;
  let high: i32 = <i32>shapeCount(shape) - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = symbolAt(shape, middle);
    if (found == symbol) return middle;
    if (found < symbol) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
