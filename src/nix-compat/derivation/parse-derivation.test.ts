import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromLatin1, byteStringFromText, byteStringOf } from '../../base/index.ts';
import { derivationTexts, derivations, parseDerivationAt } from '../../testing/index.ts';
import {
  type Derivation,
  NixCompatError,
  type NixCompatErrorCode,
  defaultStoreDir,
  formatDerivation,
  makeDerivationFile,
  parseDerivation,
  parseStoreDir,
} from '../index.ts';

function parse(text: string): Derivation {
  return parseDerivation(byteStringFromLatin1(text), { storeDir: defaultStoreDir, name: byteStringFromText('x') });
}

function normalise(text: string): string {
  return formatDerivation(defaultStoreDir, parse(text));
}

const a = '/nix/store/00000000000000000000000000000000-a';
const b = '/nix/store/11111111111111111111111111111111-b';
const sha256 = '0'.repeat(64);

/** A derivation with some of its fields replaced. */
function withFields(fields: Partial<typeof plain>): string {
  const { start, outputs, inputs, sources, system, builder, args, env } = { ...plain, ...fields };
  return `${start}${outputs},${inputs},${sources},${system},${builder},${args},${env})`;
}

const plain = {
  start: 'Derive(',
  outputs: `[("out","${a}","","")]`,
  inputs: '[]',
  sources: '[]',
  system: '"s"',
  builder: '"b"',
  args: '[]',
  env: '[]',
};
const dynamic = 'DrvWithVersion("xp-dyn-drv",';

/** What C++ Nix 2.34.8 takes and writes otherwise. */
const normalised: readonly (readonly [text: string, written: string, why: string])[] = [
  [`${withFields({})} and more`, withFields({}), 'something after the end'],
  [
    withFields({ sources: `["${b}","${a}","${b}"]` }),
    withFields({ sources: `["${a}","${b}"]` }),
    'sources in another order and twice',
  ],
  [withFields({ args: '["x""y"]' }), withFields({ args: '["x","y"]' }), 'a missing comma'],
  [withFields({ args: '[,"x"]' }), withFields({ args: '["x"]' }), 'a comma at the start of a list'],
  [withFields({ args: '["\\a\\"\\\\"]' }), withFields({ args: '["a\\"\\\\"]' }), 'a needless escape'],
  [withFields({ args: '["\n\t\r"]' }), withFields({ args: '["\\n\\t\\r"]' }), 'characters that should be escaped'],
  [
    withFields({ env: '[("b","1"),("a","2"),("b","3")]' }),
    withFields({ env: '[("a","2"),("b","3")]' }),
    'variables in another order and twice: the last counts',
  ],
  [
    withFields({ outputs: `[("out","${b}","",""),("dev","${a}","",""),("out","${a}","","")]` }),
    withFields({ outputs: `[("dev","${a}","",""),("out","${b}","","")]` }),
    'outputs in another order and twice: the first counts',
  ],
  [
    withFields({ inputs: `[("${b}",["z","a"]),("${a}",["y"]),("${b}",["w"])]` }),
    withFields({ inputs: `[("${a}",["y"]),("${b}",["w"])]` }),
    'inputs in another order and twice: the last counts',
  ],
  [
    withFields({ outputs: `[("out","/nix//store/./${a.slice(11)}","","")]` }),
    withFields({}),
    'a path that is not canonical',
  ],
  [
    withFields({ outputs: `[("out","/wherever","sha256","${sha256}")]` }),
    withFields({ outputs: `[("out","/nix/store/yplc6kklcg6k8aln037jq8jxq5v92wln-x","sha256","${sha256}")]` }),
    'the wrong path of a fixed output',
  ],
  [withFields({ env: '[("__json"," { } ")]' }), withFields({ env: '[("__json","{}")]' }), 'spaces in __json'],
  [
    withFields({ start: dynamic, inputs: `[("${a}",["out"])]` }),
    withFields({ inputs: `[("${a}",["out"])]` }),
    'a version that is not needed',
  ],
];

