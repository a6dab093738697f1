/** A builtin's arguments are words one after the other. */
import type { Word } from '../value.ts';

export function first(args: usize): Word {
  return load<u64>(args);
}

export function second(args: usize): Word {
  return load<u64>(args, 8);
}

export function third(args: usize): Word {
  return load<u64>(args, 16);
}
