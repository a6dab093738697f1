import type { Evaluator } from '../evaluator.ts';
import { type Word, nullWord } from '../word.ts';
import type { HostBuiltin } from './table.ts';

const name = '__currentTime';

/** A cell for `currentTime`: an evaluation that does not look at it does not depend on it. */
export function currentTime(evaluator: Evaluator): Word {
  return evaluator.core.delayCall(evaluator.internalBuiltin(name), nullWord);
}

export const timeBuiltins: readonly HostBuiltin[] = [
  { name, arity: 1, isInternal: true, call: ({ core, io }) => core.int(BigInt(io.now())) },
];
