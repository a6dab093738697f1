import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type ByteString, byteStringFromText } from '../../base/index.ts';
import { derivationVectors, derivations, jsonValues } from '../../testing/index.ts';
import {
  type Derivation,
  NixCompatError,
  type NixCompatErrorCode,
  defaultStoreDir,
  isJsonObject,
  opaquePath,
  parseDerivationOptions,
  parseJson,
  parseStorePath,
  requiredSystemFeatures,
  resolveDerivationOptions,
} from '../index.ts';

const text = byteStringFromText;
const vectors = [...derivationVectors().values()];
const plain = vectors.find(({ name }) => name === 'plain')!;

function withEnv(env: Record<string, string>): Derivation {
  return { ...plain, env: new Map(Object.entries(env).map(([name, value]) => [text(name), text(value)])) };
}

function withAttributes(json: unknown): Derivation {
  const structuredAttrs = parseJson(text(JSON.stringify(json)));
  assert.ok(isJsonObject(structuredAttrs));
  return { ...plain, env: new Map(), structuredAttrs };
}

function parse(derivation: Derivation) {
  const warnings: string[] = [];
  return { options: parseDerivationOptions(defaultStoreDir, derivation, warning => warnings.push(warning)), warnings };
}

const a = 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-a';
const input = { kind: 'input' as const, input: opaquePath(parseStorePath(a)) };
const own = (output: string) => ({ kind: 'own-output' as const, output: text(output) });

const defaults = {
  unsafeDiscardReferences: new Map(),
  passAsFile: new Set<ByteString>(),
  exportReferencesGraph: new Map(),
  additionalSandboxProfile: '',
  noChroot: false,
  impureHostDeps: new Set(),
  impureEnvVars: new Set(),
  allowLocalNetworking: false,
  requiredSystemFeatures: new Set(),
  preferLocalBuild: false,
  allowSubstitutes: true,
};

const refused: readonly (readonly [derivation: Derivation, code: NixCompatErrorCode, why: string])[] = [
  [withEnv({ exportReferencesGraph: 'x' }), 'derivation/bad-option', 'a file without a path'],
  [withEnv({ exportReferencesGraph: `a/b /nix/store/${a}` }), 'derivation/bad-option', 'a file in a folder'],
  [withEnv({ exportReferencesGraph: 'x /etc' }), 'store-path/not-in-store', 'a path outside the store'],
  [withAttributes({ exportReferencesGraph: { x: [1] } }), 'derivation/bad-option', 'a path that is no text'],
  [withAttributes({ noChroot: 1, __noChroot: '1' }), 'json/wrong-type', 'a flag that is no boolean'],
  [withAttributes({ impureEnvVars: 'a' }), 'json/wrong-type', 'a list that is text'],
  [withAttributes({ outputChecks: [] }), 'json/wrong-type', 'checks that are no object'],
  [withAttributes({ outputChecks: { out: { maxSize: -1 } } }), 'json/wrong-type', 'a negative size'],
  [
    withAttributes({ outputChecks: { out: { maxSize: -1.5 } } }),
    'derivation/bad-option',
    'a negative size in floating point',
  ],
  [
    withAttributes({ unsafeDiscardReferences: { out: 1 } }),
    'json/wrong-type',
    'a flag of an output that is no boolean',
  ],
];

