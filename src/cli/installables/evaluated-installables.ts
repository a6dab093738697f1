import { type ByteString, byteStringFromLatin1, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type Word,
  addressOf,
  autoCall,
  coerceToPath,
  declaredDerivationOf,
  findPackages,
  forceDerivingPath,
  kindOf,
  outputsToInstallOf,
  select,
  selectWithPosition,
} from '../../eval/index.ts';
import {
  type DerivingPath,
  type OutputName,
  type OutputsSpec,
  type SingleDerivingPath,
  type StorePath,
  derivingPathOf,
  formatSingleDerivingPath,
  namedOutputs,
  opaquePath,
  uniteOutputsSpecs,
} from '../../nix-compat/index.ts';
import { CliError } from '../error.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import { type NamedPath, splitInstallable } from './installable.ts';

/** An attribute path, and which outputs are meant of what it leads to. */
interface Selection {
  readonly path: ByteString;
  readonly outputs: OutputsSpec | undefined;
}

/** `a.b`, `a.b^out,dev`, `a.b^*`; a dot alone, and nothing, is the value itself. Throws `installable/bad-outputs`. */
export function parseSelection(text: ByteString): Selection {
  const { prefix, outputs } = splitInstallable(text);
  return { path: prefix === '.' ? byteStringFromText('') : prefix, outputs };
}

/**
 * What the attribute paths `texts` of `root` lead to: outputs of derivations, in the order of these, or a store object that
 * a string or path stands for. Throws what evaluating throws, `installable/…`.
 */
export function evaluatedInstallables(
  evaluation: Evaluation,
  root: Word,
  texts: readonly ByteString[],
): Pick<NamedPath, 'path' | 'what'>[] {
  const { evaluator } = evaluation;
  const found = evaluator.mapEach(texts.map(parseSelection), selection => {
    const what = displayBytes(selection.path);
    return derivingPathsAt(evaluation, root, selection).map(path => ({ path, what }));
  });
  return found.flat();
}

/** The attribute paths that begin with `prefix`, as deep as that is. Throws what evaluating throws. */
export function attributePathsFrom({ evaluator, args }: Evaluation, root: Word, prefix: ByteString): ByteString[] {
  const dot = prefix.lastIndexOf('.');
  const parent = byteStringFromLatin1(prefix.slice(0, Math.max(0, dot)));
  const word = prefix.slice(dot + 1);
  const value = autoCall(evaluator, args, select(evaluator, parent, args, root));
  const { core } = evaluator;
  if (kindOf(core.memory, value) !== 'set') return [];
  const names = core.attributes(addressOf(value)).map(({ symbol }) => core.nameOf(symbol));
  return names
    .filter(name => name.startsWith(word))
    .map(name => (parent === '' ? name : byteStringFromLatin1(`${parent}.${name}`)));
}

function derivingPathsAt(evaluation: Evaluation, root: Word, { path, outputs }: Selection): DerivingPath[] {
  const { evaluator, args } = evaluation;
  const { word: value, position } = selectWithPosition(evaluator, path, args, root);
  const kind = kindOf(evaluator.core.memory, value);
  if (kind === 'path') return [opaquePath(addTree(evaluation, value))];
  if (kind === 'string') {
    const doing = `while evaluating the attribute '${displayBytes(path)}'`;
    return [derivingPathOf(evaluator.run(() => forceDerivingPath(evaluator, value, doing, position)))];
  }
  const byDerivation = new Map<ByteString, { readonly derivation: SingleDerivingPath; readonly meant: OutputsSpec }>();
  evaluator.forEach(findPackages(evaluator, value, args), found => {
    const derivation = declaredDerivationOf(evaluator, found);
    if (derivation === undefined) {
      throw new CliError('installable/no-derivation', `'${displayBytes(path)}' is not a derivation`);
    }
    const meant = outputs ?? defaultOutputs(outputsToInstallOf(evaluator, found));
    const key = formatSingleDerivingPath(evaluator.io.storeDir, derivation);
    const known = byDerivation.get(key)?.meant;
    byDerivation.set(key, { derivation, meant: known === undefined ? meant : uniteOutputsSpecs(known, meant) });
  });
  return [...byDerivation]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { derivation, meant }]) => ({ kind: 'built', derivation, outputs: meant }));
}

function defaultOutputs(names: readonly OutputName[]): OutputsSpec {
  return namedOutputs(names.length === 0 ? [byteStringFromText('out')] : names);
}

/** A path that is a value goes to the store under a name that says nothing of it. */
function addTree({ evaluator }: Evaluation, value: Word): StorePath {
  return evaluator.run(() => {
    const path = evaluator.files.resolve(coerceToPath(evaluator, value, '').path, 'ancestors');
    return evaluator.io.addPath({ path, name: 'source', method: 'nar' });
  });
}
