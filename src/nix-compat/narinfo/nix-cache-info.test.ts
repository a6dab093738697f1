import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { byteStringFromLatin1 } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { formatNixCacheInfo, maxNixCacheInfoSize, parseNixCacheInfo } from './nix-cache-info.ts';

function parse(text: string) {
  return parseNixCacheInfo(Buffer.from(text, 'latin1'));
}

describe('nix-cache-info', () => {
  test('of cache.nixos.org', () => {
    const text = 'StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n';
    const info = parse(text);
    assert.deepEqual(info, { storeDir: '/nix/store', wantMassQuery: true, priority: 40 });
    assert.equal(formatNixCacheInfo(info).toString(), text);
  });

  test('as C++ Nix starts one', () => {
    assert.equal(
      formatNixCacheInfo({ storeDir: byteStringFromLatin1('/nix/store') }).toString(),
      'StoreDir: /nix/store\n',
    );
  });

  test('reads what C++ Nix reads', () => {
    assert.deepEqual(parse(''), {});
    assert.deepEqual(parse('nothing\n\nOther: x\nStoreDir:/s\r'), { storeDir: '/s' });
    assert.deepEqual(parse('WantMassQuery: yes\nPriority: -3 or so\n'), { wantMassQuery: false, priority: -3 });
    assert.deepEqual(parse('Priority: 1\nPriority: 2\n'), { priority: 2 });
    assert.deepEqual(parse('Priority: -0\n'), { priority: 0 });
    assert.deepEqual(parse('StoreDir: \t/a b\t \r\n'), { storeDir: '/a b' });
    assert.deepEqual(parse('StoreDir: \t\n'), { storeDir: '' });
  });

  test('takes no more than linear time', () => {
    const blanks = ' '.repeat(30_000);
    const start = performance.now();
    assert.deepEqual(parse(`StoreDir:${blanks}/a${blanks}b`), { storeDir: `/a${blanks}b` });
    assert(performance.now() - start < 1000);
  });

  for (const text of ['x', '', '99999999999']) {
    test(`refuses the priority '${text}'`, () => {
      assert.throws(() => parse(`A: b\nPriority: ${text}\n`), { code: 'nix-cache-info/bad-priority', offset: 14 });
    });
  }

  test('refuses what is too large', () => {
    assert.throws(() => parseNixCacheInfo(Buffer.alloc(maxNixCacheInfoSize + 1)), { code: 'nix-cache-info/too-large' });
  });

  test('any bytes are parsed or refused with a code', () => {
    const piece = fc.oneof(fc.constantFrom('StoreDir', 'Priority', ':', '\n', '12'), fc.string());
    fc.assert(
      fc.property(fc.array(piece), pieces => {
        try {
          parse(pieces.join(''));
        } catch (error) {
          assert.ok(error instanceof NixCompatError);
        }
      }),
    );
  });
});
