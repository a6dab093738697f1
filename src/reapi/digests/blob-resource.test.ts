import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { foreignDigestOf } from '../../castore/index.ts';
import { ReapiError, type ReapiErrorCode } from '../error.ts';
import { formatBlobResource, formatUploadResource, parseBlobResource, parseUploadResource } from './blob-resource.ts';
import { isServedDigestFunction } from './digest-functions.ts';
import { digestOfMessage, messageOfDigest, requestedFunction } from './digest-message.ts';

const sha256 = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03';

function refusedWith(code: ReapiErrorCode): (error: unknown) => boolean {
  return error => {
    assert(error instanceof ReapiError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

describe('resource names', () => {
  test('are read as clients write them', () => {
    const digest = { function: 'sha256', hash: sha256, size: 6 } as const;
    assert.deepEqual(parseBlobResource(`blobs/${sha256}/6`), { instance: '', digest, compressor: 'identity' });
    assert.deepEqual(parseBlobResource(`a/b/compressed-blobs/zstd/${sha256}/6`), {
      instance: 'a/b',
      digest,
      compressor: 'zstd',
    });
    assert.deepEqual(parseUploadResource(`main/uploads/8a5c/blobs/blake3/${sha256}/6/some/file.txt`), {
      instance: 'main',
      digest: { ...digest, function: 'blake3' },
      compressor: 'identity',
      uploadId: '8a5c',
    });
  });

  test('are written as they are read', () => {
    for (const name of ['sha256', 'sha1', 'sha384', 'sha512', 'blake3', 'gitsha1'] as const) {
      for (const compressor of ['identity', 'zstd'] as const) {
        for (const instance of ['', 'one', 'a/b']) {
          // Nothing tells the two functions of 20 bytes apart but the word.
          const digest = { ...foreignDigestOf(Buffer.from('hello\n'), name), function: name };
          const resource = { instance, digest, compressor };
          assert.deepEqual(parseBlobResource(formatBlobResource(resource)), resource);
          const upload = { ...resource, uploadId: 'x' };
          assert.deepEqual(parseUploadResource(formatUploadResource(upload)), upload);
        }
      }
    }
  });

  test('of just have tags that tell files from trees', () => {
    const hash = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391';
    const { digest } = parseBlobResource(`main/blobs/62${hash}/0`);
    assert.deepEqual(digest, { function: 'gitblob', hash, size: 0 });
    const tree = parseUploadResource(`uploads/u/blobs/74${hash}/7`);
    assert.deepEqual(tree.digest, { function: 'gittree', hash, size: 7 });
    assert.equal(formatUploadResource(tree), `uploads/u/blobs/74${hash}/7`);
    const message = { hash: `74${hash}`, sizeBytes: 7n };
    assert.equal(requestedFunction(0, message.hash), 'gittree');
    assert.deepEqual(digestOfMessage(message, 'gitblob', 'a digest'), tree.digest);
    assert.equal(messageOfDigest(tree.digest).hash, message.hash);
    assert.equal(foreignDigestOf(new Uint8Array(0), 'gitblob').hash, hash);
    assert.equal(foreignDigestOf(new Uint8Array(0), 'gittree').hash, '4b825dc642cb6eb9a060e54bf8d69288fbee4904');
    assert.throws(() => parseBlobResource(`blobs/63${hash}/0`), refusedWith('digest/unknown-function'));
  });

  test('that name no blob are refused', () => {
    const bad: readonly (readonly [string, ReapiErrorCode])[] = [
      ['', 'resource/malformed'],
      ['blobs', 'digest/unknown-function'],
      [`blobs/${sha256}`, 'resource/malformed'],
      [`blobs/${sha256}/`, 'resource/malformed'],
      [`blobs/${sha256}/-1`, 'resource/malformed'],
      [`blobs/${sha256}/06`, 'resource/malformed'],
      [`blobs/${sha256}/9999999999999999`, 'resource/malformed'],
      [`blobs/${sha256}/6/more`, 'resource/malformed'],
      [`blobs/${sha256.toUpperCase()}/6`, 'resource/malformed'],
      [`blobs/sha1/${sha256}/6`, 'resource/malformed'],
      [`uploads/x/blobs/${sha256}/6`, 'resource/malformed'],
      [`compressed-blobs/lzma/${sha256}/6`, 'compressor/unsupported'],
      [`blobs/abc/6`, 'digest/unknown-function'],
      [`${'x/'.repeat(5000)}blobs/${sha256}/6`, 'resource/malformed'],
    ];
    for (const [name, code] of bad) assert.throws(() => parseBlobResource(name), refusedWith(code), name);
    for (const name of [`blobs/${sha256}/6`, `uploads/blobs/${sha256}/6`, `uploads//blobs/${sha256}/6`]) {
      assert.throws(() => parseUploadResource(name), refusedWith('resource/malformed'), name);
    }
  });

  test('digest functions follow from numbers, or from lengths', () => {
    assert.equal(requestedFunction(9, sha256), 'blake3');
    assert.equal(requestedFunction(0, sha256), 'sha256');
    assert.equal(requestedFunction(0, 'a'.repeat(40)), 'sha1');
    assert.throws(() => requestedFunction(3, 'a'.repeat(32)), refusedWith('digest/unknown-function'));
    assert.ok(isServedDigestFunction('gitsha1') && !isServedDigestFunction('toString'));
  });
});
