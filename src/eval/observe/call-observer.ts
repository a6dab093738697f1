import type { Word } from '../word.ts';

/** A call of a function, as its caller makes it. */
export interface ObservedCall {
  /** What is called, evaluated or not; it need not be a function. */
  readonly callee: Word;
  /** Address of the first argument's word. */
  readonly args: number;
  /** Where it is called; 0 for nowhere. */
  readonly pos: number;
}

/** Somebody who looks at the calls of an evaluation. Each that is entered is left, by an error if need be, the last first. */
export interface CallObserver {
  entered(call: ObservedCall): void;
  left(pos: number): void;
}
