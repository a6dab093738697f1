import { byteStringFromText } from '../base/index.ts';
import { currentTime } from './builtins/time.ts';
import { stringHeader } from './core-memory.ts';
import type { Evaluator, EvaluatorOptions } from './evaluator.ts';
import { type Word, falseWord, nullWord, setWordAt, trueWord } from './word.ts';

/** Tells the core of an evaluator which builtins are no functions. Returns the cell of `derivation`, which is still empty. */
export function declareConstants(evaluator: Evaluator, { system, purity }: EvaluatorOptions): number {
  const { core, io, searchPath } = evaluator;
  const isPure = purity === 'pure';
  const text = (value: string) => core.string(byteStringFromText(value));
  const derivationCell = core.exports.allocate(8);
  const entries = searchPath.map(({ prefix, path }) =>
    core.set([
      [byteStringFromText('path'), text(path)],
      [byteStringFromText('prefix'), text(prefix)],
    ]),
  );
  const constants: (readonly [name: string, word: Word])[] = [
    ['true', trueWord],
    ['false', falseWord],
    ['null', nullWord],
    ...(isPure ? [] : [['__currentTime', currentTime(evaluator)] as const]),
    ...(isPure || system === undefined ? [] : [['__currentSystem', text(system)] as const]),
    ['__nixVersion', text('2.34.8')],
    ['__storeDir', text(io.storeDir)],
    ['__langVersion', core.int(6n)],
    ['__nixPath', core.list(entries)],
    ['derivation', { low: derivationCell, high: 0 }],
  ];
  for (const [name, word] of constants) {
    const string = core.newString(byteStringFromText(name));
    const at = core.exports.allocate(8);
    setWordAt(core.memory, at, word);
    core.exports.declareConstant(string + stringHeader, name.length, at);
  }
  return derivationCell;
}
