import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CastoreError } from '../error.ts';
import {
  type DigestFunction,
  checkForeignDigest,
  digestFunctions,
  foreignDigestOf,
  formatForeignDigest,
} from './foreign-digest.ts';

// By md5sum and its kin of coreutils, `nix hash file --type blake3` (2.34.8) and `git hash-object`.
const hello: Record<DigestFunction, string> = {
  md5: 'b1946ac92492d2347c6235b4d2611184',
  sha1: 'f572d396fae9206628714fb2ce00f72e94f2258f',
  sha256: '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03',
  sha384: '1d0f284efe3edea4b9ca3bd514fa134b17eae361ccc7a1eefeff801b9bd6604e01f21f6bf249ef030599f0c218f2ba8c',
  sha512:
    'e7c22b994c59d9cf2b48e549b1e24666636045930d3da7c1acb299d1c3b7f931f94aae41edda2c2b207a36e10f8bcb8d45223e54878f5b316e7ce3b6bc019629',
  blake3: '8e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99',
  gitsha1: 'ce013625030ba8dba906f756967f9e9ca394464a',
  gitblob: 'ce013625030ba8dba906f756967f9e9ca394464a',
  gittree: '149e5b19a5281f340f976d2ba38d4f02d8a6e967',
};

test('digests in every function of REAPI that is supported', () => {
  for (const [digestFunction, hash] of Object.entries(hello) as [DigestFunction, string][]) {
    const digest = foreignDigestOf(Buffer.from('hello\n'), digestFunction);
    assert.deepEqual(digest, { function: digestFunction, hash, size: 6 });
    assert.equal(formatForeignDigest(digest), `${digestFunction}:${hash}/6`);
    assert.equal(hash.length, digestFunctions[digestFunction] * 2);
    checkForeignDigest(digest);
  }
});

test('refuses what is no digest', () => {
  const good = foreignDigestOf(Buffer.from('hello\n'), 'sha1');
  for (const bad of [
    { hash: hello.sha256 },
    { hash: good.hash.toUpperCase() },
    { size: -1 },
    { size: 0.5 },
    { size: 2 ** 53 },
  ]) {
    assert.throws(
      () => checkForeignDigest({ ...good, ...bad }),
      (error: unknown) => error instanceof CastoreError && error.code === 'digest/malformed',
    );
  }
});
