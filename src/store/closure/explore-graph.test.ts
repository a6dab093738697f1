import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exploreGraph } from './explore-graph.ts';

describe('exploreGraph', () => {
  test('visits each item once, circles included', async () => {
    const graph: Readonly<Record<string, readonly string[]>> = { a: ['b', 'c'], b: ['c', 'a'], c: ['c', 'd'], d: [] };
    const visited: string[] = [];
    await exploreGraph(['a', 'd', 'a'], { limit: 2 }, async item => {
      visited.push(item);
      await Promise.resolve();
      return graph[item] ?? [];
    });
    assert.deepEqual(visited.toSorted(), ['a', 'b', 'c', 'd']);
  });

  test('ends at once without roots', async () => {
    await exploreGraph([], { limit: 1 }, () => Promise.reject(new Error('never')));
  });

  test('keeps to its limit and waits for no level', async () => {
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const held = Promise.withResolvers<void>();
    await exploreGraph([0, 100], { limit: 3 }, async item => {
      most = Math.max(most, ++running);
      // The second root stays until the whole chain below the first is done.
      await (item === 100 ? held.promise : Promise.resolve());
      if (item === 50) held.resolve();
      order.push(item);
      running--;
      return item < 50 ? [item + 1] : [];
    });
    assert.ok(most <= 3);
    assert.equal(order.at(-1), 100);
    assert.equal(order.length, 52);
  });

  test('stops at a failure once the others have ended', async () => {
    const ended: number[] = [];
    const failure = new Error('no');
    await assert.rejects(
      exploreGraph([1, 2, 3], { limit: 2 }, async (item, signal) => {
        if (item === 1) throw failure;
        await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
        ended.push(item);
        return [4];
      }),
      failure,
    );
    assert.deepEqual(ended, [2]);
  });

  test('stops when aborted', async () => {
    const stop = new AbortController();
    const visit = (item: number) => {
      if (item === 5) stop.abort(new Error('enough'));
      return Promise.resolve([item + 1]);
    };
    await assert.rejects(exploreGraph([0], { limit: 2, signal: stop.signal }, visit), /enough/);
    await assert.rejects(exploreGraph([0], { limit: 2, signal: stop.signal }, visit), /enough/);
  });
});
