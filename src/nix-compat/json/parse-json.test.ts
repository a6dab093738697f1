import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromLatin1, byteStringFromText, byteStringOf } from '../../base/index.ts';
import { jsonValues } from '../../testing/index.ts';
import { NixCompatError, type NixCompatErrorCode, formatJson, parseJson } from '../index.ts';

function normalise(text: string): string {
  return formatJson(parseJson(byteStringFromLatin1(text)));
}

/** What `nix eval --json` of C++ Nix 2.34.8 prints of the text, read by `builtins.fromJSON`. */
const normalised: readonly (readonly [text: string, written: string])[] = [
  [' [1 ,\n\t2\r] ', '[1,2]'],
  ['{"b":1,"a":{"d":[],"c":{}}}', '{"a":{"c":{},"d":[]},"b":1}'],
  ['{"a":1,"a":2}', '{"a":2}'],
  ['-0', '0'],
  ['-0.0', '-0.0'],
  ['1E2', '100.0'],
  ['123456789012345678901234567890', '1.2345678901234568e+29'],
  ['"\\u0041\\u00e9\\u2603\\ud834\\udd1e\\/"', '"A\u00c3\u00a9\u00e2\u0098\u0083\u00f0\u009d\u0084\u009e/"'],
  ['"\\u0001\\b\\f\\n\\r\\t\\"\\\\\u007f"', '"\\u0001\\b\\f\\n\\r\\t\\"\\\\\u007f"'],
  ['\u00ef\u00bb\u00bftrue', 'true'],
];

const refused: readonly (readonly [text: string, code: NixCompatErrorCode, offset: number, why: string])[] = [
  ['', 'json/syntax', 0, 'nothing'],
  [' ', 'json/syntax', 1, 'only white space'],
  ['tru', 'json/syntax', 0, 'a word that is none'],
  ['truex', 'json/syntax', 4, 'something after the value'],
  ['1 2', 'json/syntax', 2, 'two values'],
  ['01', 'json/syntax', 1, 'a leading zero'],
  ['+1', 'json/syntax', 0, 'a plus sign'],
  ['1.', 'json/syntax', 1, 'no digit after the point'],
  ['.5', 'json/syntax', 0, 'no digit before the point'],
  ['-', 'json/syntax', 0, 'a sign alone'],
  ['1e400', 'json/number-range', 0, 'a number beyond floating point'],
  ['9'.repeat(400), 'json/number-range', 0, 'an integer beyond floating point'],
  ['NaN', 'json/syntax', 0, 'no number'],
  ['[1,]', 'json/syntax', 3, 'a comma before the bracket'],
  ['[1 2]', 'json/syntax', 3, 'no comma'],
  ['[', 'json/syntax', 1, 'an array that is not closed'],
  ['[}', 'json/syntax', 1, 'the wrong bracket'],
  ['{"a":1,}', 'json/syntax', 7, 'a comma before the brace'],
  ['{"a" 1}', 'json/syntax', 5, 'no colon'],
  ['{a:1}', 'json/syntax', 1, 'a key without quotes'],
  ['"a', 'json/syntax', 2, 'a string that is not closed'],
  ['"a\nb"', 'json/syntax', 2, 'a control character in a string'],
  ['"\\x"', 'json/syntax', 1, 'an unknown escape sequence'],
  ['"\\u12g4"', 'json/syntax', 1, 'a digit that is none'],
  ['"\\ud834"', 'json/syntax', 1, 'half a pair of surrogates'],
  ['"\\ud834\\u0041"', 'json/syntax', 1, 'a surrogate before another character'],
  ['"\\udd1e"', 'json/syntax', 1, 'the second half alone'],
  ['// x\n1', 'json/syntax', 0, 'a comment'],
  ['"\u00ff"', 'json/not-utf8', 1, 'a byte that UTF-8 does not have'],
  ['"\u00c3"', 'json/not-utf8', 1, 'half a character'],
  ['"\u00ed\u00a0\u0080"', 'json/not-utf8', 1, 'a surrogate in UTF-8'],
  ['"\u00c0\u0080"', 'json/not-utf8', 1, 'more bytes than needed'],
  [`"\u00c3\u00a9${'x'.repeat(50)}\u0080`, 'json/not-utf8', 53, 'a continuation without a start'],
];