/** The code, a part of the text that the offset is behind, and why it is refused. */
const refused: readonly (readonly [text: string, code: NixCompatErrorCode, before: string, why: string])[] = [
  ['', 'derivation/syntax', '', 'nothing'],
  ['Foo(', 'derivation/syntax', '', 'another word'],
  ['D', 'derivation/syntax', '', 'half a word'],
  ['Derive[', 'derivation/syntax', 'D', 'no parenthesis'],
  ['DrvWithVersion("xp-other",', 'derivation/unknown-version', 'DrvWithVersion(', 'a version that is not known'],
  [withFields({ args: '["x",,"y"]' }), 'derivation/syntax', '["x",', 'two commas'],
  [withFields({ args: '["x",]' }), 'derivation/syntax', '["x",', 'a comma at the end of a list'],
  [withFields({ args: '[x]' }), 'derivation/syntax', '"b",[', 'a string without quotes'],
  ['Derive([("out","","","")', 'derivation/syntax', '"","","")', 'the end within a list'],
  [withFields({ args: '["' }), 'derivation/syntax', '"b",[', 'a string that is not closed'],
  ['Derive([("out\\"', 'derivation/syntax', '[(', 'a string that ends with an escaped quote'],
  ['Derive([("out\\', 'derivation/syntax', '[(', 'a string that ends with a backslash'],
  [withFields({ outputs: '[("out","","")]' }), 'derivation/syntax', '"out","",""', 'an output that lacks a field'],
  [withFields({ outputs: '[("out","x","","")]' }), 'derivation/bad-path', '("out",', 'a relative output path'],
  [
    withFields({ outputs: '[("out","/x","","")]' }),
    'store-path/not-in-store',
    '("out",',
    'an output outside the store',
  ],
  [
    withFields({ outputs: `[("out","${a}","sha256","impure")]` }),
    'derivation/bad-output',
    '("out",',
    'an impure output with a path',
  ],
  [
    withFields({ outputs: `[("out","${a}","r:sha256","")]` }),
    'derivation/bad-output',
    '("out",',
    'a floating output with a path',
  ],
  [withFields({ outputs: '[("out","","r:md4","")]' }), 'hash/unknown-algorithm', '("out",', 'an unknown algorithm'],
  [withFields({ outputs: `[("out","${a}","md5","00")]` }), 'hash/bad-length', '("out",', 'a hash that is too short'],
  [withFields({ outputs: `[("out","","md5","${'0'.repeat(32)}")]` }), 'derivation/bad-path', '("out",', 'no path'],
  [withFields({ inputs: '[("x",["out"])]' }), 'derivation/bad-path', '],[(', 'a relative input path'],
  [
    withFields({ inputs: `[("${a}",(["out"],[]))]` }),
    'derivation/syntax',
    `[("${a}",`,
    'outputs of outputs in the old version',
  ],
  [
    withFields({ start: dynamic, inputs: `[("${a}","out")]` }),
    'derivation/syntax',
    `[("${a}",`,
    'outputs that are no list',
  ],
  [withFields({ sources: '["a"]' }), 'derivation/bad-path', '[],[', 'a relative source'],
  [withFields({ sources: `["${a}/b"]` }), 'store-path/not-in-store', '[],[', 'a source within a store object'],
  [
    withFields({ env: '[("__json","[]")]' }),
    'derivation/bad-structured-attrs',
    '("__json",',
    'structured attributes that are no object',
  ],
  [
    withFields({ env: '[("__json","{")]' }),
    'derivation/bad-structured-attrs',
    '("__json",',
    'structured attributes that are no JSON',
  ],
  [withFields({ env: '[("x")]' }), 'derivation/syntax', '("x"', 'a variable without a value'],
];

