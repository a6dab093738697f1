import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { countProcesses, uniqueName } from '../../src/testing/index.ts';
import { killMoments } from './kill-moments.ts';
import { mountsOfSandboxes } from './mounts-of-sandboxes.ts';

const runner = join(import.meta.dirname, 'kill-actions-child.ts');

/** Kills it `moment` milliseconds after it began; its children then. */
async function runAndKill(name: string, moment: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', runner, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await delay(moment);
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ').filter(Boolean);
  child.kill('SIGKILL');
  await once(child, 'close');
  return children;
}

test(
  `actions of processes killed at ${killMoments} random moments end with them`,
  { timeout: killMoments * 20_000 },
  async () => {
    const mounts = mountsOfSandboxes();
    for (let round = 0; round < killMoments; round++) {
      const name = uniqueName();
      const children = await runAndKill(name, Math.random() * 600);
      // Each is noticed, but not at once.
      while (countProcesses(name) > 0 || children.some(pid => existsSync(`/proc/${pid}`))) await delay(5);
    }
    assert.deepEqual(mountsOfSandboxes(), mounts);
  },
);
