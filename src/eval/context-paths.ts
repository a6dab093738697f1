import { type DerivingPath, allOutputs, namedOutputs, opaquePath } from '../nix-compat/index.ts';
import { parseContextElement } from './context-element.ts';
import type { Evaluator } from './evaluator.ts';
import { type Word, addressOf, kindOf } from './word.ts';

/** What a string depends on, to be made valid before the string means anything; nothing for other values. */
export function derivingPathsOf(evaluator: Evaluator, word: Word): DerivingPath[] {
  const { core } = evaluator;
  const value = evaluator.force(word);
  if (kindOf(core.memory, value) !== 'string') return [];
  return core.context(core.memory.contextOf(addressOf(value))).map(element => {
    const parsed = parseContextElement(element);
    if (parsed.kind === 'opaque') return opaquePath(parsed.path);
    if (parsed.kind === 'deep') return { kind: 'built', derivation: opaquePath(parsed.path), outputs: allOutputs };
    return { kind: 'built', derivation: parsed.derivation, outputs: namedOutputs([parsed.output]) };
  });
}
