import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LocalStore } from '../../src/store/index.ts';
import { recordReports, temporaryFolder } from '../../src/testing/index.ts';
import { killMoments } from './kill-moments.ts';
import { binDir, runCli } from './run-cli.ts';

/** Builders with children that would live on; `token` is in the environment of all of them. */
const expression = `{ token, count, fails ? false }:
let
  make = inputs: n: derivation {
    name = "step-\${toString n}";
    system = builtins.currentSystem;
    builder = "/bin/sh";
    inherit token inputs;
    args = [ "-c" "(sleep 600 &) ; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; \${if fails then "exit 3" else "echo $inputs > $out"}" ];
  };
  leaves = builtins.genList (make [ ]) count;
in
if fails then leaves else make leaves "top"
`;

/** In milliseconds, for the last processes of a build to end. */
const patience = 60_000;

describe('building', () => {
  const folder = temporaryFolder();
  const file = join(folder.path, 'steps.nix');
  before(() => writeFileSync(file, expression));
  after(() => folder[Symbol.dispose]());

  const environmentOf = (root: string) => ({
    NIX_REMOTE: `local?root=${root}`,
    NIX_CONFIG: 'build-users-group =\nsubstituters =\nsandbox = true\nsandbox-fallback = false\nmax-jobs = 4',
  });
  const argumentsOf = (token: string, count: number) => [
    '--no-out-link',
    file,
    '--argstr',
    'token',
    token,
    '--arg',
    'count',
    String(count),
  ];

  /** Kills a build so many milliseconds after it began. */
  async function buildAndKill(root: string, token: string, milliseconds: number): Promise<void> {
    const env = {
      ...environmentOf(root),
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      NIX_CONF_DIR: '/nonexistent',
    };
    const running = spawn(join(binDir, 'nix-build'), argumentsOf(token, 6), { env, stdio: 'ignore' });
    const ended = once(running, 'exit');
    setTimeout(() => running.kill('SIGKILL'), milliseconds).unref();
    await ended;
  }

  test(`killed at ${killMoments} random moments leaves nothing behind, and the next one completes`, async () => {
    let completed = 0;
    for (let round = 0; round < killMoments; round++) {
      const token = `firn-test-${process.pid}-${round}`;
      // Some stores see several murders before they are completed.
      const root = join(folder.path, `root-${Math.floor(round / 3)}`);
      await buildAndKill(root, token, 200 + Math.random() * 1500);
      await requireNothingLeft(token, root);
      await requireSound(root);
      if (round % 3 !== 2) continue;
      const { status, stderr } = runCli('nix-build', argumentsOf(`firn-test-${process.pid}`, 6), {
        env: environmentOf(root),
      });
      assert.equal(status, 0, stderr);
      await requireNothingLeft(`firn-test-${process.pid}`, root);
      const collected = runCli('nix-store', ['--gc'], { env: environmentOf(root) });
      assert.equal(collected.status, 0, collected.stderr);
      assert.deepEqual(leftFolders(root), []);
      completed++;
    }
    assert.ok(completed > 0);
  });

  test('that fails, over and over, leaves nothing behind', async () => {
    const root = join(folder.path, 'failing');
    const count = Math.max(20, Math.round(killMoments * 2.5));
    const token = `firn-test-${process.pid}-failing`;
    const { status, stderr } = runCli(
      'nix-build',
      [...argumentsOf(token, count), '--arg', 'fails', 'true', '--keep-going'],
      { env: environmentOf(root) },
    );
    assert.equal(status, 100, stderr);
    assert.equal(stderr.match(/builder failed with exit code 3/g)?.length, count, stderr);
    await requireNothingLeft(token, root);
    await requireSound(root);
    assert.deepEqual(leftFolders(root), []);
  });
});

/** Processes that have `token` in their environment, and mounts below `root`. */
async function requireNothingLeft(token: string, root: string): Promise<void> {
  const end = Date.now() + patience;
  let left = processesWith(token);
  // A killed process takes its descendants with it, but not in the same instant.
  while (left.length > 0 && Date.now() < end) {
    await delay(20);
    left = processesWith(token);
  }
  assert.deepEqual(left, []);
  assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(root), 'a mount is left');
}

function processesWith(token: string): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && name !== String(process.pid))
    .filter(pid => readQuietly(`/proc/${pid}/environ`).split('\0').includes(`token=${token}`))
    .map(pid => readQuietly(`/proc/${pid}/cmdline`).replaceAll('\0', ' '));
}

/** Empty for a process that has ended, or is somebody else's. */
function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** What only builds that go on should have. */
function leftFolders(root: string): string[] {
  const store = readdirSync(join(root, 'nix', 'store')).filter(name => /\.(?:chroot|lock)$/.test(name));
  return [...store, ...readdirSync(join(root, 'nix', 'var', 'nix', 'builds'))];
}

async function requireSound(root: string): Promise<void> {
  const { reporter, reports } = recordReports();
  const options = { dataFolder: join(root, 'nix', 'var', 'nix'), realStoreDir: join(root, 'nix', 'store'), reporter };
  await using store = new LocalStore(options);
  assert.equal(await store.upkeep.verify({ checkContents: true }), false, JSON.stringify(reports));
}
