import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyBlobs } from '../../src/castore/index.ts';
import type { StorePath } from '../../src/nix-compat/index.ts';
import { addTestPath, addTestRoot, listTestStore, openLocalStoreIn, temporaryFolder } from '../../src/testing/index.ts';
import { killMoments } from './kill-moments.ts';

const moments = killMoments;
const collector = join(import.meta.dirname, 'kill-collection-child.ts');

/** Kills a collection `delay` milliseconds after it said that it begins; whether it had not ended by then. */
async function collectAndKill(folder: string, delay: number): Promise<boolean> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', collector, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compile-cache') },
  });
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), delay));
  await once(child, 'close');
  assert.ok(child.signalCode === 'SIGKILL' || child.exitCode === 0, `the collection ended with ${child.exitCode}`);
  return child.signalCode === 'SIGKILL';
}

test(`a collection killed at ${moments} random moments takes nothing that is needed`, async () => {
  using folder = temporaryFolder();
  let killed = 0;
  let live: StorePath[] = [];
  for (let round = 0; round < moments; round++) {
    {
      await using store = openLocalStoreIn(folder.path);
      const a = await addTestPath(store, 'a');
      const b = await addTestPath(store, 'b', [a]);
      if (round === 0) addTestRoot(folder.path, b);
      live = [a, b].toSorted();
      const c = await addTestPath(store, `c${round % 3}`, [a]);
      for (let i = 0; i < 6; i++) await addTestPath(store, `d${i}`, [c]);
    }
    if (await collectAndKill(folder.path, Math.random() * 80)) killed++;
    await using store = openLocalStoreIn(folder.path);
    const valid = await store.index.allPaths();
    for (const path of live) assert.ok(valid.includes(path), `round ${round}: ${path} is lost`);
    assert.equal(await store.upkeep.verify({ checkContents: round % 10 === 0 }), false, `round ${round}`);
    const problems = await Array.fromAsync(verifyBlobs(store.blobs));
    assert.deepEqual(
      problems.filter(({ kind }) => kind !== 'orphan'),
      [],
      `round ${round}`,
    );
  }
  assert.ok(killed > moments / 4, `${killed} collections were killed`);
  await using store = openLocalStoreIn(folder.path);
  await store.collector.collect();
  assert.deepEqual(listTestStore(folder.path), live);
  assert.deepEqual(await store.index.allPaths(), live);
  assert.deepEqual(await Array.fromAsync(verifyBlobs(store.blobs)), []);
});
