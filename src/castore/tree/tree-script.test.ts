import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText, ignoreTree } from '../../base/index.ts';
import { TreeRecorder, chopContents, playTree, testTrees } from '../../testing/index.ts';
import { ScriptWriter, type TreeScript, playScript } from './tree-script.ts';

const slabsOf = (size: number) => ({ take: () => new Uint8Array(new SharedArrayBuffer(size)) });

describe('the script of a tree', () => {
  test('has the events that were written, in whatever pieces', () => {
    fc.assert(
      fc.property(testTrees, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), (tree, slab, piece) => {
        const writer = new ScriptWriter(slabsOf(slab));
        const scripts: TreeScript[] = [];
        const taking = chopContents(writer, piece);
        playTree(tree, {
          ...taking,
          startDirectory: () => writer.startDirectory(),
          endFile: () => {
            writer.endFile();
            scripts.push(writer.take());
          },
        });
        scripts.push(writer.take());
        const [expected, got] = [new TreeRecorder(), new TreeRecorder()];
        playTree(tree, expected);
        for (const script of scripts) playScript(script, got);
        assert.deepEqual(got.events, expected.events);
      }),
    );
  });

  test('has contents in one piece that came in many, as long as a slab has room', () => {
    const writer = new ScriptWriter(slabsOf(100));
    writer.startFile(false, 150);
    for (let i = 0; i < 15; i++) writer.fileData(new Uint8Array(10).fill(i));
    writer.endFile();
    const pieces: number[] = [];
    playScript(writer.take(), { ...ignoreTree, fileData: chunk => void pieces.push(chunk.byteLength) });
    assert.deepEqual(pieces, [100, 50]);
  });

  test('does not copy what was read into the room that it gave', () => {
    const writer = new ScriptWriter(slabsOf(100));
    writer.startFile(false, 3);
    const room = writer.roomForData(3);
    room.set([1, 2, 3]);
    writer.fileData(room);
    writer.endFile();
    const script = writer.take();
    assert.equal(script.slabs[0]?.buffer, room.buffer);
    playScript(script, { ...ignoreTree, fileData: chunk => assert.deepEqual([...chunk], [1, 2, 3]) });
  });

  test('that is none is refused', () => {
    const bad: TreeScript['steps'][] = [[7], [1], [1, 5], [3, 1], ['entry'], [4, 0, 0, 1]];
    for (const steps of bad) assert.throws(() => playScript({ steps, slabs: [] }, ignoreTree), TypeError);
    playScript({ steps: [1, byteStringFromText('a')], slabs: [] }, ignoreTree);
  });
});
