import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type ByteString, byteStringFromLatin1, unreachable } from '../../base/index.ts';
import { type TestTree, playTree, testTrees } from '../../testing/index.ts';
import {
  NarWriter,
  type NarWriterOptions,
  directoryNodeSize,
  entrySize,
  fileNodeSize,
  narMagicSize,
  symlinkNodeSize,
} from '../index.ts';

const name = byteStringFromLatin1;

function writer(options?: NarWriterOptions) {
  const chunks: Uint8Array[] = [];
  const nar = new NarWriter(chunk => chunks.push(Uint8Array.from(chunk)), options);
  return { nar, chunks, bytes: () => Buffer.concat(chunks) };
}

function nodeSize(tree: TestTree): number {
  switch (tree.type) {
    case 'file':
      return fileNodeSize(tree.executable, tree.contents.length);
    case 'symlink':
      return symlinkNodeSize(tree.target.length);
    case 'directory':
      return tree.entries.reduce(
        (size, [entry, node]) => size + entrySize(entry.length) + nodeSize(node),
        directoryNodeSize,
      );
    default:
      return unreachable(tree);
  }
}

describe('NarWriter', () => {
  test('writes the same bytes with any buffer, as many as computed beforehand', () => {
    fc.assert(
      fc.property(testTrees, fc.integer({ min: 1024, max: 2048 }), (tree, bufferSize) => {
        const usual = writer();
        const small = writer({ bufferSize });
        playTree(tree, usual.nar);
        playTree(tree, small.nar);
        assert(usual.nar.finished);
        assert.deepEqual(small.bytes(), usual.bytes());
        assert.equal(usual.bytes().length, narMagicSize + nodeSize(tree));
        assert.equal(usual.nar.bytesWritten, usual.bytes().length);
      }),
    );
  });

  test('gathers small pieces and hands large ones on', () => {
    const seen: Uint8Array[] = [];
    const nar = new NarWriter(chunk => seen.push(chunk));
    const large = new Uint8Array(100_000);
    nar.startFile(false, large.length + 3);
    nar.fileData(large);
    nar.fileData(new Uint8Array(3));
    nar.endFile();
    assert.equal(seen.length, 3);
    assert.equal(seen[1], large);
  });

  test('takes data that was read into its own buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9000 }), fc.integer({ min: 1024, max: 2048 }), (contents, bufferSize) => {
        const copied = writer();
        const inPlace = writer({ bufferSize });
        for (const { nar } of [copied, inPlace]) nar.startFile(false, contents.length);
        copied.nar.fileData(contents);
        for (let at = 0; at < contents.length;) {
          const room = inPlace.nar.roomForData(contents.length - at);
          assert(room.length > 0);
          room.set(contents.subarray(at, at + room.length));
          inPlace.nar.fileData(room);
          at += room.length;
        }
        for (const { nar } of [copied, inPlace]) nar.endFile();
        assert.deepEqual(inPlace.bytes(), copied.bytes());
      }),
    );
  });

  test('goes on in memory that it is given, and leaves what it has written', () => {
    fc.assert(
      fc.property(testTrees, fc.integer({ min: 1024, max: 2048 }), (tree, bufferSize) => {
        const usual = writer();
        const kept: Uint8Array[] = [];
        const takeBuffer = () => Buffer.alloc(bufferSize, 0xff);
        playTree(tree, usual.nar);
        playTree(tree, new NarWriter(chunk => kept.push(chunk), { bufferSize, takeBuffer }));
        assert.deepEqual(Buffer.concat(kept), usual.bytes());
      }),
    );
  });

  test('writes a size beyond 32 bits', () => {
    const { nar, bytes } = writer();
    const gigabyte = new Uint8Array(2 ** 30);
    const size = 2 ** 32 + 5;
    let header: Uint8Array | undefined;
    const counting = new NarWriter(chunk => (header ??= Uint8Array.from(chunk)));
    counting.startFile(false, size);
    for (let part = 0; part < 4; part++) counting.fileData(gigabyte);
    counting.fileData(new Uint8Array(5));
    counting.endFile();
    assert.equal(counting.bytesWritten, narMagicSize + fileNodeSize(false, size));
    assert.equal(Buffer.from(header ?? []).readBigUInt64LE(24 + 64), BigInt(size));
    nar.symlink(name('a'));
    assert.equal(bytes().length, narMagicSize + symlinkNodeSize(1));
  });

  const refusals: readonly [why: string, code: string, play: (nar: NarWriter) => void][] = [
    ['two roots', 'nar/bad-event', nar => (nar.symlink(name('a')), nar.symlink(name('a')))],
    ['an entry at the root', 'nar/bad-event', nar => nar.entry(name('a'))],
    [
      'two names for a node',
      'nar/bad-event',
      nar => (nar.startDirectory(), nar.entry(name('a')), nar.entry(name('b'))),
    ],
    ['a name without node', 'nar/bad-event', nar => (nar.startDirectory(), nar.entry(name('a')), nar.endDirectory())],
    ['a node without name', 'nar/bad-event', nar => (nar.startDirectory(), nar.symlink(name('a')))],
    ['data without file', 'nar/bad-event', nar => nar.fileData(new Uint8Array(1))],
    ['a file in a file', 'nar/bad-event', nar => (nar.startFile(false, 0), nar.startFile(false, 0))],
    ['a negative size', 'nar/bad-event', nar => nar.startFile(false, -1)],
    ['a size that is no integer', 'nar/bad-event', nar => nar.startFile(false, 0.5)],
    ['a file that grew', 'nar/wrong-size', nar => (nar.startFile(false, 1), nar.fileData(new Uint8Array(2)))],
    ['a file that shrank', 'nar/wrong-size', nar => (nar.startFile(false, 1), nar.endFile())],
    ['a name that climbs', 'nar/bad-name', nar => (nar.startDirectory(), nar.entry(name('..')))],
    ['a long name', 'nar/name-too-long', nar => (nar.startDirectory(), nar.entry(name('a'.repeat(256))))],
    ['an empty target', 'nar/bad-target', nar => nar.symlink(name(''))],
    ['a long target', 'nar/target-too-long', nar => nar.symlink(name('a'.repeat(4096)))],
    ['a duplicate', 'nar/duplicate-name', nar => twoEntries(nar, name('a'), name('a'))],
    ['names that descend', 'nar/unsorted', nar => twoEntries(nar, name('b'), name('a'))],
    [
      'a deep tree',
      'nar/too-deep',
      nar => {
        for (;;) {
          nar.startDirectory();
          nar.entry(name('a'));
        }
      },
    ],
  ];
  for (const [why, code, play] of refusals)
    test(`refuses ${why}`, () => {
      assert.throws(() => play(writer().nar), { name: 'NixCompatError', code });
    });

  test('does not repeat names that are too long', () => {
    const long = 'a'.repeat(100_000);
    for (const bad of [long, `${long}/`]) {
      const { nar } = writer();
      nar.startDirectory();
      assert.throws(
        () => nar.entry(name(bad)),
        ({ message }: Error) => message.length < 1000,
      );
    }
  });

  test('says where in the tree it refuses', () => {
    const { nar } = writer();
    nar.startDirectory();
    nar.entry(name('bin'));
    nar.startDirectory();
    nar.entry(name('run'));
    nar.startFile(true, 3);
    assert.throws(() => nar.endFile(), /announced with 3 bytes but has only 0 \(at 'bin\/run' of the tree\)/);
  });
});

function twoEntries(nar: NarWriter, first: ByteString, second: ByteString): void {
  nar.startDirectory();
  nar.entry(first);
  nar.symlink(name('x'));
  nar.entry(second);
}
