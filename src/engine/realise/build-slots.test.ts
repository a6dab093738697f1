import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BuildSlots } from './build-slots.ts';

test('slots go to the largest weight, and among equals to who came first', async () => {
  const slots = new BuildSlots(1);
  const { signal } = new AbortController();
  const order: string[] = [];
  const work = async (name: string, weight: number) => {
    using _slot = await slots.acquire(weight, signal);
    order.push(name);
  };
  const held = await slots.acquire(0, signal);
  const all = Promise.all([
    work('light', 0),
    work('heavy', 2),
    work('also light', 0),
    work('heavy too', 2),
    work('middle', 1),
  ]);
  held[Symbol.dispose]();
  await all;
  assert.deepEqual(order, ['heavy', 'heavy too', 'middle', 'light', 'also light']);
});

test('who is called off leaves the queue, and a slot is given back once', async () => {
  const slots = new BuildSlots(1);
  const stop = new AbortController();
  const held = await slots.acquire(0, stop.signal);
  const waiting = slots.acquire(1, stop.signal);
  const reason = new Error('enough');
  stop.abort(reason);
  await assert.rejects(waiting, reason);
  held[Symbol.dispose]();
  held[Symbol.dispose]();
  const { signal } = new AbortController();
  using _first = await slots.acquire(0, signal);
  let isGranted = false;
  const second = slots.acquire(0, signal).then(slot => {
    isGranted = true;
    return slot;
  });
  await Promise.resolve();
  assert.equal(isGranted, false);
  _first[Symbol.dispose]();
  (await second)[Symbol.dispose]();
});

test('a slot that is yielded is somebody else’s until they give it back', async () => {
  const slots = new BuildSlots(1);
  const { signal } = new AbortController();
  const order: string[] = [];
  using first = await slots.acquire(1, signal);
  await first.yieldWhile(async () => {
    using _second = await slots.acquire(0, signal);
    order.push('second');
  });
  order.push('first');
  assert.deepEqual(order, ['second', 'first']);
  await assert.rejects(
    first.yieldWhile(async () => {
      throw new Error('enough');
    }),
    { message: 'enough' },
  );
  // It was given back, and is not given back once more.
  first[Symbol.dispose]();
  using _third = await slots.acquire(0, signal);
});
