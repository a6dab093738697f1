import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseStorePath } from '../../src/nix-compat/index.ts';
import { LocalStore } from '../../src/store/index.ts';
import { recordReports, temporaryFolder } from '../../src/testing/index.ts';
import { killMoments } from './kill-moments.ts';

const moments = killMoments;
const adder = join(import.meta.dirname, 'kill-add-child.ts');

/** Kills additions `delay` milliseconds after they began; the paths that were said to be valid. */
async function addAndKill(folder: string, delay: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', adder, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (said === '') setTimeout(() => child.kill('SIGKILL'), delay);
    said += text;
  });
  await once(child, 'close');
  assert.ok(child.signalCode === 'SIGKILL' || child.exitCode === 0, `the child ended with ${child.exitCode}`);
  return said.split('\n').slice(1, -1);
}

test(`additions killed at ${moments} random moments leave a sound store`, async () => {
  using folder = temporaryFolder();
  let added = 0;
  for (let round = 0; round < moments; round++) {
    // Several rounds meet in one store; not all of them, since each verifies it whole.
    const place = join(folder.path, String(Math.floor(round / 10)));
    const paths = await addAndKill(place, Math.random() * 600);
    added += paths.length;

    const { reporter, reports } = recordReports();
    await using store = new LocalStore({
      dataFolder: join(place, 'data'),
      realStoreDir: join(place, 'store'),
      reporter,
    });
    for (const path of paths) {
      assert.ok(store.paths.isValid(parseStorePath(path)), `round ${round}: '${path}' was said to be valid`);
      assert.ok(existsSync(join(place, 'store', path)));
    }
    const problems = await store.upkeep.verify({ checkContents: round % 10 === 9 });
    assert.equal(problems, false, `round ${round}: ${JSON.stringify(reports)}`);
    const valid = store.paths.infos();
    for (const { references } of valid.values()) assert.ok(references.every(reference => valid.has(reference)));
  }
  assert.ok(added > 0 && added < moments * 24, `${added} paths were added`);
});
