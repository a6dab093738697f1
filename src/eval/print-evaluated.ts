import { printStorePath } from '../nix-compat/index.ts';
import { coerceToStorePath } from './builtins/realise.ts';
import type { Evaluator } from './evaluator.ts';
import { isDerivation } from './packages.ts';
import type { PrintOptions } from './value-printer.ts';
import type { Word } from './word.ts';

/** How deep values may be nested: as deep as functions may call each other unless a setting says otherwise. */
const deepest = 10_000;

/** A value as a prompt shows it: all of it is evaluated, to the depth that the options say. */
export function printEvaluated(evaluator: Evaluator, word: Word, options: Omit<PrintOptions, 'evaluation'>): string {
  const derivationOf = (attrs: number) =>
    evaluator.run(() => (isDerivation(evaluator, attrs) ? { path: derivationPathIn(evaluator, attrs) } : undefined));
  return evaluator.print(word, {
    ...options,
    evaluation: {
      deepest,
      force: part => evaluator.force(part),
      derivationOf,
      forEach: (parts, visit) => evaluator.forEach(parts, visit),
    },
  });
}

function derivationPathIn(evaluator: Evaluator, attrs: number): string | undefined {
  const { core, io } = evaluator;
  const found = core.lookup(attrs, core.internText('drvPath'));
  if (found === undefined) return undefined;
  const doing = 'while evaluating the drvPath of a derivation';
  return printStorePath(io.storeDir, coerceToStorePath(evaluator, found.word, doing, found.position));
}
