import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type TreeSink, byteStringFromLatin1, ignoreTree } from '../../base/index.ts';
import { TreeRecorder, playTree, readVectors, testTrees } from '../../testing/index.ts';
import { NarLister, NixCompatError, NarReader, NarWriter, readNar } from '../index.ts';

interface Accepted {
  readonly name: string;
  readonly why: string;
  readonly hex: string;
}

interface Refused extends Accepted {
  readonly code: string;
  readonly offset: number;
  readonly nix?: string;
}

function narOf(play: (sink: TreeSink) => void): Buffer {
  const chunks: Uint8Array[] = [];
  play(new NarWriter(chunk => chunks.push(Uint8Array.from(chunk))));
  return Buffer.concat(chunks);
}

/** What a reader makes of `nar` when it comes in pieces of `size` bytes: the events, and the refusal if any. */
function readInPieces(nar: Uint8Array, size: number) {
  const recorder = new TreeRecorder();
  const reader = new NarReader(recorder);
  try {
    for (let at = 0; at < nar.length; at += size) {
      const piece = Uint8Array.from(nar.subarray(at, at + size));
      const taken = reader.push(piece);
      if (taken < piece.length) return { events: recorder.events, trailing: nar.length - at - taken };
      piece.fill(0xaa);
    }
    reader.end();
  } catch (error) {
    assert(error instanceof NixCompatError, String(error));
    return { events: recorder.events, code: error.code, offset: error.offset, message: error.message };
  }
  assert(reader.finished);
  assert.equal(reader.bytesRead, nar.length);
  return { events: recorder.events };
}

const pieceSizes = [1, 3, 7, 8, 13, 64, 1000];

