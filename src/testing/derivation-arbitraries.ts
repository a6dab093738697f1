import * as fc from 'fast-check';
import { type ByteString, byteStringFromLatin1, byteStringFromText } from '../base/index.ts';
import {
  type ContentAddressKind,
  type Derivation,
  type DerivationOutput,
  type DerivedInputs,
  type JsonValue,
  type OutputName,
  type SingleDerivingPath,
  type StorePath,
  builtPath,
  contentAddressMethods,
  hashAlgorithms,
  hashSize,
  isJsonObject,
  nix32Alphabet,
  noDynamicInputs,
  opaquePath,
  parseStorePath,
  structuredAttrsVariable,
} from '../nix-compat/index.ts';

/** Names that a store path can have. */
export const storePathNames: fc.Arbitrary<string> = fc
  .string({
    unit: fc.constantFrom(...'abcxyzABC019+-_?=.'.split('')),
    minLength: 1,
    maxLength: 30,
  })
  .filter(name => !/^\.{1,2}(-|$)/.test(name));

export const storePaths: fc.Arbitrary<StorePath> = fc
  .tuple(fc.string({ unit: fc.constantFrom(...nix32Alphabet.split('')), minLength: 32, maxLength: 32 }), storePathNames)
  .map(([hash, name]) => parseStorePath(`${hash}-${name}`));

const derivationPaths = storePaths.map(path => parseStorePath(`${path}.drv`));

export const outputNames: fc.Arbitrary<OutputName> = storePathNames.map(name => byteStringFromText(name));

/** Any bytes, often ones that are escaped. */
const anyBytes: fc.Arbitrary<ByteString> = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom('"', '\\', '\n', '\r', '\t', ',', '[', ']', '(', ')'),
      fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)),
    ),
    maxLength: 60,
  })
  .map(byteStringFromLatin1);

const anyText: fc.Arbitrary<ByteString> = fc.string({ unit: 'binary', maxLength: 40 }).map(byteStringFromText);

/** JSON as Nix holds it, of moderate size. */
export const jsonValues: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<JsonValue[]>(null, true, false),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    anyText,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(anyText, tie('value')), { maxLength: 5 }).map(entries => new Map(entries)),
  ),
})).value;

const kinds: fc.Arbitrary<ContentAddressKind> = fc.record(
  { method: fc.constantFrom(...contentAddressMethods), algorithm: fc.constantFrom(...hashAlgorithms) },
  { noNullPrototype: true },
);

/** Only what a store path can be made of: git and text take some algorithms alone. */
const fixedOutputs: fc.Arbitrary<DerivationOutput> = fc
  .constantFrom(
    { method: 'nar' as const, algorithm: 'sha256' as const },
    { method: 'flat' as const, algorithm: 'md5' as const },
    { method: 'text' as const, algorithm: 'sha256' as const },
    { method: 'git' as const, algorithm: 'sha1' as const },
    { method: 'nar' as const, algorithm: 'blake3' as const },
  )
  .chain(({ method, algorithm }) =>
    fc.uint8Array({ minLength: hashSize(algorithm), maxLength: hashSize(algorithm) }).map(digest => ({
      kind: 'fixed' as const,
      address: { method, hash: { algorithm, digest: Buffer.from(digest) } },
    })),
  );

export const derivationOutputs: fc.Arbitrary<DerivationOutput> = fc.oneof(
  storePaths.map(path => ({ kind: 'input-addressed' as const, path })),
  fixedOutputs,
  kinds.map(({ method, algorithm }) => ({ kind: 'floating' as const, method, algorithm })),
  kinds.map(({ method, algorithm }) => ({ kind: 'impure' as const, method, algorithm })),
  fc.constant({ kind: 'deferred' as const }),
);

function sortedMap<K extends string, V>(keys: fc.Arbitrary<K>, values: fc.Arbitrary<V>): fc.Arbitrary<Map<K, V>> {
  return fc
    .uniqueArray(fc.tuple(keys, values), { selector: ([key]) => key, maxLength: 5 })
    .map(entries => new Map(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

function sortedSet<T extends string>(items: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.uniqueArray(items, { maxLength: 5 }).map(list => list.toSorted());
}

const derivedInputs: fc.Arbitrary<DerivedInputs> = fc.letrec<{ inputs: DerivedInputs }>(tie => ({
  inputs: fc.record(
    {
      outputs: sortedSet(outputNames),
      dynamic: fc.oneof({ maxDepth: 3 }, fc.constant(noDynamicInputs), sortedMap(outputNames, tie('inputs'))),
    },
    { noNullPrototype: true },
  ),
})).inputs;

/** Of any outputs, whether or not they are allowed together. Strings are of `strings`, by default any bytes. */
export function derivations(strings: fc.Arbitrary<ByteString> = anyBytes): fc.Arbitrary<Derivation> {
  return fc.record(
    {
      name: storePathNames.map(name => byteStringFromText(name)),
      outputs: sortedMap(outputNames, derivationOutputs),
      inputDerivations: sortedMap(derivationPaths, derivedInputs),
      inputSources: sortedSet(storePaths),
      platform: fc.constantFrom('x86_64-linux', 'builtin', '').map(name => byteStringFromText(name)),
      builder: strings,
      args: fc.array(strings, { maxLength: 4 }),
      env: sortedMap(
        strings.filter(name => name !== structuredAttrsVariable),
        strings,
      ),
      structuredAttrs: jsonValues.filter(isJsonObject),
    },
    {
      requiredKeys: ['name', 'outputs', 'inputDerivations', 'inputSources', 'platform', 'builder', 'args', 'env'],
      noNullPrototype: true,
    },
  );
}

/** Derivations that are text throughout, which JSON can hold. */
export const textDerivations: fc.Arbitrary<Derivation> = derivations(anyText);

export const singleDerivingPaths: fc.Arbitrary<SingleDerivingPath> = fc
  .tuple(storePaths, fc.array(outputNames, { maxLength: 6 }))
  .map(([base, outputs]) => outputs.reduce<SingleDerivingPath>(builtPath, opaquePath(base)));
