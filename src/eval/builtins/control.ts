import { displayBytes } from '../../base/index.ts';
import type { Evaluator } from '../evaluator.ts';
import { type Word, addressOf, kindOf } from '../word.ts';
import { argument } from './arguments.ts';
import type { HostBuiltin } from './table.ts';

/** Its argument, once whoever debugs has looked around. */
function breakpoint(evaluator: Evaluator, args: number): Word {
  evaluator.debugger?.stopAtBreak();
  return argument(evaluator, args, 0);
}

/** As `trace`, where traces are asked for. */
function traceVerbose(evaluator: Evaluator, args: number): Word {
  if (evaluator.tracesVerbosely) {
    const { core } = evaluator;
    const word = core.force(argument(evaluator, args, 0));
    const isString = kindOf(core.memory, word) === 'string';
    const text = isString ? displayBytes(core.memory.string(addressOf(word))) : evaluator.print(word);
    evaluator.say({ kind: 'trace', text });
    evaluator.debugger?.stopAtTrace();
  }
  return argument(evaluator, args, 1);
}

export const controlBuiltins: readonly HostBuiltin[] = [
  { name: 'break', arity: 1, call: breakpoint },
  { name: '__traceVerbose', arity: 2, call: traceVerbose },
];
