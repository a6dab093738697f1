import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ResponseMemory } from './response-memory.ts';

const never = new AbortController().signal;

describe('ResponseMemory', () => {
  it('is given in the order of the questions, as soon as there is enough', async () => {
    const memory = new ResponseMemory(100);
    const first = await memory.acquire(80, never);
    const granted: string[] = [];
    const wait = async (name: string, bytes: number) => {
      const held = await memory.acquire(bytes, never);
      granted.push(name);
      return held;
    };
    const large = wait('large', 50);
    const small = wait('small', 10);
    await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(granted, []);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    (await large)[Symbol.dispose]();
    (await small)[Symbol.dispose]();
    assert.deepEqual(granted, ['large', 'small']);
    (await memory.acquire(1000, never))[Symbol.dispose]();
  });

  it('is given at once as long as half of it is left', () => {
    const memory = new ResponseMemory(100);
    using first = memory.tryAcquire(30);
    assert.equal(memory.tryAcquire(30), undefined);
    first?.[Symbol.dispose]();
    using second = memory.tryAcquire(50);
    assert.notEqual(second, undefined);
  });

  it('is not waited for by who gives up', async () => {
    const memory = new ResponseMemory(10);
    const held = await memory.acquire(10, never);
    const stop = new AbortController();
    const waiting = memory.acquire(5, stop.signal);
    const next = memory.acquire(1, never);
    stop.abort(new Error('enough'));
    await assert.rejects(waiting, { message: 'enough' });
    held[Symbol.dispose]();
    (await next)[Symbol.dispose]();
  });
});
