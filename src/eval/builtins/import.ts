import { type ByteString, displayBytes } from '../../base/index.ts';
import type { Evaluator } from '../evaluator.ts';
import { parentOf } from '../canonical-path.ts';
import { type Word, setWordAt } from '../word.ts';
import { argument, coerceToPath, forceSet } from './arguments.ts';
import type { HostBuiltin } from './table.ts';

/** The value of the file at `path`, which is evaluated once. */
export function importFile(evaluator: Evaluator, path: ByteString): Word {
  const known = evaluator.importedFiles.get(path);
  if (known !== undefined) return known;
  const resolved = evaluator.files.resolveExpression(path);
  let word = evaluator.importedFiles.get(resolved);
  if (word === undefined) {
    word = evaluator.delayFile(resolved);
    evaluator.importedFiles.set(resolved, word);
  }
  evaluator.importedFiles.set(path, word);
  return word;
}

function importPath(evaluator: Evaluator, args: number): Word {
  const { path } = coerceToPath(evaluator, argument(evaluator, args, 0), 'while realising the context of a path');
  return importFile(evaluator, path);
}

function scopedImport(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const text = 'while evaluating the first argument passed to builtins.scopedImport';
  const scope = forceSet(evaluator, argument(evaluator, args, 0), text);
  const { path } = coerceToPath(evaluator, argument(evaluator, args, 1), 'while realising the context of a path');
  const attributes = core.attributes(scope);
  const env = core.exports.newEnv(evaluator.baseEnv, attributes.length);
  const layer = core.exports.newStaticLayer(evaluator.baseLayer);
  for (const [slot, { symbol, word }] of attributes.entries()) {
    core.exports.addStaticName(layer, symbol, slot);
    setWordAt(core.memory, env + 8 + slot * 8, word);
  }
  const file = evaluator.files.resolveExpression(path);
  const tree = evaluator.parse(
    evaluator.files.read(file),
    { kind: 'file', path: displayBytes(file) },
    parentOf(file),
    layer,
  );
  return core.receive(at => core.exports.evaluateTo(tree, env, at));
}

export const importBuiltins: readonly HostBuiltin[] = [
  { name: 'import', arity: 1, call: importPath },
  { name: 'scopedImport', arity: 2, call: scopedImport },
];
