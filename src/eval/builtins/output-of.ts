import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import {
  type OutputName,
  type SingleDerivingPath,
  builtPath,
  formatPlaceholder,
  formatSingleDerivingPath,
  opaquePath,
  outputPath,
  placeholderOf,
  printStorePath,
  unrollDerivingPath,
} from '../../nix-compat/index.ts';
import type { Evaluator } from '../evaluator.ts';
import type { Word } from '../word.ts';
import { argument, evalError, forcePlainString, forceString, within } from './arguments.ts';
import { parseContextElement } from '../context-element.ts';
import type { HostBuiltin } from './table.ts';

/** The output of a derivation that another derivation makes, as a string that depends on it. */
function outputOf(evaluator: Evaluator, args: number): Word {
  const { core, io } = evaluator;
  const doing = 'while evaluating the first argument to builtins.outputOf';
  const word = argument(evaluator, args, 0);
  const derivation = within(evaluator, '', () => forceDerivingPath(evaluator, word, doing));
  const outputText = 'while evaluating the second argument to builtins.outputOf';
  const output = brandAs<OutputName>(forcePlainString(evaluator, argument(evaluator, args, 1), outputText));
  const built = builtPath(derivation, output);
  const context = core.newContext([brandAs<ByteString>(`!${encode(built)}`)]);
  const known = derivation.kind === 'opaque' ? knownOutput(evaluator, derivation, output) : undefined;
  return core.string(
    known === undefined ? formatPlaceholder(placeholderOf(built)) : printStorePath(io.storeDir, known),
    context,
  );
}

function knownOutput(
  evaluator: Evaluator,
  { path }: Extract<SingleDerivingPath, { kind: 'opaque' }>,
  name: OutputName,
) {
  const derivation = evaluator.findDerivation(path);
  const output = derivation?.outputs.get(name);
  if (derivation === undefined || output === undefined) return undefined;
  return outputPath(output, name, { name: derivation.name, storeDir: evaluator.io.storeDir });
}

/** As elements of contexts are written, without the mark at their beginning: the last output first. */
function encode(path: SingleDerivingPath): string {
  const { base, outputs } = unrollDerivingPath(path);
  return [...outputs.toReversed(), base].join('!');
}

/**
 * What a string with one element in its context stands for; its text has to be what stands for that. `doing` is for
 * errors. Throws `eval/error`, `eval/type`.
 */
export function forceDerivingPath(evaluator: Evaluator, word: Word, doing: string, pos = 0): SingleDerivingPath {
  const { core, io } = evaluator;
  const { text, context } = forceString(evaluator, word, doing, pos);
  const shown = displayBytes(text);
  const elements = core.context(context);
  const [element] = elements;
  return within(
    evaluator,
    doing,
    () => {
      if (element === undefined || elements.length !== 1) {
        throw evalError`string '${shown}' has ${elements.length} entries in its context. It should only have exactly one entry`;
      }
      const parsed = parseContextElement(element);
      if (parsed.kind === 'deep') {
        throw evalError`string '${shown}' has a context which refers to a complete source and binary closure. This is not supported at this time`;
      }
      if (parsed.kind === 'opaque') {
        const expected = printStorePath(io.storeDir, parsed.path);
        if (text === expected) return opaquePath(parsed.path);
        throw evalError`path string '${shown}' has context with the different path '${displayBytes(expected)}'`;
      }
      const { derivation, output } = parsed;
      const known = derivation.kind === 'opaque' ? knownOutput(evaluator, derivation, output) : undefined;
      const path = builtPath(derivation, output);
      const expected =
        known === undefined ? formatPlaceholder(placeholderOf(path)) : printStorePath(io.storeDir, known);
      if (text === expected) return path;
      const from = formatSingleDerivingPath(io.storeDir, derivation);
      throw evalError`string '${shown}' has context with the output '${displayBytes(output)}' from derivation '${displayBytes(from)}', but the string is not the right placeholder for this derivation output. It should be '${displayBytes(expected)}'`;
    },
    pos,
  );
}

export const outputOfBuiltins: readonly HostBuiltin[] = [
  { name: '__outputOf', arity: 2, features: ['dynamic-derivations'], call: outputOf },
];
