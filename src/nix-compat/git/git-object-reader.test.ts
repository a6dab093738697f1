import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromLatin1 } from '../../base/index.ts';
import { GitObjectReader, type GitTreeEntry, NixCompatError, formatGitTree, gitObjectHeader } from '../index.ts';

/** What a reader makes of `bytes` in pieces of `size` bytes. */
function readInPieces(bytes: Uint8Array, size: number) {
  const events: unknown[] = [];
  let content = '';
  const reader = new GitObjectReader(
    {
      startBlob: blobSize => events.push(`blob of ${blobSize}`),
      blobData: chunk => (content += Buffer.from(chunk).toString('latin1')),
      endBlob: () => events.push(content),
      tree: entries => events.push(...entries),
    },
    { algorithm: 'sha1', maxTreeSize: 1000 },
  );
  try {
    for (let at = 0; at < bytes.length; at += size) {
      const piece = Uint8Array.from(bytes.subarray(at, at + size));
      const taken = reader.push(piece);
      if (taken < piece.length) return { events, trailing: bytes.length - at - taken };
      piece.fill(0xaa);
    }
    reader.end();
  } catch (error) {
    assert(error instanceof NixCompatError, String(error));
    return { events, code: error.code, offset: error.offset };
  }
  assert(reader.finished);
  return { events };
}

const digest = Buffer.alloc(20, 7);
const entries: GitTreeEntry[] = [
  { name: byteStringFromLatin1('a'), mode: 'regular', hash: { algorithm: 'sha1', digest } },
  { name: byteStringFromLatin1('b'), mode: 'directory', hash: { algorithm: 'sha1', digest } },
];

function object(type: 'blob' | 'tree', content: Uint8Array): Buffer {
  return Buffer.concat([gitObjectHeader(type, content.length), content]);
}

function header(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

describe('GitObjectReader', () => {
  test('reads the blob of libutil-tests/data/git/hello-world-blob.bin of Nix 2.34.8', () => {
    const bytes = Buffer.from('626c6f622031360048656c6c6f200a000a0920576f726c64', 'hex');
    for (const size of [1, 5, 100])
      assert.deepEqual(readInPieces(bytes, size), { events: ['blob of 16', 'Hello \n\0\n\t World'] });
  });

  test('reads a tree', () => {
    const bytes = object('tree', formatGitTree(entries));
    for (const size of [1, 5, 100])
      assert.deepEqual(
        readInPieces(bytes, size).events.map(event => (event as GitTreeEntry).name),
        ['a', 'b'],
      );
  });

  test('reads empty objects', () => {
    assert.deepEqual(readInPieces(object('blob', new Uint8Array()), 3), { events: ['blob of 0', ''] });
    assert.deepEqual(readInPieces(object('tree', new Uint8Array()), 3), { events: [] });
  });

  test('stops at its end', () => {
    const bytes = Buffer.concat([object('blob', Buffer.from('hi')), Buffer.from('rest')]);
    assert.deepEqual(readInPieces(bytes, 100), { events: ['blob of 2', 'hi'], trailing: 4 });
  });

  const refusals: readonly [why: string, bytes: Buffer, code: string, offset: number][] = [
    ['nothing', header(''), 'git/truncated', 0],
    ['a header that breaks off', header('blob 1'), 'git/truncated', 6],
    ['content that breaks off', header('blob 5\0abc'), 'git/truncated', 10],
    ['a commit', header('commit 5\0abcde'), 'git/bad-header', 0],
    ['a header that is only a type', header('tree\0'), 'git/bad-header', 0],
    ['an empty header', header('\0'), 'git/bad-header', 0],
    ['no size', header('blob \0'), 'git/bad-size', 5],
    ['a size with leading zero', header('blob 03\0abc'), 'git/bad-size', 5],
    ['a negative size', header('blob -1\0'), 'git/bad-size', 5],
    ['a size in other digits', header('blob 0x3\0abc'), 'git/bad-size', 5],
    ['a size with two parts', header('blob 3 3\0abc'), 'git/bad-size', 5],
    ['a size of 2^53', header('blob 9007199254740992\0'), 'git/bad-size', 5],
    ['a size that does not end', header(`blob ${'1'.repeat(100)}`), 'git/bad-size', 5],
    ['a large tree', header('tree 1001\0'), 'git/tree-too-large', 5],
    ['a bad mode in a tree', object('tree', header('100600 a\0')), 'git/truncated', 7],
  ];
  for (const [why, bytes, code, offset] of refusals)
    test(`refuses ${why}`, () => {
      for (const size of [1, 3, 100]) {
        const { code: gotCode, offset: gotOffset } = readInPieces(bytes, size);
        assert.deepEqual({ code: gotCode, offset: gotOffset }, { code, offset });
      }
    });

  test('takes or refuses any mutation with a NixCompatError, the same in any chunks', () => {
    const tree = object('tree', formatGitTree(entries));
    fc.assert(
      fc.property(fc.nat(tree.length - 1), fc.nat(255), fc.integer({ min: 1, max: 30 }), (at, byte, size) => {
        const bytes = Buffer.from(tree);
        bytes[at] = byte;
        assert.deepEqual(readInPieces(bytes, size), readInPieces(bytes, bytes.length));
      }),
      { numRuns: 500 },
    );
  });
});
