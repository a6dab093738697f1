import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError } from '../error.ts';
import { parseInteger } from './parse-integer.ts';

test('numbers may have units of 1,024', () => {
  assert.deepEqual(['0', '+7', '12', '3K', '2m', '1G', '1t'].map(parseInteger), [
    0,
    7,
    12,
    3072,
    2 * 2 ** 20,
    2 ** 30,
    2 ** 40,
  ]);
});

/** What C++ Nix 2.34.8 says of them. */
const refused: [text: string, message: string][] = [
  ['x', "invalid unit specifier 'X'"],
  ['12Q', "invalid unit specifier 'Q'"],
  ['', "'' is not an integer"],
  ['-1', "'-1' is not an integer"],
  ['K', "'' is not an integer"],
  ['1.5', "'1.5' is not an integer"],
  ['99999999999999999999', "'99999999999999999999' is not an integer"],
];
for (const [text, message] of refused) {
  test(`'${text}' is refused`, () => {
    assert.throws(
      () => parseInteger(text),
      (error: unknown) => error instanceof CliError && error.code === 'usage/bad-value' && error.message === message,
    );
  });
}
