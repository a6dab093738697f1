import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { evaluateText } from '../../testing/index.ts';

/** The core makes a derivation unless it has an attribute that only the host knows, even one that changes nothing. */
const byHost = '__contentAddressed = false;';
const features = new Set(['ca-derivations', 'dynamic-derivations'] as const);

interface Drawn {
  readonly attributes: string;
  /** How it uses the ones before: an expression of `d`, the list of those. */
  readonly uses: readonly string[];
}

function drawingOf(all: readonly Drawn[], isByHost: (index: number) => boolean): string {
  const made = all.map(({ attributes, uses }, index) => {
    const needs = uses.map((use, at) => `use${at} = ${use.replaceAll('#', String(index))};`).join(' ');
    return `(d: derivation { ${attributes} ${needs} ${isByHost(index) ? byHost : ''} })`;
  });
  const show = '(x: { inherit (x) drvPath; all = map (y: y.outPath) x.all; })';
  return `map ${show} (builtins.foldl' (d: f: d ++ [ (f d) ]) [ ] [ ${made.join(' ')} ])`;
}

const text = fc
  .string({
    unit: fc.constantFrom('a', '"', '\\', '\n', '\r', '\t', '$', ' ', '\u0001', 'é', 'abcdefgh'),
    maxLength: 12,
  })
  .map(value => `"${value.replaceAll(/["\\$]/g, '\\$&')}"`);

const value = fc.oneof(
  text,
  fc.constantFrom('null', 'true', 'false', '1', '[ 1 "b" [ ] [ "c" ] ]', '"${builtins.toFile "f" "x"}"'),
);

const outputs = fc.constantFrom('', 'outputs = [ "out" ];', 'outputs = [ "lib" "out" "dev" ];', 'outputs = [ "bin" ];');
const fixed = fc.constantFrom(
  'outputHash = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";',
  'outputHash = "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s"; outputHashAlgo = "sha256"; outputHashMode = "recursive";',
  'outputHash = "a9993e364706816aba3e25717850c26c9cd0d89d"; outputHashAlgo = "sha1"; outputHashMode = "flat";',
  'outputHash = ""; outputHashAlgo = "sha256"; outputHashMode = "nar";',
);

const names = ['A', 'b', '_c', 'zz', 'out', 'libs', 'PATH'] as const;

const drawn: fc.Arbitrary<Drawn> = fc
  .record({
    name: fc.constantFrom('a', 'b-1.0', 'c_d.e', '.f'),
    variables: fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4 }),
    args: fc.option(fc.array(value, { maxLength: 3 })),
    kind: fc.oneof({ weight: 3, arbitrary: outputs }, { weight: 1, arbitrary: fixed }),
    flags: fc.constantFrom('', '__ignoreNulls = true;', '__ignoreNulls = false; __structuredAttrs = false;'),
    uses: fc.array(
      fc.constantFrom(
        '"${builtins.elemAt d (if # > 0 then # - 1 else 0)}"',
        'd',
        'map (x: x.all) d',
        '"${(builtins.head d).drvPath}"',
        'map (x: builtins.unsafeDiscardOutputDependency x.drvPath) d',
      ),
      { maxLength: 2 },
    ),
  })
  .map(({ name, variables, args, kind, flags, uses }) => ({
    attributes: [
      `name = "${name}"; system = "s"; builder = "/b"; ${kind} ${flags}`,
      ...Object.entries(variables).map(([key, word]) => `${key} = ${word};`),
      ...(args === null ? [] : [`args = [ ${args.map(word => `(${word})`).join(' ')} ];`]),
    ].join(' '),
    // The first one has none before it.
    uses: uses.map(use => `if d == [ ] then "" else ${use}`),
  }));

describe('derivations', () => {
  test('are the same whether core or host makes them, or either what the other needs', () => {
    fc.assert(
      fc.property(fc.array(drawn, { minLength: 1, maxLength: 4 }), fc.nat(15), (all, mask) => {
        const found = evaluateText(
          drawingOf(all, () => false),
          { features },
        );
        const expected = evaluateText(
          drawingOf(all, () => true),
          { features },
        );
        assert.deepEqual(found, expected);
        assert.ok('value' in found, JSON.stringify(found));
        assert.deepEqual(
          evaluateText(
            drawingOf(all, index => ((mask >> index) & 1) === 1),
            { features },
          ),
          expected,
        );
      }),
      { numRuns: 200 },
    );
  });

  const wrong = [
    'name = "a b"; system = "s"; builder = "b";',
    'name = "a.drv"; system = "s"; builder = "b";',
    'name = "."; system = "s"; builder = "b";',
    `name = "${'a'.repeat(208)}"; system = "s"; builder = "b";`,
    `name = "${'a'.repeat(205)}"; system = "s"; builder = "b"; outputs = [ "library" ];`,
    'system = "s"; builder = "b";',
    'name = "a"; builder = "b";',
    'name = "a"; system = "s"; builder = "";',
    'name = "a"; system = "s"; builder = "b"; outputs = [ ];',
    'name = "a"; system = "s"; builder = "b"; outputs = [ "out" "out" ];',
    'name = "a"; system = "s"; builder = "b"; outputs = [ "drvPath" ];',
    'name = "a"; system = "s"; builder = "b"; outputs = [ "a/b" ];',
    'name = "a"; system = "s"; builder = "b"; outputs = [ "out" "dev" ]; outputHash = ""; outputHashAlgo = "md5";',
    'name = "a"; system = "s"; builder = "b"; outputHash = "x"; outputHashAlgo = "sha256";',
    'name = "a"; system = "s"; builder = "b"; outputHashMode = "odd"; outputHash = "x"; z = throw "not reached";',
    'name = "a"; system = "s"; builder = "b"; f = x: x;',
    'name = "a"; system = "s"; builder = "b"; args = [ 1 (throw "in an argument") ];',
    'name = "a"; system = "s"; builder = "b"; __structuredAttrs = 1;',
    'name = "${derivation { name = "b"; system = "s"; builder = "b"; }}"; system = "s"; builder = "b";',
  ];
  for (const attributes of wrong) {
    test(`whoever makes it, this is refused: ${attributes.slice(0, 90)}`, () => {
      const shown = (more: string) =>
        evaluateText(`(derivationStrict { ${attributes} ${more} }).drvPath`, { features });
      const [found, expected] = [shown(''), shown(byHost)];
      assert.ok('error' in found && 'error' in expected);
      assert.equal(found.error, expected.error);
      assert.deepEqual(found.traces, expected.traces);
    });
  }
});