describe('options of derivations', () => {
  test('have defaults', () => {
    const none = { allowedReferences: undefined, allowedRequisites: undefined };
    const nothing = { ...none, disallowedReferences: [], disallowedRequisites: [] };
    assert.deepEqual(parse(withEnv({})).options, {
      ...defaults,
      outputChecks: { kind: 'for-all-outputs', checks: { ...nothing, ignoreSelfReferences: true } },
    });
    assert.deepEqual(parse(withAttributes({})).options, {
      ...defaults,
      outputChecks: { kind: 'per-output', checks: new Map() },
    });
  });

  test('are read from the environment', () => {
    const { options, warnings } = parse(
      withEnv({
        allowedReferences: ` out\n/nix/store/${a} `,
        disallowedRequisites: `/nix/store/${a}/bin`,
        allowSubstitutes: '',
        preferLocalBuild: '1',
        __noChroot: 'true',
        __sandboxProfile: 'castle',
        requiredSystemFeatures: 'kvm\tbig-parallel kvm',
        passAsFile: 'b a',
        exportReferencesGraph: `x /nix/store/${a}/bin/y z /nix/store/${a}`,
      }),
    );
    assert.deepEqual(warnings, []);
    assert.equal(options.outputChecks.kind, 'for-all-outputs');
    assert.deepEqual(options.outputChecks.checks.allowedReferences, [input, own('out')]);
    assert.deepEqual(options.outputChecks.checks.disallowedRequisites, [own(`/nix/store/${a}/bin`)]);
    assert.deepEqual([options.allowSubstitutes, options.preferLocalBuild, options.noChroot], [false, true, false]);
    assert.equal(options.additionalSandboxProfile, 'castle');
    assert.deepEqual([...options.requiredSystemFeatures], ['big-parallel', 'kvm']);
    assert.deepEqual([...options.passAsFile], ['a', 'b']);
    assert.deepEqual(
      [...options.exportReferencesGraph],
      [
        ['x', [input.input]],
        ['z', [input.input]],
      ],
    );
  });

  test('are read from structured attributes', () => {
    const { options } = parse(
      withAttributes({
        outputChecks: {
          bin: { allowedRequisites: ['out', `/nix/store/${a}`], maxSize: 10, maxClosureSize: 1e3 + 0.5 },
          out: {},
        },
        unsafeDiscardReferences: { out: true, bin: false },
        __noChroot: true,
        requiredSystemFeatures: ['kvm', 'kvm'],
        exportReferencesGraph: { g: [[`/nix/store/${a}`], [[`/nix/store/${a}`]]], h: `/nix/store/${a}` },
      }),
    );
    assert.equal(options.outputChecks.kind, 'per-output');
    const { bin, out } = Object.fromEntries(options.outputChecks.checks);
    assert.deepEqual(bin?.allowedRequisites, [input, own('out')]);
    assert.deepEqual([bin?.maxSize, bin?.maxClosureSize, bin?.ignoreSelfReferences], [10, 1000, false]);
    assert.equal(out?.allowedRequisites, undefined);
    assert.deepEqual(Object.fromEntries(options.unsafeDiscardReferences), { bin: false, out: true });
    assert.equal(options.noChroot, true);
    assert.deepEqual([...options.requiredSystemFeatures], ['kvm']);
    assert.deepEqual(
      [...options.exportReferencesGraph],
      [
        ['g', [input.input]],
        ['h', [input.input]],
      ],
    );
  });

  test('that have no effect are warned of', () => {
    const derivation = withAttributes({ maxSize: 1, allowedReferences: [], exportReferencesGraph: [] });
    const { options, warnings } = parse({ ...derivation, env: new Map([[text('passAsFile'), text('x')]]) });
    assert.equal(options.passAsFile.size, 0);
    const replaced = (name: string) =>
      `'structuredAttrs' disables the effect of the top-level attribute '${name}'; use 'outputChecks' instead`;
    assert.deepEqual(warnings, [
      replaced('allowedReferences'),
      replaced('maxSize'),
      "'structuredAttrs' disables the effect of the top-level attribute 'passAsFile'; because all JSON is always passed via file",
      "'exportReferencesGraph' in structured attrs is not a JSON object, ignoring",
    ]);
  });

  test('find inputs whose paths are not known, and resolve them', () => {
    const deferred = vectors.find(({ name, inputDerivations }) => name === 'deferred' && inputDerivations.size > 0)!;
    const placeholder = deferred.env.get(text('dev'))!;
    const derivation = { ...deferred, env: new Map([[text('allowedReferences'), placeholder]]) };
    const { options } = parse(derivation);
    assert.equal(options.outputChecks.kind, 'for-all-outputs');
    const [reference] = options.outputChecks.checks.allowedReferences ?? [];
    assert.ok(reference?.kind === 'input' && reference.input.kind === 'built');
    assert.equal(reference.input.output, 'dev');
    assert.equal(
      resolveDerivationOptions(options, () => undefined),
      undefined,
    );
    const resolved = resolveDerivationOptions(options, () => parseStorePath(a));
    assert.ok(resolved?.outputChecks.kind === 'for-all-outputs');
    assert.deepEqual(resolved.outputChecks.checks.allowedReferences, [{ kind: 'input', input: a }]);
    assert.deepEqual([...requiredSystemFeatures(options, derivation)], ['ca-derivations']);
    assert.deepEqual([...requiredSystemFeatures(options, plain)], []);
  });

  for (const [derivation, code, why] of refused) {
    test(`refuse ${why}`, () => assert.throws(() => parse(derivation), { name: 'NixCompatError', code }));
  }

  test('are taken or refused', () => {
    const names = ['outputChecks', 'exportReferencesGraph', 'unsafeDiscardReferences', '__noChroot', 'impureEnvVars'];
    const attributes = fc
      .dictionary(fc.constantFrom(...names), jsonValues)
      .map(record => new Map(Object.entries(record)));
    fc.assert(
      fc.property(derivations(), fc.option(attributes), (derivation, structuredAttrs) => {
        try {
          parse({
            ...derivation,
            ...(structuredAttrs && { structuredAttrs: structuredAttrs as Map<ByteString, never> }),
          });
        } catch (error) {
          assert.ok(error instanceof NixCompatError, String(error));
        }
      }),
    );
  });
});