describe('NarReader', () => {
  for (const { name, why, hex } of readVectors('nar/accepted.json') as readonly Accepted[])
    test(`accepts ${name}: ${why}`, () => {
      const nar = Buffer.from(hex, 'hex');
      assert.deepEqual(
        narOf(sink => readNar(nar, sink)),
        nar,
      );
      for (const size of pieceSizes) assert.deepEqual(readInPieces(nar, size), readInPieces(nar, nar.length));
    });

  for (const vector of readVectors('nar/refused.json') as readonly Refused[])
    test(`refuses ${vector.name}: ${vector.why}`, () => {
      const nar = Buffer.from(vector.hex, 'hex');
      const { code, offset } = vector;
      assert.throws(
        () => readNar(nar, ignoreTree),
        (error: unknown) => {
          assert(error instanceof NixCompatError);
          assert.deepEqual({ code: error.code, offset: error.offset }, { code, offset });
          // Of a size that no file has, C++ Nix notices only that the bytes do not come.
          if (vector.nix !== undefined && code !== 'nar/file-too-large')
            assert(error.message.startsWith(vector.nix), error.message);
          return true;
        },
      );
      for (const size of pieceSizes) assert.deepEqual(readInPieces(nar, size), readInPieces(nar, nar.length + 1));
    });

  test('refuses 100,000 levels where the limit is, and takes them where it is raised', () => {
    const levels = 100_000;
    const deep = (sink: TreeSink) => {
      for (let level = 0; level < levels; level++) {
        sink.startDirectory();
        sink.entry(byteStringFromLatin1('a'));
      }
      sink.symlink(byteStringFromLatin1('a'));
      for (let level = 0; level < levels; level++) sink.endDirectory();
    };
    const chunks: Uint8Array[] = [];
    deep(new NarWriter(chunk => chunks.push(Uint8Array.from(chunk)), { maxDepth: Infinity }));
    const nar = Buffer.concat(chunks);
    assert.throws(() => readNar(nar, ignoreTree), { code: 'nar/too-deep', offset: 24 + 63 * 136 + 120 });
    readNar(nar, ignoreTree, { maxDepth: Infinity });
  });

  test('passes contents on as views of the chunk', () => {
    const nar = narOf(sink =>
      playTree({ type: 'file', executable: false, contents: byteStringFromLatin1('hello') }, sink),
    );
    let buffer: ArrayBufferLike | undefined;
    readNar(nar, { ...ignoreTree, fileData: chunk => (buffer = chunk.buffer) });
    assert.equal(buffer, nar.buffer);
  });

  test('stops at its end, so that a NAR can be part of a stream', () => {
    const nar = narOf(sink => playTree({ type: 'symlink', target: byteStringFromLatin1('a') }, sink));
    const stream = Buffer.concat([nar, Buffer.from('what follows')]);
    const reader = new NarReader(ignoreTree);
    assert.equal(reader.push(stream.subarray(0, 30)), 30);
    assert.equal(reader.push(stream.subarray(30)), nar.length - 30);
    assert.equal(reader.push(stream.subarray(nar.length)), 0);
    assert.equal(reader.bytesRead, nar.length);
    reader.end();
  });

  test('passes over contents where the source can seek', () => {
    const contents = byteStringFromLatin1('x'.repeat(1001));
    const nar = narOf(sink => playTree({ type: 'file', executable: true, contents }, sink));
    const lister = new NarLister();
    const reader = new NarReader({
      ...ignoreTree,
      startFile: (executable, size) => lister.startFile(executable, size),
    });
    assert.equal(reader.skipContents(), 0);
    let at = reader.push(nar.subarray(0, 200));
    at += reader.skipContents();
    assert.equal(at, 128 + 1001);
    at += reader.push(nar.subarray(at));
    reader.end();
    assert.equal(reader.bytesRead, nar.length);
    assert.deepEqual(lister.listing, { type: 'regular', executable: true, size: 1001, narOffset: 128 });
  });

  test('repeats what it threw, also for its sink', () => {
    const full = new Error('disk full');
    const nar = narOf(sink => playTree({ type: 'symlink', target: byteStringFromLatin1('a') }, sink));
    const reader = new NarReader({
      ...ignoreTree,
      symlink() {
        throw full;
      },
    });
    const thrown = (error: unknown) => error === full;
    assert.throws(() => reader.push(nar), thrown);
    assert.throws(() => reader.push(nar), thrown);
    assert.throws(() => reader.end(), thrown);
  });

  test('reads what NarWriter writes, whatever the chunks', () => {
    fc.assert(
      fc.property(testTrees, fc.integer({ min: 1, max: 200 }), (tree, size) => {
        const expected = new TreeRecorder();
        playTree(tree, expected);
        const nar = narOf(sink => playTree(tree, sink));
        assert.deepEqual(readInPieces(nar, size), { events: expected.events });
      }),
    );
  });

  test('takes or refuses any mutation with a NixCompatError, the same in any chunks', () => {
    const mutations = fc.array(
      fc.record({ at: fc.nat(), remove: fc.nat(9), insert: fc.uint8Array({ maxLength: 9 }), flip: fc.nat(255) }),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(testTrees, mutations, fc.integer({ min: 1, max: 40 }), (tree, changes, size) => {
        let nar = narOf(sink => playTree(tree, sink));
        for (const { at, remove, insert, flip } of changes) {
          const place = at % nar.length;
          nar = Buffer.concat([
            nar.subarray(0, place),
            insert,
            nar.subarray(place + (insert.length > 4 ? remove : insert.length)),
          ]);
          const byte = nar.at(place);
          if (byte !== undefined) nar[place] = byte ^ flip;
        }
        const whole = readInPieces(nar, nar.length);
        const pieces = readInPieces(nar, size);
        assert.deepEqual(pieces, whole);
        // What is taken must be canonical: writing it again gives the same bytes.
        if (whole.code === undefined)
          assert.deepEqual(
            narOf(sink => new NarReader(sink).push(nar)),
            nar.subarray(0, nar.length - (whole.trailing ?? 0)),
          );
      }),
      { numRuns: 1000 },
    );
  });

  test('refuses random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        assert.throws(() => readNar(bytes, ignoreTree), NixCompatError);
      }),
    );
  });
});
