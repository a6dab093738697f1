import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Semaphore, forEachConcurrent, mapConcurrent } from './concurrency.ts';

const turn = () => new Promise<void>(resolve => setImmediate(resolve));

describe('Semaphore', () => {
  test('serves waiters in order and at most as many as it has permits', async () => {
    const semaphore = new Semaphore(2);
    const order: number[] = [];
    let holders = 0;
    let most = 0;
    await Promise.all(
      [0, 1, 2, 3, 4].map(async i => {
        using _permit = await semaphore.acquire();
        most = Math.max(most, ++holders);
        order.push(i);
        await turn();
        holders--;
      }),
    );
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
    assert.equal(most, 2);
  });

  test('an aborted waiter leaves the queue and the permit goes to the next', async () => {
    const semaphore = new Semaphore(1);
    const first = await semaphore.acquire();
    const stop = new AbortController();
    const second = semaphore.acquire(stop.signal);
    const third = semaphore.acquire();
    stop.abort(new Error('enough'));
    await assert.rejects(second, /enough/);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    using _third = await third;
    let fourth = false;
    void semaphore.acquire().then(() => (fourth = true));
    await turn();
    assert.equal(fourth, false);
  });

  test('an aborted signal takes no permit', async () => {
    const semaphore = new Semaphore(1);
    await assert.rejects(semaphore.acquire(AbortSignal.abort(new Error('before'))), /before/);
    using _permit = await semaphore.acquire();
  });
});

describe('forEachConcurrent', () => {
  test('runs no more than the limit at a time', async () => {
    let running = 0;
    let most = 0;
    const results = await mapConcurrent([5, 4, 3, 2, 1], { limit: 2 }, async n => {
      most = Math.max(most, ++running);
      for (let i = 0; i < n; i++) await turn();
      running--;
      return n * 2;
    });
    assert.deepEqual(results, [10, 8, 6, 4, 2]);
    assert.equal(most, 2);
  });

  test('the first failure aborts the others and is thrown after they have ended', async () => {
    let ended = 0;
    const started: number[] = [];
    const failing = forEachConcurrent([0, 1, 2, 3], { limit: 2 }, async (item, signal) => {
      started.push(item);
      await turn();
      if (item === 0) throw new Error('zero');
      while (!signal.aborted) await turn();
      ended++;
      signal.throwIfAborted();
    });
    await assert.rejects(failing, /zero/);
    assert.equal(ended, started.length - 1);
    assert.ok(!started.includes(3));
  });

  test('an abort from outside stops the source', async () => {
    const stop = new AbortController();
    let taken = 0;
    const endless = (function* () {
      for (;;) yield taken++;
    })();
    const work = forEachConcurrent(endless, { limit: 3, signal: stop.signal }, async item => {
      if (item === 10) stop.abort(new Error('stop'));
      await turn();
    });
    await assert.rejects(work, /stop/);
    assert.ok(taken < 20);
  });

  test('a failing source is a failure', async () => {
    const source = (function* () {
      yield 1;
      throw new Error('source');
    })();
    await assert.rejects(
      forEachConcurrent(source, { limit: 3 }, async () => {}),
      /source/,
    );
  });
});
