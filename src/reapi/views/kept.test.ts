import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kept } from './kept.ts';

function rig(limits = { patience: 1_000_000, maxUnused: 2 }) {
  const log: string[] = [];
  const kept = new Kept<AsyncDisposable & { readonly name: string }>(limits);
  const hold = (name: string, signal?: AbortSignal) =>
    kept.hold(
      name,
      async () => {
        log.push(`make ${name}`);
        return { name, [Symbol.asyncDispose]: async () => void log.push(`drop ${name}`) };
      },
      signal,
    );
  return { log, kept, hold };
}

test('what is used and what was used last is kept, once', async () => {
  const { log, kept, hold } = rig();
  {
    await using one = await hold('a');
    await using two = await hold('a');
    assert.equal(one.value, two.value);
  }
  for (const name of ['b', 'a', 'c']) {
    await using _held = await hold(name);
  }
  assert.deepEqual(log, ['make a', 'make b', 'make c', 'drop b']);
  await using held = await hold('a');
  await kept[Symbol.asyncDispose]();
  assert.deepEqual(log.slice(4), ['drop c']);
  await held[Symbol.asyncDispose]();
});

test('what cannot be made is made anew for the next', async () => {
  const { kept, hold } = rig();
  const failing = () => kept.hold('a', () => Promise.reject(new Error('no')));
  await assert.rejects(failing(), /no/);
  await using held = await hold('a');
  assert.equal(held.value.name, 'a');
});

test('who leaves leaves the others what they wait for', async () => {
  const { log, kept } = rig({ patience: 1_000_000, maxUnused: 0 });
  const { promise, resolve } = Promise.withResolvers<AsyncDisposable & { readonly name: string }>();
  const stop = new AbortController();
  const impatient = kept.hold('a', () => promise, stop.signal);
  const patient = kept.hold('a', () => assert.fail('made twice'));
  stop.abort(new Error('enough'));
  await assert.rejects(impatient, /enough/);
  resolve({ name: 'a', [Symbol.asyncDispose]: async () => void log.push('drop') });
  await (await patient)[Symbol.asyncDispose]();
  assert.deepEqual(log, ['drop']);
});
