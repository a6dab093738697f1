import type { TraceLine } from '../../base/index.ts';
import { EvalError, asEvalError } from '../../eval/index.ts';

/** What is being done, and where that was asked for. */
export interface Doing {
  readonly text: string;
  readonly position?: TraceLine['position'];
}

/** Does `work`; errors say what was being done. */
export function withTrace<T>(doing: Doing, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw traced(error, doing);
  }
}

/** As `withTrace`, of work that takes time. */
export async function withTraceAsync<T>(doing: Doing, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw traced(error, doing);
  }
}

function traced(thrown: unknown, { text, position }: Doing): unknown {
  const error = thrown instanceof EvalError ? thrown : asEvalError(thrown);
  return error === undefined ? thrown : error.within([{ text, position, always: false }]);
}
