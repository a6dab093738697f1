import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentReporter } from '../../base/index.ts';
import { Substituters } from '../../store/index.ts';
import { MemoryStore } from '../../testing/index.ts';
import { PathGoals } from './path-goals.ts';

function openRig() {
  const store = new MemoryStore();
  const cache = new MemoryStore({ uri: 'memory://cache', isTrusted: true });
  const substituters = new Substituters([cache], {
    storeDir: store.storeDir,
    trust: { requireSignatures: false, trustedKeys: new Map() },
  });
  const stop = new AbortController();
  const options = { store, substituters, concurrency: 4, reporter: silentReporter, signal: stop.signal };
  return { store, cache, stop, goals: new PathGoals(options) };
}

test('a path that is wanted and to be renewed at once is both, and everybody hears of it', async () => {
  const { cache, goals } = openRig();
  const path = cache.put('one');
  const results = await Promise.all([goals.realise(path), goals.realise(path, { repair: true })]);
  assert.deepEqual(
    results.map(({ outcome }) => outcome.status),
    ['Substituted', 'Substituted'],
  );
  assert.deepEqual(cache.streamed, [path, path]);
});

test('being called off is no failure to substitute', async () => {
  const { cache, goals, stop } = openRig();
  const path = cache.put('one');
  const reason = new Error('enough');
  const goal = goals.realise(path);
  stop.abort(reason);
  await assert.rejects(goal, reason);
});
