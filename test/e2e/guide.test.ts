import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { removeTree } from '../../src/castore/index.ts';
import { isOurMount, unmountAt } from '../../src/fuse/index.ts';
import { mountObstacle, temporaryFolder } from '../../src/testing/index.ts';
import { markedBlocks, matchesOutput } from './marked-blocks.ts';
import { binDir } from './run-cli.ts';

const obstacle = await mountObstacle();
const guide = join(import.meta.dirname, '../../docs/guide');

/** Ends the servers whose process ids are in files, where examples have not; what they have mounted is there until they have. */
async function endServers(folder: string): Promise<void> {
  const files = readdirSync(folder).filter(name => name.endsWith('.pid'));
  const pids = files.map(name => readFileSync(join(folder, name), 'utf8').trim()).filter(isRunning);
  for (const pid of pids) process.kill(Number(pid));
  while (pids.some(isRunning)) await delay(20);
}

/** One that has ended stays until its parent has looked, which may be nobody; of its command line nothing is left. */
function isRunning(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1') !== '';
  } catch {
    return false;
  }
}

describe('the guide', () => {
  // A store of the page's own, at a place of its own; or at `/nix/store` below its root, where builders are in sandboxes.
  const places = (folder: string) => ({ NIX_STORE_DIR: join(folder, 'store'), NIX_STATE_DIR: join(folder, 'state') });
  const pages = new Map([
    ['bazel-toolchains.md', places],
    ['content-addressed.md', places],
    ['dynamic-derivations.md', places],
    ['evaluation.md', places],
    ['nix-cache.md', places],
    ['nix-daemon.md', places],
    ['recursive.md', places],
    ['remote-builders.md', undefined],
    ['sandbox.md', places],
    ['virtual-store.md', places],
  ]);
  for (const [name, own] of pages) {
    const skip = name === 'virtual-store.md' && (obstacle ?? false);
    test(`${name} says what commands print`, { skip }, async () => {
      using temporary = temporaryFolder();
      const folder = temporary.path;
      // Sandboxes are another user's.
      chmodSync(folder, 0o755);
      const env = {
        PATH: `${binDir}:${process.env['PATH'] ?? ''}`,
        HOME: folder,
        NIX_CONF_DIR: '/nonexistent',
        TMPDIR: folder,
        NIX_CONFIG: `substituters =\nbuild-users-group =\nmax-jobs = 1\ntrusted-users = *\n${own === undefined ? `store = ${folder}/root` : 'sandbox = false'}`,
        ...own?.(folder),
        NO_COLOR: '1',
      };
      // Where an example fails, its servers and its mount are still there.
      await using _left = {
        [Symbol.asyncDispose]: async () => {
          await endServers(folder);
          removeMount(join(folder, 'view'));
          removeTree(join(folder, 'store'));
        },
      };
      const blocks = markedBlocks(readFileSync(join(guide, name), 'utf8'));
      assert.ok(blocks.some(({ mark }) => mark === 'executed'));
      for (const { mark, text } of blocks) {
        if (mark.startsWith('file: ')) writeFileSync(join(folder, mark.slice('file: '.length)), text);
        else {
          for (const [, command = '', expected = ''] of text.matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm)) {
            // One that waits for what does not come ends the test, not the run.
            const options = { env, cwd: folder, timeout: 120_000, killSignal: 'SIGKILL' } as const;
            const { stdout } = spawnSync('/bin/sh', ['-c', `{ ${command}; } 2>&1`], options);
            const shown = stdout.toString().replaceAll(join(folder, 'store'), '/nix/store');
            // Builds begin in any order.
            const sort = (lines: string) => lines.split('\n').toSorted().join('\n');
            assert.ok(
              matchesOutput(shown, expected) || matchesOutput(sort(shown), sort(expected)),
              `$ ${command}\n${shown}`,
            );
          }
        }
      }
    });
  }
});

function removeMount(path: string): void {
  if (isOurMount(path)) unmountAt(path, { lazily: true });
}
