import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { LocalStore } from '../../src/store/index.ts';
import { recordReports, temporaryFolder } from '../../src/testing/index.ts';
import { type ClosureCache, makeClosureCache } from './closure-cache.ts';
import { killMoments } from './kill-moments.ts';

const moments = killMoments;
const child = join(import.meta.dirname, 'substitute-child.ts');

/** Starts a substitution of all of `cache` into the store below `folder`; it is killed so long after it began, in ms. */
async function substitute(folder: string, { uri, paths }: ClosureCache, killAfter?: number): Promise<string[]> {
  const args = ['--disable-warning=ExperimentalWarning', child, folder, uri, paths.at(-1) ?? ''];
  const running = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  running.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (said === '' && killAfter !== undefined) setTimeout(() => running.kill('SIGKILL'), killAfter);
    said += text;
  });
  await once(running, 'close');
  assert.ok(running.signalCode === 'SIGKILL' || running.exitCode === 0, `the child ended with ${running.exitCode}`);
  return said.split('\n');
}

/** How many paths the store below `folder` has, which is sound. */
async function countSound(folder: string, checkContents: boolean): Promise<number> {
  const { reporter, reports } = recordReports();
  const options = { dataFolder: join(folder, 'data'), realStoreDir: join(folder, 'store'), reporter };
  await using store = new LocalStore(options);
  assert.equal(await store.upkeep.verify({ checkContents }), false, JSON.stringify(reports));
  const valid = store.paths.infos();
  for (const { references } of valid.values()) assert.ok(references.every(reference => valid.has(reference)));
  return valid.size;
}

describe('substitution', () => {
  test(`killed at ${moments} random moments leaves a sound store, and the next one completes it`, async () => {
    using folder = temporaryFolder();
    const cache = await makeClosureCache(join(folder.path, 'cache'), { paths: 12, fileSizes: [100, 20_000, 150_000] });
    let partial = 0;
    let place = 0;
    for (let round = 0; round < moments; round++) {
      const store = join(folder.path, `store${place}`);
      await substitute(store, cache, Math.random() * 600);
      const count = await countSound(store, round % 10 === 0);
      if (count > 0 && count < cache.paths.length) partial++;
      // Some stores see several murders before they are completed.
      if (count < cache.paths.length && round % 4 !== 3) continue;
      assert.deepEqual(await substitute(store, cache), ['begin', 'end', '']);
      assert.equal(await countSound(store, true), cache.paths.length);
      place++;
    }
    assert.ok(place > 1, `${partial} substitutions were broken off half-way`);
  });

  test('of the same closure by several processes at once succeeds in all of them', async () => {
    using folder = temporaryFolder();
    const cache = await makeClosureCache(join(folder.path, 'cache'), { paths: 20, fileSizes: [3000, 100_000] });
    for (let round = 0; round < 3; round++) {
      const store = join(folder.path, `store${round}`);
      const said = await Promise.all([1, 2, 3].map(() => substitute(store, cache)));
      for (const lines of said) assert.deepEqual(lines, ['begin', 'end', '']);
      assert.equal(await countSound(store, true), cache.paths.length);
    }
  });
});
