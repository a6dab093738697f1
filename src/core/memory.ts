/**
 * Memory is given out in ascending order and never taken back: an evaluation's values live as long as the instance.
 * Everything starts at a multiple of 8, so that the low three bits of an address can say what kind of value it is.
 */
import { memoryGrown, outOfMemory } from './host.ts';

/** Memory grows by this many pages of 64 KiB (256 MiB): each growth costs the same, however much it adds. */
const growPages = 4096;

/** Below it are the compiler's static data and address 0, which is nobody's. */
let top: usize = (__heap_base + 7) & ~7;
let end: usize = (<usize>memory.size()) << 16;

/** `size` bytes at a multiple of 8, all zero. Memory beyond 4 GiB ends the evaluation with an error. */
export function allocate(size: usize): usize {
  const at = top;
  top += (size + 7) & ~7;
  if (top > end || top < at) grow(at, size);
  return at;
}

function grow(at: usize, size: usize): void {
  // Computed in 64 bits: the sum may not fit 32.
  const wanted = <u64>at + <u64>size + 7;
  const have = <i32>(end >>> 16);
  let pages = <i32>(((wanted + 65535) >>> 16) - have);
  if (pages < growPages) pages = growPages;
  if (wanted > 0xffff0000 || memory.grow(pages) < 0) {
    // What remains may still do where a whole step does not fit.
    pages = <i32>(((wanted + 65535) >>> 16) - have);
    if (wanted > 0xffff0000 || memory.grow(pages) < 0) outOfMemory();
  }
  memoryGrown();
  end = (<usize>memory.size()) << 16;
  // The last page is left alone, so that an address never wraps around.
  if (memory.size() >= 65536) end = 0xffff0000;
}

/** Where the next allocation will be: the memory in use so far, in bytes. */
export function memoryUsed(): usize {
  return top;
}

/** Gives back everything since `mark`, which `memoryUsed` returned. For scratch space that nothing refers to any more. */
export function release(mark: usize): void {
  memory.fill(mark, 0, top - mark);
  top = mark;
}
