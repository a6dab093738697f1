import type { EvalMessage } from '../eval-io.ts';
import type { Positions } from '../positions.ts';
import type { CallObserver } from './call-observer.ts';

/** Says when each call begins and ends: `trace-function-calls`. */
export function traceCalls(positions: Positions, say: (message: EvalMessage) => void): CallObserver {
  const tell = (what: 'entered' | 'exited', pos: number) => {
    const text = `function-trace ${what} ${placeOf(positions, pos)} at ${process.hrtime.bigint()}`;
    say({ kind: 'call-trace', text });
  };
  return { entered: ({ pos }) => tell('entered', pos), left: pos => tell('exited', pos) };
}

/** `FILE:LINE:COLUMN` of a call. */
export function placeOf(positions: Positions, pos: number): string {
  return pos === 0 ? '«none»:0' : positions.format(pos);
}
