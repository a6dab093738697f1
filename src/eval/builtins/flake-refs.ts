import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { callFlake } from '../call-flake.ts';
import type { Evaluator } from '../evaluator.ts';
import { flakeRefFromAttributes, flakeRefToAttributes, formatFlakeRef, parseFlakeRef } from '../inputs/flake-ref.ts';
import { isLockedInput } from '../inputs/input.ts';
import type { InputAttributes } from '../inputs/input-scheme.ts';
import { type Word, addressOf, falseWord, intOf, kindOf, trueWord } from '../word.ts';
import { argument, evalError, forcePlainString, forceSet, typeError } from './arguments.ts';
import type { HostBuiltin } from './table.ts';

function parseFlakeRefOf(evaluator: Evaluator, args: number): Word {
  evaluator.requireFeature('flakes');
  const { core } = evaluator;
  const doing = 'while evaluating the argument passed to builtins.parseFlakeRef';
  const text = forcePlainString(evaluator, argument(evaluator, args, 0), doing);
  const attributes = flakeRefToAttributes(parseFlakeRef(displayBytes(text)));
  return core.set(
    [...attributes].map(([name, value]) => [byteStringFromText(name), wordOf(evaluator, value)] as const),
  );
}

function wordOf({ core }: Evaluator, value: string | bigint | boolean): Word {
  if (typeof value === 'bigint') return core.int(value);
  if (typeof value === 'boolean') return value ? trueWord : falseWord;
  return core.string(byteStringFromText(value));
}

function flakeRefToString(evaluator: Evaluator, args: number): Word {
  evaluator.requireFeature('flakes');
  const { core } = evaluator;
  const doing = 'while evaluating the argument passed to builtins.flakeRefToString';
  const attributes: InputAttributes = new Map();
  for (const { symbol, word, position } of core.attributes(forceSet(evaluator, argument(evaluator, args, 0), doing))) {
    const name = displayBytes(core.nameOf(symbol));
    const value = core.force(word, position);
    switch (kindOf(core.memory, value)) {
      case 'int': {
        const number = intOf(core.memory, value);
        if (number < 0n) throw evalError`negative value given for flake ref attr ${name}: ${number}`;
        attributes.set(name, number);
        break;
      }
      case 'bool':
        attributes.set(name, value.low === trueWord.low);
        break;
      case 'string':
        attributes.set(name, displayBytes(core.memory.string(addressOf(value))));
        break;
      default: {
        const type = evaluator.errors.describe(value);
        throw typeError`flake reference attribute sets may only contain integers, Booleans, and strings, but attribute '${name}' is ${type}`;
      }
    }
  }
  return core.string(byteStringFromText(formatFlakeRef(flakeRefFromAttributes(attributes))));
}

function getFlake(evaluator: Evaluator, args: number): Word {
  evaluator.requireFeature('flakes');
  const doing = 'while evaluating the argument passed to builtins.getFlake';
  const reference = displayBytes(forcePlainString(evaluator, argument(evaluator, args, 0), doing));
  const { input } = parseFlakeRef(reference);
  if (evaluator.access?.purity === 'pure' && !isLockedInput(input)) {
    // C++ Nix says so of every such call.
    const place = '«none»:0';
    throw evalError`cannot call 'getFlake' on unlocked flake reference '${reference}', at ${place} (use --impure to override)`;
  }
  const [answer] = evaluator.require([{ kind: 'flake', reference }]);
  if (answer?.kind === 'failed') throw answer.error;
  if (answer?.kind !== 'flake') throw evalError`cannot get the flake '${reference}'`;
  return callFlake(evaluator, answer.flake);
}

export const flakeRefBuiltins: readonly HostBuiltin[] = [
  { name: '__getFlake', arity: 1, call: getFlake },
  { name: '__parseFlakeRef', arity: 1, call: parseFlakeRefOf },
  { name: '__flakeRefToString', arity: 1, call: flakeRefToString },
];
