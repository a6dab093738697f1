import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type ByteString, byteStringFromText, byteStringOf } from '../../base/index.ts';
import { jsonValues, outputNames, singleDerivingPaths } from '../../testing/index.ts';
import {
  type DerivingPath,
  NixCompatError,
  type NixCompatErrorCode,
  allOutputs,
  baseStorePath,
  builtPath,
  defaultStoreDir,
  derivingPathFromJson,
  derivingPathOf,
  derivingPathToJson,
  formatDerivingPath,
  formatJson,
  formatOutputsSpec,
  formatSingleDerivingPath,
  maxOutputChain,
  hasOutput,
  isOutputsSubset,
  namedOutputs,
  opaquePath,
  outputsSpecFromJson,
  outputsSpecToJson,
  parseDerivingPath,
  parseJson,
  parseOutputsSpec,
  parseSingleDerivingPath,
  parseStorePath,
  singleDerivingPathFromJson,
  singleDerivingPathToJson,
  splitOutputsSpec,
  uniteOutputsSpecs,
  unrollDerivingPath,
} from '../index.ts';

const base = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo.drv');
const text = byteStringFromText;
const names = (...list: string[]) => namedOutputs(list.map(name => text(name)));

/** As libstore-tests/data/derived-path of C++ Nix 2.34.8 has them. */
const known: readonly (readonly [printed: string, json: string, path: DerivingPath])[] = [
  ['', `"${base}"`, opaquePath(base)],
  [
    '^bar,baz',
    `{"drvPath":"${base}","outputs":["bar","baz"]}`,
    { kind: 'built', derivation: opaquePath(base), outputs: names('baz', 'bar') },
  ],
  [
    '^bar^baz,quux',
    `{"drvPath":{"drvPath":"${base}","output":"bar"},"outputs":["baz","quux"]}`,
    { kind: 'built', derivation: builtPath(opaquePath(base), text('bar')), outputs: names('baz', 'quux') },
  ],
  [
    '^bar^*',
    `{"drvPath":{"drvPath":"${base}","output":"bar"},"outputs":["*"]}`,
    { kind: 'built', derivation: builtPath(opaquePath(base), text('bar')), outputs: allOutputs },
  ],
];

const refused: readonly (readonly [text: string, code: NixCompatErrorCode, why: string])[] = [
  ['', 'path/not-absolute', 'nothing'],
  ['^out', 'path/not-absolute', 'outputs of nothing'],
  [`/nix/store/${base}^`, 'deriving-path/bad-output', 'no output'],
  [`/nix/store/${base}^out,`, 'deriving-path/bad-output', 'an empty name'],
  [`/nix/store/${base}^out,*`, 'deriving-path/bad-output', 'all outputs among others'],
  [`/nix/store/${base}^a/b`, 'deriving-path/bad-output', 'a name with a slash'],
  [`/nix/store/${base}!out`, 'store-path/bad-name', 'the other separator'],
  [`${base}^out`, 'path/not-absolute', 'a base name'],
  [`/nix/store/${base}/x^out`, 'store-path/not-in-store', 'a path within a store object'],
];

