import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatShortFloat } from './format-float.ts';

test("floats are printed as by C's %g", () => {
  const expected: readonly (readonly [number, string])[] = [
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [-1.5, '-1.5'],
    [0.1, '0.1'],
    [1 / 3, '0.333333'],
    [100_000, '100000'],
    [999_999.5, '1e+06'],
    [1_234_567, '1.23457e+06'],
    [123_456.789, '123457'],
    [0.0001, '0.0001'],
    [0.000_01, '1e-05'],
    [0.000_012_345_67, '1.23457e-05'],
    [1e100, '1e+100'],
    [-1e-100, '-1e-100'],
    [5e-324, '4.94066e-324'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [Number.NaN, 'nan'],
  ];
  for (const [value, text] of expected) assert.equal(formatShortFloat(value), text);
});
