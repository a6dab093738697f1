/** What an evaluation that is looked at tells and counts: only in the core that is built for it (build-constants.ts). */
import { callEntered, callLeft } from './host.ts';
import { FrameKind, pop, push } from './log.ts';
import type { Word } from './value.ts';

/** What is counted, each a number of 64 bits in this order; the host has a table of it (src/eval/observe/statistics.ts). */
export const enum Counted {
  Nodes,
  Thunks,
  AvoidedThunks,
  Values,
  Environments,
  EnvironmentSlots,
  Lists,
  ListElements,
  ListConcatenations,
  Sets,
  SetElements,
  Updates,
  UpdateValues,
  Lookups,
}

const counts: usize = memory.data(14 * 8, 8);

export function countsAddress(): usize {
  return counts;
}

export function tally(what: Counted, by: u32): void {
  if (IS_OBSERVED) {
    const at = counts + ((<usize>what) << 3);
    store<u64>(at, load<u64>(at) + <u64>by);
  }
}

/** Before a call of `callee`, evaluated or not, with arguments at `words`. */
export function enterCall(callee: Word, words: usize, pos: u32): void {
  push(FrameKind.Observed, pos, 0, 0);
  callEntered(callee, words, pos);
}

/** After the call; where an error ends it, the host finds the record on the log. */
export function leaveCall(pos: u32): void {
  callLeft(pos);
  pop();
}
