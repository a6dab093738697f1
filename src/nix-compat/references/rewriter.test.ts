import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { byteStringFromLatin1 } from '../../base/index.ts';
import { formatHash } from '../hash/hash-format.ts';
import { equalHashes } from '../hash/hash.ts';
import { hashBytes } from '../hash/hasher.ts';
import { ModuloHasher } from './modulo-hasher.ts';
import { Rewriter } from './rewriter.ts';

type Rewrites = readonly (readonly [string, string])[];

function rewrite(rewrites: Rewrites, pieces: readonly string[]): string {
  const out: Buffer[] = [];
  const rewriter = new Rewriter(
    rewrites.map(([from, to]) => [byteStringFromLatin1(from), byteStringFromLatin1(to)] as const),
    chunk => out.push(Buffer.from(chunk)),
  );
  for (const piece of pieces) rewriter.update(Buffer.from(piece, 'latin1'));
  rewriter.finish();
  return Buffer.concat(out).toString('latin1');
}

/** The definition, on the whole. */
function naive(rewrites: Rewrites, text: string): string {
  const longestFirst = rewrites.toSorted(([a], [b]) => b.length - a.length);
  let out = '';
  for (let at = 0; at < text.length;) {
    const found = longestFirst.find(([from]) => text.startsWith(from, at));
    out += found?.[1] ?? text.charAt(at);
    at += found?.[0].length ?? 1;
  }
  return out;
}

describe('Rewriter', () => {
  test('rewrites', () => {
    assert.equal(
      rewrite(
        [
          ['foo', 'bar'],
          ['bar', 'baz'],
        ],
        ['foooo'],
      ),
      'baroo',
    );
    assert.equal(
      rewrite(
        [
          ['fou', 'bar'],
          ['foo', 'baz'],
        ],
        ['foooo'],
      ),
      'bazoo',
    );
    assert.equal(rewrite([], ['foo', 'oo']), 'foooo');
    assert.equal(
      rewrite(
        [
          ['ab', 'ba'],
          ['ba', 'ab'],
        ],
        ['abba'],
      ),
      'baab',
    );
    assert.equal(rewrite([['foo', 'bar']], ['f', 'o', 'of', 'o']), 'barfo');
    assert.equal(rewrite([['foo', 'bar']], []), '');
  });

  test('rewrites as on the whole, however it is cut', () => {
    const letters = fc.constantFrom('a', 'b', '\u00ff');
    const pair = fc
      .tuple(
        fc.string({ unit: letters, minLength: 1, maxLength: 5 }),
        fc.string({ minLength: 5, maxLength: 5, unit: letters }),
      )
      .map(([from, to]) => [from, to.slice(0, from.length)] as const);
    const pairs = fc.uniqueArray(pair, { maxLength: 4, selector: ([from]) => from });
    fc.assert(
      fc.property(pairs, fc.array(fc.string({ unit: letters, maxLength: 10 })), (rewrites, pieces) => {
        assert.equal(rewrite(rewrites, pieces), naive(rewrites, pieces.join('')));
      }),
      { numRuns: 1000 },
    );
  });

  test('refuses what would change the length or has none', () => {
    assert.throws(() => rewrite([['foo', 'quux']], []), { code: 'references/unequal-length' });
    assert.throws(() => rewrite([['', '']], []), { code: 'references/empty-string' });
  });
});

describe('ModuloHasher', () => {
  // The NAR of a file made by Nix 2.34.8, and the content address that `nix store make-content-addressed` gave it.
  const hashPart = 'xicpz4qzdmzp2dhz1k7wggwk1vxp2ms0';
  const contents = `/tmp/vectors/store/${hashPart}-selfy /tmp/vectors/store/clm14ccm3ml7hq8hnn1vcqaym1wdgq61-dep\n`;
  const nar = Buffer.concat(
    ['nix-archive-1', '(', 'type', 'regular', 'contents', contents, ')'].map(text => {
      const bytes = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8);
      bytes.writeUInt32LE(text.length);
      bytes.write(text, 8, 'latin1');
      return bytes;
    }),
  );

  test('takes the hash part for zeros', () => {
    const hasher = new ModuloHasher('sha256', hashPart);
    hasher.update(nar.subarray(0, 130));
    hasher.update(nar.subarray(130));
    assert.equal(formatHash(hasher.finish(), 'nix32'), '0iby2yvsdqgblm4032k1a8c3p86rmqd4c8py12038wvhja7mmava');
  });

  test('is the hash where the hash part does not occur', () => {
    const hasher = new ModuloHasher('sha1', '0'.repeat(32));
    hasher.update(nar);
    assert.ok(equalHashes(hasher.finish(), hashBytes('sha1', nar)));
  });
});
