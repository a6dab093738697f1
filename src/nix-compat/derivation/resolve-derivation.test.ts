import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { derivationVectors, readDerivationVector } from '../../testing/index.ts';
import {
  type Derivation,
  DerivationHasher,
  type OutputLookup,
  type StorePath,
  defaultStoreDir,
  derivationTypeOf,
  formatOutputId,
  makeDerivationFile,
  needsResolving,
  outputPathsOf,
  parseJson,
  realisationFromJson,
  resolveDerivation,
} from '../index.ts';

const derivations = derivationVectors();
const hasher = new DerivationHasher(defaultStoreDir, path => derivations.get(path));
const realisations = new Map(
  readDerivationVector('realisations.jsonl')
    .trimEnd()
    .split('\n')
    .map(line => realisationFromJson(parseJson(byteStringFromText(line))))
    .map(({ id, path }) => [formatOutputId(id), path]),
);

/** From the realisations where an output's path does not follow from its derivation. */
const lookup: OutputLookup = (path, output): StorePath | undefined => {
  const derivationPath = path.kind === 'opaque' ? path.path : lookup(path.derivation, path.output);
  const derivation = derivationPath && derivations.get(derivationPath);
  if (derivation === undefined) return undefined;
  const derivationHash = hasher.hash(derivation, { maskOutputs: true }).hashes.get(output);
  return (
    outputPathsOf(derivation, hasher).get(output) ??
    (derivationHash && realisations.get(formatOutputId({ derivationHash, output })))
  );
};

/** The derivation of that name that was there first, and the ones that Nix made of it. */
function versionsOf(name: string) {
  const named = [...derivations].filter(([, derivation]) => derivation.name === name);
  const isOriginal = ([, derivation]: readonly [StorePath, Derivation]) => derivation.inputDerivations.size > 0;
  return {
    original: named.find(isOriginal)![1],
    resolved: named.filter(entry => !isOriginal(entry)).map(([path]) => path),
  };
}

describe('resolving', () => {
  for (const name of ['deferred', 'deferred-twice', 'floating-on-deferred', 'structured-deferred', 'dynamic']) {
    test(`${name} becomes what C++ Nix made of it`, () => {
      const { original, resolved } = versionsOf(name);
      assert.equal(needsResolving(original, { resolveFixed: false }), true);
      const basic = resolveDerivation(defaultStoreDir, original, lookup);
      assert.ok(basic);
      assert.ok(!('inputDerivations' in basic));
      const file = makeDerivationFile(defaultStoreDir, { ...basic, inputDerivations: new Map() });
      assert.deepEqual([file.path], resolved);
    });
  }

  test('fails where an output is not known', () => {
    const { original } = versionsOf('dynamic');
    assert.equal(
      resolveDerivation(defaultStoreDir, original, () => undefined),
      undefined,
    );
    const onlyFirst: OutputLookup = (path, output) => (path.kind === 'opaque' ? lookup(path, output) : undefined);
    assert.equal(resolveDerivation(defaultStoreDir, original, onlyFirst), undefined);
  });

  test('is needed where an input is not known before it is built', () => {
    const needing = [...derivations.values()].filter(derivation => needsResolving(derivation, { resolveFixed: false }));
    assert.deepEqual(needing.map(({ name }) => String(name)).toSorted(), [
      'deferred',
      'deferred-twice',
      'dynamic',
      'dynamic-twice',
      'floating-on-deferred',
      'on-impure',
      'structured-deferred',
    ]);
    const fixed = [...derivations.values()].find(({ name }) => name === 'fixed-on-floating')!;
    assert.equal(derivationTypeOf(fixed), 'fixed');
    assert.equal(needsResolving(fixed, { resolveFixed: false }), false);
    assert.equal(needsResolving(fixed, { resolveFixed: true }), true);
  });

  test('adds the outputs to the sources, and leaves the rest alone where nothing is rewritten', () => {
    const { original } = versionsOf('dependent');
    const resolved = resolveDerivation(defaultStoreDir, original, lookup);
    assert.ok(resolved);
    assert.equal(resolved.inputSources.length, original.inputSources.length + 5);
    assert.deepEqual([resolved.env, resolved.outputs], [original.env, original.outputs]);
  });
});
