import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromLatin1 } from '../../base/index.ts';
import { fileNames } from '../../testing/index.ts';
import {
  type GitAlgorithm,
  type GitMode,
  type GitTreeEntry,
  NixCompatError,
  formatGitTree,
  hashSize,
  parseGitTree,
} from '../index.ts';

const digests: Readonly<Record<GitAlgorithm, readonly [file: string, emptyTree: string]>> = {
  sha1: ['63ddb340119baf8492d2da53af47e8c7cfcd5eb2', '4b825dc642cb6eb9a060e54bf8d69288fbee4904'],
  sha256: [
    'ce60f5ad78a08ac24872ef74d78b078f077be212e7a246893a1a5d957dfbc8b1',
    '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
  ],
};

function entry(name: string, mode: GitMode, digest: string): GitTreeEntry {
  const algorithm = digest.length === 40 ? 'sha1' : 'sha256';
  return { name: byteStringFromLatin1(name), mode, hash: { algorithm, digest: Buffer.from(digest, 'hex') } };
}

function byName(list: readonly GitTreeEntry[]) {
  return new Map(list.map(({ name, mode, hash }) => [name, [mode, Buffer.from(hash.digest)]]));
}

/** An entry as it is written, to build what `formatGitTree` would not write. */
function raw(mode: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`, 'latin1'), Buffer.from(digests.sha1[0], 'hex')]);
}

const algorithms: readonly GitAlgorithm[] = ['sha1', 'sha256'];

const trees = fc.uniqueArray(
  fc
    .tuple(
      fileNames,
      fc.constantFrom<GitMode[]>('regular', 'executable', 'symlink', 'directory'),
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
    )
    .map(([name, mode, digest]): GitTreeEntry => ({ name, mode, hash: { algorithm: 'sha1', digest } })),
  { selector: ({ name }) => name },
);

describe('git trees', () => {
  for (const algorithm of algorithms)
    test(`as in libutil-tests/data/git/tree-${algorithm}.bin of Nix 2.34.8`, () => {
      const [file, tree] = digests[algorithm];
      const entries = [
        entry('quuX', 'symlink', file),
        entry('baZ', 'directory', tree),
        entry('bAr', 'executable', file),
        entry('Foo', 'regular', file),
      ];
      const content = [
        ['100644 Foo', file],
        ['100755 bAr', file],
        ['40000 baZ', tree],
        ['120000 quuX', file],
      ].map(([text = '', digest = '']) => Buffer.concat([Buffer.from(`${text}\0`), Buffer.from(digest, 'hex')]));
      assert.deepEqual(formatGitTree(entries), Buffer.concat(content));
      assert.equal(formatGitTree(entries).length, algorithm === 'sha1' ? 124 : 172);
      assert.deepEqual(
        parseGitTree(Buffer.concat(content), algorithm).map(({ name, mode }) => `${name} ${mode}`),
        ['Foo regular', 'bAr executable', 'baZ directory', 'quuX symlink'],
      );
    });

  test('a directory sorts as if its name ended in a slash', () => {
    const [file] = digests.sha1;
    const entries = [entry('a', 'directory', file), entry('a.b', 'regular', file), entry('a0', 'regular', file)];
    const content = Buffer.concat([raw('100644', 'a.b'), raw('40000', 'a'), raw('100644', 'a0')]);
    assert.deepEqual(formatGitTree(entries), content);
    assert.equal(parseGitTree(content, 'sha1').length, 3);
  });

  test('are parsed to what they were made of', () => {
    fc.assert(
      fc.property(trees, entries => {
        const content = formatGitTree(entries);
        const parsed = parseGitTree(content, 'sha1');
        assert.deepEqual(formatGitTree(parsed), content);
        assert.deepEqual(byName(parsed), byName(entries));
      }),
    );
  });

  const refusals: readonly [why: string, content: Buffer, code: string, offset: number][] = [
    ['a mode with leading zero', raw('040000', 'a'), 'git/bad-mode', 0],
    ['a submodule', raw('160000', 'a'), 'git/bad-mode', 0],
    ['a file that its group may write', raw('100664', 'a'), 'git/bad-mode', 0],
    ['a mode that is no number', raw('rw-r--r--', 'a'), 'git/bad-mode', 0],
    ['an empty mode', raw('', 'a'), 'git/bad-mode', 0],
    ['a second mode', Buffer.concat([raw('40000', 'a'), raw('0', 'b')]), 'git/bad-mode', 28],
    ['an empty name', raw('100644', ''), 'git/bad-name', 7],
    ['the name .', raw('100644', '.'), 'git/bad-name', 7],
    ['the name ..', raw('40000', '..'), 'git/bad-name', 6],
    ['a name with a slash', raw('100644', 'a/b'), 'git/bad-name', 7],
    ['names that descend', Buffer.concat([raw('100644', 'b'), raw('100644', 'a')]), 'git/unsorted', 36],
    ['a directory sorted as a file', Buffer.concat([raw('40000', 'a'), raw('100644', 'a.b')]), 'git/unsorted', 35],
    ['a duplicate', Buffer.concat([raw('100644', 'a'), raw('100644', 'a')]), 'git/duplicate-name', 36],
    [
      'a file and a directory of one name, apart',
      Buffer.concat([raw('100644', 'a'), raw('100644', 'a.b'), raw('40000', 'a')]),
      'git/duplicate-name',
      29 + 31 + 6,
    ],
    ['a tree without space', Buffer.alloc(50, 'a'), 'git/truncated', 0],
    ['a name without end', Buffer.from('100644 aaaa'), 'git/truncated', 0],
    ['a hash that is too short', raw('100644', 'a').subarray(0, -1), 'git/truncated', 0],
  ];
  for (const [why, content, code, offset] of refusals)
    test(`refuse ${why}`, () => {
      assert.throws(() => parseGitTree(content, 'sha1'), { name: 'NixCompatError', code, offset });
    });

  test("refuse a mode in C++ Nix's words", () => {
    assert.throws(() => parseGitTree(raw('160000', 'a'), 'sha1'), { message: 'Unknown Git permission: 160000' });
  });

  test('take or refuse any bytes with a NixCompatError', () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.tuple(trees, fc.nat(), fc.nat(255)).map(([entries, at, flip]) => {
        const content = formatGitTree(entries);
        if (content.length > 0) content[at % content.length]! ^= flip;
        return content;
      }),
    );
    fc.assert(
      fc.property(bytes, fc.constantFrom(...algorithms), (content, algorithm) => {
        try {
          const entries = parseGitTree(content, algorithm);
          assert(entries.every(({ hash }) => hash.digest.length === hashSize(algorithm)));
          assert.deepEqual(formatGitTree(entries), Buffer.from(content));
        } catch (error) {
          assert(error instanceof NixCompatError, String(error));
        }
      }),
    );
  });
});