describe('deriving paths', () => {
  for (const [printed, json, path] of known) {
    test(printed === '' ? 'a store path' : printed, () => {
      const whole = text(`/nix/store/${base}${printed}`);
      assert.deepEqual(parseDerivingPath(defaultStoreDir, whole), path);
      assert.equal(formatDerivingPath(defaultStoreDir, path), whole);
      const legacy = text(whole.replaceAll('^', '!'));
      assert.deepEqual(parseDerivingPath(defaultStoreDir, legacy, '!'), path);
      assert.equal(formatDerivingPath(defaultStoreDir, path, '!'), legacy);
      assert.deepEqual(derivingPathFromJson(parseJson(text(json))), path);
      assert.equal(formatJson(derivingPathToJson(path)), json);
      assert.equal(baseStorePath(path), base);
    });
  }

  for (const [path, code, why] of refused) {
    test(`refuses ${why}`, () => {
      assert.throws(() => parseDerivingPath(defaultStoreDir, text(path)), { name: 'NixCompatError', code });
    });
  }

  test('of one object read back what they wrote', () => {
    fc.assert(
      fc.property(singleDerivingPaths, fc.constantFrom('^' as const, '!' as const), (path, separator) => {
        const printed = formatSingleDerivingPath(defaultStoreDir, path, separator);
        assert.deepEqual(parseSingleDerivingPath(defaultStoreDir, printed, separator), path);
        assert.deepEqual(singleDerivingPathFromJson(parseJson(formatJson(singleDerivingPathToJson(path)))), path);
        const many = derivingPathOf(path);
        assert.deepEqual(parseDerivingPath(defaultStoreDir, formatDerivingPath(defaultStoreDir, many)), many);
        assert.equal(baseStorePath(many), unrollDerivingPath(path).base);
      }),
    );
  });

  test('have no more outputs of outputs than the limit', () => {
    const chain = (length: number) => text(`/nix/store/${base}${'^'.repeat(length)}`);
    assert.equal(
      unrollDerivingPath(parseSingleDerivingPath(defaultStoreDir, chain(maxOutputChain))).outputs.length,
      maxOutputChain,
    );
    assert.throws(() => parseSingleDerivingPath(defaultStoreDir, chain(maxOutputChain + 1)), {
      code: 'deriving-path/too-deep',
    });
  });

  test('may be long chains', () => {
    const chain = text(`/nix/store/${base}${'^out'.repeat(200_000)}`);
    const path = parseDerivingPath(defaultStoreDir, chain);
    assert.equal(formatDerivingPath(defaultStoreDir, path), chain);
    assert.equal(unrollDerivingPath(parseSingleDerivingPath(defaultStoreDir, chain)).outputs.length, 200_000);
    assert.throws(() => parseJson(formatJson(derivingPathToJson(path))), { code: 'json/too-deep' });
  });

  test('take or refuse any bytes and any JSON', () => {
    const pieces = fc
      .array(fc.constantFrom(`/nix/store/${base}`, '^', '!', ',', '*', 'out', '/', '\0', '\u00ff'), { maxLength: 8 })
      .map(list => list.join('') as ByteString);
    const attempt = (parse: () => unknown) => {
      try {
        parse();
      } catch (error) {
        assert.ok(error instanceof NixCompatError, String(error));
      }
    };
    fc.assert(
      fc.property(fc.oneof(pieces, fc.uint8Array().map(byteStringOf)), bytes =>
        attempt(() => parseDerivingPath(defaultStoreDir, bytes)),
      ),
    );
    fc.assert(fc.property(jsonValues, json => attempt(() => derivingPathFromJson(json))));
  });
});

describe('outputs', () => {
  const specs = fc.oneof(
    fc.constant(allOutputs),
    fc.array(outputNames, { minLength: 1, maxLength: 5 }).map(namedOutputs),
  );

  test('are sorted, each once', () => {
    assert.equal(formatOutputsSpec(parseOutputsSpec(text('out,bin,out'))), 'bin,out');
  });

  test('are split off', () => {
    assert.deepEqual(splitOutputsSpec(text('foo')), { prefix: 'foo', outputs: undefined });
    assert.deepEqual(splitOutputsSpec(text('foo^*')), { prefix: 'foo', outputs: allOutputs });
    assert.deepEqual(splitOutputsSpec(text('a^b^out,bin')), { prefix: 'a^b', outputs: names('bin', 'out') });
    assert.throws(() => splitOutputsSpec(text('foo^&*()')), { code: 'deriving-path/bad-output' });
  });

  test('read back what they wrote', () => {
    fc.assert(
      fc.property(specs, spec => {
        assert.deepEqual(parseOutputsSpec(formatOutputsSpec(spec)), spec);
        assert.deepEqual(outputsSpecFromJson(outputsSpecToJson(spec)), spec);
      }),
    );
  });

  test('are a set', () => {
    fc.assert(
      fc.property(specs, specs, outputNames, (a, b, output) => {
        const both = uniteOutputsSpecs(a, b);
        assert.equal(hasOutput(both, output), hasOutput(a, output) || hasOutput(b, output));
        assert.ok(isOutputsSubset(a, both) && isOutputsSubset(b, both));
        assert.equal(isOutputsSubset(both, a), isOutputsSubset(b, a));
      }),
    );
    assert.equal(isOutputsSubset(allOutputs, names('out')), false);
  });
});
