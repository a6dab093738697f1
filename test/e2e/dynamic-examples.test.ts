import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { removeTree } from '../../src/castore/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { binDir, runCli } from './run-cli.ts';

const examples = join(dirname(binDir), 'examples/dynamic');

/** A store of its own that is empty at first, reached directly or through a daemon. */
class Place implements AsyncDisposable {
  readonly #temporary = temporaryFolder();
  readonly folder = this.#temporary.path;
  readonly #own: Record<string, string> = {
    HOME: this.folder,
    TMPDIR: this.folder,
    NIX_STORE_DIR: join(this.folder, 'store'),
    NIX_STATE_DIR: join(this.folder, 'var'),
    NIX_CONF_DIR: '/nonexistent',
    NIX_CONFIG: 'substituters =\nbuild-users-group =\nsandbox = false\nmax-jobs = 2',
  };
  #daemon: ChildProcess | undefined;

  async startDaemon(): Promise<void> {
    const socket = join(this.folder, 'socket');
    const env = { PATH: process.env['PATH'] ?? '', ...this.#own, NIX_DAEMON_SOCKET_PATH: socket };
    const daemon = spawn(join(binDir, 'nix-daemon'), [], { env, stdio: 'ignore' });
    this.#daemon = daemon;
    while (!existsSync(socket)) {
      assert.ok(daemon.exitCode === null && daemon.signalCode === null);
      await delay(20);
    }
    this.#own['NIX_REMOTE'] = `unix://${socket}`;
    this.#own['NIX_STATE_DIR'] = join(this.folder, 'client');
  }

  run(program: string, args: readonly string[]): { readonly stdout: string; readonly stderr: string } {
    const { status, stdout, stderr } = runCli(program, args, { cwd: this.folder, env: this.#own });
    assert.equal(status, 0, stderr);
    return { stdout: stdout.toString().trim(), stderr };
  }

  /** What is built, as text. */
  build(example: string, ...attributes: string[]): string {
    const file = join(examples, example, 'default.nix');
    return this.run('nix', ['build', '--file', file, '--no-link', '--print-out-paths', ...attributes]).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemon !== undefined) {
      const ended = once(this.#daemon, 'exit');
      this.#daemon.kill();
      await ended;
    }
    removeTree(this.folder);
  }
}

for (const way of ['an empty store', 'a daemon']) {
  describe(`the examples of dynamic derivations, with ${way}`, () => {
    const open = async () => {
      const place = new Place();
      if (way === 'a daemon') await place.startDaemon();
      return place;
    };

    test('an expression evaluated in a build', async () => {
      await using place = await open();
      const text = readFileSync(place.build('instantiate'), 'utf8');
      assert.equal(text, 'Hello from an expression that was evaluated in a build\n');
    });

    test('a derivation written by hand', async () => {
      await using place = await open();
      assert.equal(readFileSync(place.build('by-hand'), 'utf8'), 'Written by hand, built all the same\n');
    });

    test('two levels', async () => {
      await using place = await open();
      assert.equal(readFileSync(place.build('two-levels', 'user'), 'utf8'), 'It says: The last of three\n');
      assert.equal(readFileSync(place.build('two-levels', 'third'), 'utf8'), 'The last of three\n');
      const file = join(examples, 'two-levels', 'default.nix');
      const first = place.run('nix-instantiate', [file, '-A', 'first']).stdout;
      for (const spelling of [`${first}^out^out^out`, `${first}!out!out!out`]) {
        const path = place.run('nix', ['build', spelling, '--no-link', '--print-out-paths']).stdout;
        assert.equal(readFileSync(path, 'utf8'), 'The last of three\n');
      }
    });

    test('a lock file of more than a hundred packages', async () => {
      await using place = await open();
      const file = join(examples, 'npm-lock', 'default.nix');
      const before = place.run('nix', ['build', '--file', file, '--dry-run']).stderr;
      assert.match(before, /packages\.drv\.drv\n.*that a build makes first[^]*packages\.drv\.drv\^out\^out/);
      const plan = place.run('nix', ['build', '--file', file, '--dry-run=plan']).stderr;
      assert.match(plan, /these 164 derivations will be built:/);
      assert.equal(readdirSync(place.build('npm-lock')).length, 163);
    });
  });
}