describe('derivations', () => {
  for (const [path, text] of derivationTexts()) {
    test(`${path} is written as it was read, and has its own store path`, () => {
      const derivation = parseDerivationAt(path, text);
      assert.equal(formatDerivation(defaultStoreDir, derivation), text);
      assert.equal(makeDerivationFile(defaultStoreDir, derivation).path, path);
    });
  }

  for (const [text, written, why] of normalised) {
    test(`takes ${why}`, () => assert.equal(normalise(text), written));
  }

  for (const [text, code, before, why] of refused) {
    test(`refuses ${why}`, () => {
      const offset = before === '' ? 0 : text.indexOf(before) + before.length;
      assert.throws(
        () => parse(text),
        error => {
          assert.ok(error instanceof NixCompatError);
          assert.deepEqual({ code: error.code, offset: error.offset }, { code, offset });
          return true;
        },
      );
    });
  }

  test('reads outputs of outputs', () => {
    const inputs = `[("${a}",(["out"],[("out",["dev","man"]),("x",([],[("y",["z"])]))]))]`;
    const text = withFields({ start: dynamic, inputs });
    assert.equal(normalise(text), text);
  });

  test('refuses outputs of outputs beyond the limit', () => {
    const inputs = (depth: number) => `[("${a}",${'([],[("o",'.repeat(depth)}["p"]${')])'.repeat(depth)})]`;
    const text = withFields({ start: dynamic, inputs: inputs(256) });
    assert.equal(normalise(text), text);
    for (const depth of [257, 100_000]) {
      assert.throws(() => parse(withFields({ start: dynamic, inputs: inputs(depth) })), {
        code: 'derivation/too-deep',
      });
    }
  });

  test('refuses what is longer than the limit', () => {
    const options = { storeDir: defaultStoreDir, name: byteStringFromText('x'), maxSize: 10 };
    assert.throws(() => parseDerivation(byteStringFromText('Derive([],['), options), { code: 'derivation/too-large' });
  });

  test('refuses to write a variable under the name of structured attributes', () => {
    const derivation = parse(withFields({}));
    const env = new Map([[byteStringFromText('__json'), byteStringFromText('{}')]]);
    const code = 'derivation/reserved-variable';
    assert.throws(() => formatDerivation(defaultStoreDir, { ...derivation, env }), { code });
  });

  test('takes time in proportion to the length', () => {
    // Backslashes and quotes that a scanner with a quadratic step would go through again and again.
    const env = (value: string) => withFields({ env: `[${`("a","${value}"),`.repeat(20)}("b","")]` });
    for (const value of ['\\"'.repeat(200_000), '\\\\'.repeat(200_000), `${'x'.repeat(400_000)}\\n`]) parse(env(value));
    const many = withFields({ args: `[${'"\\"",'.repeat(500_000)}"x"]` });
    assert.equal(parse(many).args.length, 500_001);
  });

  test('reads back what it wrote', () => {
    const storeDirs = fc.constantFrom(defaultStoreDir, parseStoreDir('/other/store'));
    fc.assert(
      fc.property(derivations(), storeDirs, (derivation, storeDir) => {
        const text = formatDerivation(storeDir, derivation);
        assert.deepEqual(parseDerivation(text, { storeDir, name: derivation.name }), derivation);
      }),
    );
  });

  test('takes or refuses any bytes', () => {
    const mutated = fc
      .tuple(fc.constantFrom(...derivationTexts().values()), fc.nat(), fc.nat(20), fc.uint8Array({ maxLength: 4 }))
      .map(([seed, at, skipped, bytes]) => {
        const cut = at % (seed.length + 1);
        return byteStringFromLatin1(seed.slice(0, cut) + byteStringOf(bytes) + seed.slice(cut + skipped));
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 50 }).map(byteStringOf)), text => {
        try {
          parse(text);
        } catch (error) {
          assert.ok(error instanceof NixCompatError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
