import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Content, ContentMemory } from './content-memory.ts';

const mebibyte = 1024 * 1024;

/** Sizes to take, and which of those that are held to give back: the fraction says where it is among them. */
const steps = fc.array(
  fc.oneof(
    fc.record({ take: fc.oneof(fc.nat(300_000), fc.constantFrom(0, 1, mebibyte)) }),
    fc.record({ release: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
  ),
  { maxLength: 200 },
);

test('what is held is never given to another', () => {
  fc.assert(
    fc.property(steps, given => {
      const memory = new ContentMemory();
      const held: { readonly content: Content; readonly mark: number }[] = [];
      for (const [number, step] of given.entries()) {
        if ('take' in step) {
          const content = memory.take(step.take);
          assert.equal(content.bytes.byteLength, step.take);
          content.bytes.fill(number);
          held.push({ content, mark: number & 0xff });
        } else {
          const [released] = held.splice(Math.floor(step.release * held.length), 1);
          released?.content.release();
        }
        for (const { content, mark } of held)
          assert.ok([content.bytes.at(0), content.bytes.at(-1)].every(byte => byte === undefined || byte === mark));
      }
    }),
    { numRuns: 200 },
  );
});

test('memory is used again: a steady stream takes what it holds at once, and one slab', () => {
  const memory = new ContentMemory();
  const buffers = new Set<ArrayBufferLike>();
  const held: Content[] = [];
  for (let i = 0; i < 10_000; i++) {
    const content = memory.take(60_000);
    buffers.add(content.bytes.buffer);
    held.push(content);
    if (held.length > 130) held.shift()?.release();
  }
  // 130 contents, seventeen a slab.
  assert.ok(buffers.size <= 10, `${buffers.size} slabs`);
});
