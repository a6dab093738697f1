import type { EvalMessage } from '../eval-io.ts';
import type { Evaluator } from '../evaluator.ts';
import { wordOfBits } from '../word.ts';
import type { CallObserver } from './call-observer.ts';
import { FlameGraph, type FlameGraphOptions } from './flame-graph.ts';
import { CallCounts } from './statistics.ts';
import { traceCalls } from './trace-calls.ts';

/** How an evaluation is looked at; it is slower then. */
export interface ObservationOptions {
  /** Whether each call is told when it begins and when it ends. */
  readonly tracesCalls?: boolean;
  readonly flameGraph?: FlameGraphOptions | undefined;
}

/** All who look at an evaluation. */
export class Observation {
  readonly calls = new CallCounts();
  readonly #flameGraph: FlameGraph | undefined;
  readonly #observers: CallObserver[] = [];

  constructor(evaluator: Evaluator, options: ObservationOptions, say: (message: EvalMessage) => void) {
    if (options.tracesCalls === true) this.#observers.push(traceCalls(evaluator.positions, say));
    if (options.flameGraph === undefined) return;
    this.#flameGraph = new FlameGraph(evaluator, options.flameGraph);
    this.#observers.push(this.#flameGraph);
  }

  /** A call is left, as whoever unwinds the log finds out. */
  left(pos: number): void {
    for (const observer of this.#observers) observer.left(pos);
  }

  /** To be called when the evaluation is over: what was held back comes out. */
  finish(): void {
    this.#flameGraph?.write();
  }

  /** The functions of src/core/host.ts that an observed core calls. */
  hostFunctions() {
    return {
      callEntered: (callee: bigint, args: number, pos: number) => {
        const call = { callee: wordOfBits(callee), args: args >>> 0, pos: pos >>> 0 };
        for (const observer of this.#observers) observer.entered(call);
      },
      callLeft: (pos: number) => this.left(pos >>> 0),
      lambdaCalled: (node: number) => this.calls.lambdaCalled(node >>> 0),
      builtinCalled: (id: number) => this.calls.builtinCalled(id),
    };
  }
}
