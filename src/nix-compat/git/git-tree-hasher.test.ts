import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromLatin1, toHex } from '../../base/index.ts';
import { readVectors } from '../../testing/index.ts';
import { GitTreeHasher, type HashAlgorithm, hashGitObject, readNar } from '../index.ts';

const nars = readVectors('nar/accepted.json') as readonly { readonly name: string; readonly hex: string }[];
const vectors = readVectors('git/hashes.json') as readonly ({ readonly nar: string } & {
  readonly [algorithm in HashAlgorithm]: string;
})[];

const algorithms = ['sha1', 'sha256', 'sha512', 'md5', 'blake3'] as const;

describe('GitTreeHasher', () => {
  for (const vector of vectors)
    test(`hashes as C++ Nix: ${vector.nar}`, () => {
      const nar = Buffer.from(nars.find(({ name }) => name === vector.nar)?.hex ?? '', 'hex');
      for (const algorithm of algorithms) {
        const hasher = new GitTreeHasher(algorithm);
        readNar(nar, hasher);
        assert.equal(toHex(hasher.root?.hash.digest ?? new Uint8Array()), vector[algorithm], algorithm);
      }
    });

  test('hashes a large file as it comes', () => {
    const content = Buffer.alloc(100_000, 'large');
    const hasher = new GitTreeHasher('sha1');
    hasher.startFile(true, content.length);
    for (let at = 0; at < content.length; at += 7777) hasher.fileData(content.subarray(at, at + 7777));
    hasher.endFile();
    assert.equal(hasher.root?.mode, 'executable');
    assert.deepEqual(hasher.root?.hash.digest, hashGitObject('sha1', 'blob', content).digest);
  });

  test('has no root before the tree ends', () => {
    const hasher = new GitTreeHasher('sha1');
    hasher.startDirectory();
    hasher.entry(byteStringFromLatin1('a'));
    hasher.symlink(byteStringFromLatin1('b'));
    const before = hasher.root;
    hasher.endDirectory();
    assert.deepEqual([before, hasher.root?.mode], [undefined, 'directory']);
  });

  for (const [why, size, data] of [
    ['more', 2, 3],
    ['fewer', 40_000, 3],
  ] as const)
    test(`refuses ${why} bytes than announced`, () => {
      const hasher = new GitTreeHasher('sha1');
      hasher.startFile(false, size);
      assert.throws(
        () => {
          hasher.fileData(new Uint8Array(data));
          hasher.endFile();
        },
        { code: 'git/wrong-size' },
      );
    });
});