describe('JSON', () => {
  for (const [text, written] of normalised) {
    test(`${JSON.stringify(text)} is ${JSON.stringify(written)}`, () => assert.equal(normalise(text), written));
  }

  for (const [text, code, offset, why] of refused) {
    test(`refuses ${why}`, () => {
      assert.throws(() => parseJson(byteStringFromLatin1(text)), { name: 'NixCompatError', code, offset });
    });
  }

  test('keeps integers exact up to 64 bits', () => {
    const text = '[-9223372036854775808,9007199254740993,18446744073709551615]';
    assert.equal(normalise(text), text);
    assert.equal(normalise('18446744073709551616'), '1.8446744073709552e+19');
    assert.equal(normalise('-9223372036854775809'), '-9.223372036854776e+18');
  });

  test('prints floating point as C++ Nix does', () => {
    const text = readFileSync(new URL('../../../test/vectors/json/floats.json', import.meta.url), 'latin1');
    assert.deepEqual(normalise(text).slice(1, -1).split(','), text.trim().slice(2, -2).split(',\n'));
  });

  test('indents', () => {
    const value = parseJson(byteStringFromText('{"a":[1,[]],"b":{},"c":{"d":null}}'));
    assert.equal(
      formatJson(value, 2),
      '{\n  "a": [\n    1,\n    []\n  ],\n  "b": {},\n  "c": {\n    "d": null\n  }\n}',
    );
  });

  test('refuses to write what is not UTF-8', () => {
    assert.throws(() => formatJson([byteStringFromLatin1('\u00ff')]), { code: 'json/not-utf8' });
  });

  test('is deep up to the limit', () => {
    const nested = (depth: number) => byteStringFromText('['.repeat(depth) + ']'.repeat(depth));
    assert.equal(formatJson(parseJson(nested(10_000))), nested(10_000));
    assert.throws(() => parseJson(nested(10_001)), { code: 'json/too-deep', offset: 10_000 });
    assert.throws(() => parseJson(byteStringFromText('{"a":'.repeat(1_000_000))), { code: 'json/too-deep' });
  });

  test('is long up to the limit', () => {
    assert.throws(() => parseJson(byteStringFromText('[1]'), { maxSize: 2 }), { code: 'json/too-large' });
    assert.throws(() => parseJson(byteStringFromText('[1,{"a":{}}]'), { maxValues: 3 }), {
      code: 'json/too-many-values',
      offset: 8,
    });
    assert.deepEqual(parseJson(byteStringFromText('[1,[]]'), { maxValues: 3 }), [1n, []]);
  });

  test('reads back what it wrote', () => {
    fc.assert(
      fc.property(jsonValues, fc.option(fc.nat(4), { nil: undefined }), (value, indent) => {
        assert.equal(formatJson(parseJson(formatJson(value, indent))), formatJson(value));
        assert.deepEqual(parseJson(formatJson(value)), value);
      }),
    );
  });

  test('agrees with JSON.parse on what is JSON', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), text => {
        const written = Buffer.from(normalise(Buffer.from(text).toString('latin1')), 'latin1').toString();
        assert.deepEqual(JSON.parse(written), JSON.parse(text));
      }),
    );
  });

  test('takes or refuses any bytes', () => {
    const seeds = normalised.map(([text]) => text);
    const mutated = fc
      .tuple(fc.constantFrom(...seeds), fc.nat(), fc.uint8Array({ maxLength: 4 }))
      .map(([seed, at, bytes]) => {
        const cut = at % (seed.length + 1);
        return byteStringOf(
          Buffer.concat([Buffer.from(seed.slice(0, cut), 'latin1'), bytes, Buffer.from(seed.slice(cut + 1), 'latin1')]),
        );
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 50 }).map(byteStringOf)), text => {
        try {
          parseJson(text);
        } catch (error) {
          assert.ok(error instanceof NixCompatError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
