import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { importedDerivationText } from '../internal-files.ts';
import type { Evaluator } from '../evaluator.ts';
import { parentOf } from '../canonical-path.ts';
import { type Word, setWordAt } from '../word.ts';
import { argument, evalError, forceSet } from './arguments.ts';
import { derivationOutputWords } from './derivation.ts';
import { derivationAt, realisePath } from './realise.ts';
import type { HostBuiltin } from './table.ts';

/** The value of the file at `path`, which is evaluated once. */
export function importFile(evaluator: Evaluator, path: ByteString): Word {
  const known = evaluator.importedFiles.get(path);
  if (known !== undefined) return known;
  const resolved = evaluator.files.resolveExpression(path);
  let word = evaluator.importedFiles.get(resolved);
  if (word === undefined) {
    word = evaluator.delayFile(resolved);
    remember(evaluator, resolved, word);
  }
  remember(evaluator, path, word);
  return word;
}

/** What parsing it said is said again if it was said too early. */
function remember(evaluator: Evaluator, path: ByteString, word: Word): void {
  evaluator.importedFiles.set(path, word);
  evaluator.ifGivenUp(() => evaluator.importedFiles.delete(path));
}

function importPath(evaluator: Evaluator, args: number): Word {
  const path = realisePath(evaluator, argument(evaluator, args, 0), 'none');
  const derivation = derivationAt(evaluator, path);
  return derivation === undefined ? importFile(evaluator, path) : importDerivation(evaluator, derivation);
}

/** A derivation of the store as the value that `derivation` would have given. */
function importDerivation(evaluator: Evaluator, path: StorePath): Word {
  const { core, io } = evaluator;
  const derivation = evaluator.findDerivation(path);
  if (derivation === undefined) throw evalError`path '${path}' is not valid`;
  const text = byteStringFromText;
  const name = derivation.env.get(text('name')) ?? text('');
  const outputs = [...derivation.outputs.keys()].map(output => core.string(output));
  const attributes = core.set([
    ...derivationOutputWords(evaluator, derivation, path),
    [text('name'), core.string(name)],
    [text('outputs'), core.list(outputs)],
  ]);
  const origin = { kind: 'text', name: displayBytes(printStorePath(io.storeDir, path)) } as const;
  const callee = evaluator.evaluate(evaluator.parse(importedDerivationText, origin, text('/')));
  return core.call(callee, [attributes]);
}

function scopedImport(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const path = realisePath(evaluator, argument(evaluator, args, 1), 'none');
  const derivation = derivationAt(evaluator, path);
  if (derivation !== undefined) return importDerivation(evaluator, derivation);
  const text = 'while evaluating the first argument passed to builtins.scopedImport';
  const scope = forceSet(evaluator, argument(evaluator, args, 0), text);
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
