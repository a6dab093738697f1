import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { nix32Alphabet } from '../hash/nix32.ts';
import { parseStorePath } from '../store-path/store-path.ts';
import { ReferenceScanner, filterByHashPart } from './reference-scanner.ts';

const first = 'dc04vv14dak1c1r48qa0m23vr9jy8sm0';
const second = 'zc842j0rz61mjsp3h3wp5ly71ak6qgdn';

function scan(hashParts: readonly string[], pieces: Iterable<string>): string[] {
  const scanner = new ReferenceScanner(hashParts);
  for (const piece of pieces) scanner.update(Buffer.from(piece, 'latin1'));
  return [...scanner.found].toSorted();
}

describe('ReferenceScanner', () => {
  test('finds hash parts whatever surrounds them', () => {
    assert.deepEqual(scan([first], ['foobar']), []);
    assert.deepEqual(scan([first], [`foobar${first}xyzzy`]), [first]);
    assert.deepEqual(scan([first, second], [`x${first}${second}`]), [first, second]);
    assert.deepEqual(scan([first, second], [`0${second}0`]), [second]);
    assert.deepEqual(scan([], [first]), []);
  });

  test('finds one within a longer run of the alphabet', () => {
    for (let before = 0; before < 40; before++) {
      assert.deepEqual(scan([first], [`${'0'.repeat(before)}${first}${'z'.repeat(7)}`]), [first]);
    }
  });

  test('does not take what is almost one', () => {
    for (let i = 0; i < 32; i++) {
      const spoilt = `${first.slice(0, i)}${first[i] === 'x' ? 'y' : 'x'}${first.slice(i + 1)}`;
      assert.deepEqual(scan([first], [spoilt, first.slice(0, 31), '!', first.slice(1)]), []);
    }
  });

  test('byte by byte', () => {
    assert.deepEqual(scan([first, second], `foobar${first}xyzzy${second}`.split('')), [first, second]);
  });

  test('finds what a search in the whole finds, however it is cut', () => {
    const hashParts = [first, second, 'x'.repeat(32), 'x'.repeat(31) + 'y'];
    const piece = fc.oneof(
      fc.constantFrom(...hashParts, first.slice(0, 20), first.slice(20), '/nix/store/'),
      fc.string({ unit: fc.constantFrom(...nix32Alphabet.split(''), 'e', '\u00ff', '\0'), maxLength: 40 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.nat(300), { maxLength: 8 }), (parts, cuts) => {
        const whole = parts.join('');
        const bounds = [0, ...cuts.filter(cut => cut < whole.length).toSorted((a, b) => a - b), whole.length];
        const pieces = bounds.slice(1).map((end, i) => whole.slice(bounds[i], end));
        assert.deepEqual(scan(hashParts, pieces), hashParts.filter(part => whole.includes(part)).toSorted());
      }),
      { numRuns: 1000 },
    );
  });

  test('filters paths', () => {
    const paths = [`${first}-a`, `${second}-b`, `${first}-c`].map(parseStorePath);
    assert.deepEqual(filterByHashPart(paths, new Set([first])), [paths[0], paths[2]]);
  });
});
