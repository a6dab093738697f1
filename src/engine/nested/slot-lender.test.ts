import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { BuildSlots } from '../realise/build-slots.ts';
import { SlotLender } from './slot-lender.ts';

const { signal } = new AbortController();

test('a slot is others’ while anything is waited for, and comes back once', async () => {
  const slots = new BuildSlots(1);
  const slot = await slots.acquire(0, signal);
  const lender = new SlotLender(slot);
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const waits = [lender.lendWhile(() => first.promise), lender.lendWhile(() => second.promise)];
  await turn();
  const other = await slots.acquire(0, signal);
  first.resolve('first');
  assert.equal(await waits[0], 'first');
  second.resolve('second');
  let isOver = false;
  const last = waits[1]?.then(() => (isOver = true));
  await turn();
  // What is asked for while the slot is being taken back begins afterwards.
  let hasBegun = false;
  const late = lender.lendWhile(async () => (hasBegun = true));
  await turn();
  assert.deepEqual([isOver, hasBegun, slots.hasFree], [false, false, false]);
  other[Symbol.dispose]();
  await last;
  await late;
  assert.equal(slots.hasFree, false);
  slot[Symbol.dispose]();
  assert.equal(slots.hasFree, true);
  const again = await slots.acquire(0, signal);
  assert.equal(slots.hasFree, false);
  again[Symbol.dispose]();
});

test('a failure gives the slot back, too', async () => {
  const slots = new BuildSlots(1);
  const slot = await slots.acquire(0, signal);
  const lender = new SlotLender(slot);
  await assert.rejects(
    lender.lendWhile(() => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(slots.hasFree, false);
  slot[Symbol.dispose]();
  assert.equal(slots.hasFree, true);
});
