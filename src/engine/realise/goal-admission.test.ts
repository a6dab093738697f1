import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BuildSlots } from './build-slots.ts';
import { GoalAdmission } from './goal-admission.ts';

const never = new AbortController().signal;

/** Lets what can go on go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
}

test('beyond the limit, who came last begins first, while no build waits for a slot', async () => {
  const slots = new BuildSlots(1);
  using admission = new GoalAdmission(slots, never, 2);
  const begun: string[] = [];
  const begin = async (name: string) => {
    const admitted = await admission.enter();
    begun.push(name);
    return admitted;
  };
  const running = await slots.acquire(0, never);
  const waiting = slots.acquire(0, never);
  const [a, b] = [await begin('a'), await begin('b')];
  const later = ['c', 'd', 'e'].map(name => begin(name));
  await settle();
  assert.deepEqual(begun, ['a', 'b']);
  a[Symbol.dispose]();
  await settle();
  assert.deepEqual(begun, ['a', 'b', 'e']);
  assert.equal(admission.open, 2);
  // No build waits any more: what has begun may need what has not.
  running[Symbol.dispose]();
  await settle();
  assert.deepEqual(begun, ['a', 'b', 'e', 'd', 'c']);
  b[Symbol.dispose]();
  for (const admitted of later) (await admitted)[Symbol.dispose]();
  assert.equal(admission.open, 0);
  (await waiting)[Symbol.dispose]();
});

test('those that wait end when all is called off', async () => {
  const slots = new BuildSlots(1);
  const stop = new AbortController();
  using admission = new GoalAdmission(slots, stop.signal, 1);
  using _running = await slots.acquire(0, never);
  const waiting = slots.acquire(0, stop.signal);
  using _first = await admission.enter();
  const second = admission.enter();
  stop.abort(new Error('called off'));
  await assert.rejects(second, /called off/);
  await assert.rejects(admission.enter(), /called off/);
  await assert.rejects(waiting, /called off/);
  assert.equal(admission.open, 1);
});
