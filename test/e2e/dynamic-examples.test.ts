import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { removeTree } from '../../src/castore/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { ActionFarm, type FarmClient } from './action-farm.ts';
import { addCommands, filesOfCommands } from './nix-for-builders.ts';
import { binDir, runCli } from './run-cli.ts';

const examples = join(dirname(binDir), 'examples/dynamic');

/** A store in which examples are built. */
interface ExamplePlace extends AsyncDisposable {
  run(program: string, args: readonly string[]): { readonly stdout: string; readonly stderr: string };
  /** Of `nix build`, for an example. */
  arguments(example: string): string[];
  /** Where a store path is on this disk. */
  at(path: string): string;
}

/** A store of its own that is empty at first, reached directly or through a daemon. */
class Place implements ExamplePlace {
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

  arguments(example: string): string[] {
    return ['--file', join(examples, example, 'default.nix')];
  }

  at(path: string): string {
    return path;
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

/** A store that is empty at first, whose derivations a server of remote execution builds. */
class FarmPlace implements ExamplePlace {
  readonly #farm: ActionFarm;
  readonly #client: FarmClient;
  /** For examples whose builders use Nix, which see nothing of this machine. */
  readonly #nix: string;

  private constructor(farm: ActionFarm, client: FarmClient) {
    this.#farm = farm;
    this.#client = client;
    const commands = addCommands(client.folder, folder => client.expect('nix-store', ['--add', folder]));
    this.#nix = `"\${builtins.storePath ${commands}}/bin"`;
  }

  static async open(): Promise<FarmPlace> {
    await using stack = new AsyncDisposableStack();
    const farm = stack.use(await ActionFarm.start({ execution: 'slots = 4' }));
    const client = farm.client('client', [`extra-sandbox-paths = ${filesOfCommands().join(' ')}`]);
    const place = new FarmPlace(farm, client);
    stack.move();
    return place;
  }

  run(program: string, args: readonly string[]) {
    const { status, stdout, stderr } = this.#client.run(program, args);
    assert.equal(status, 0, stderr);
    return { stdout: stdout.toString().trim(), stderr };
  }

  arguments(example: string): string[] {
    const file = join(examples, example, 'default.nix');
    const usesNix = readFileSync(file, 'utf8').includes('nix ?');
    return ['--file', file, ...(usesNix ? ['--arg', 'nix', this.#nix] : [])];
  }

  at(path: string): string {
    return this.#client.at(path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#farm[Symbol.asyncDispose]();
  }
}

const ways: Readonly<Record<string, () => Promise<ExamplePlace>>> = {
  'an empty store': () => Promise.resolve(new Place()),
  'a daemon': async () => {
    const place = new Place();
    await place.startDaemon();
    return place;
  },
  'a server of remote execution': () => FarmPlace.open(),
};

for (const [way, open] of Object.entries(ways)) {
  describe(`the examples of dynamic derivations, with ${way}`, () => {
    let place: ExamplePlace;
    before(async () => (place = await open()));
    after(() => place?.[Symbol.asyncDispose]());

    /** Where it is. */
    const build = (example: string, ...attributes: string[]): string => {
      const { stdout } = place.run('nix', [
        'build',
        ...place.arguments(example),
        '--no-link',
        '--print-out-paths',
        ...attributes,
      ]);
      return place.at(stdout);
    };

    test('an expression evaluated in a build', () => {
      const text = readFileSync(build('instantiate'), 'utf8');
      assert.equal(text, 'Hello from an expression that was evaluated in a build\n');
    });

    test('a derivation written by hand', () => {
      assert.equal(readFileSync(build('by-hand'), 'utf8'), 'Written by hand, built all the same\n');
    });

    test('two levels', () => {
      assert.equal(readFileSync(build('two-levels', 'user'), 'utf8'), 'It says: The last of three\n');
      assert.equal(readFileSync(build('two-levels', 'third'), 'utf8'), 'The last of three\n');
      const file = join(examples, 'two-levels', 'default.nix');
      const first = place.run('nix-instantiate', [file, '-A', 'first']).stdout;
      for (const spelling of [`${first}^out^out^out`, `${first}!out!out!out`]) {
        const path = place.run('nix', ['build', spelling, '--no-link', '--print-out-paths']).stdout;
        assert.equal(readFileSync(place.at(path), 'utf8'), 'The last of three\n');
      }
    });

    test('a lock file of more than a hundred packages', () => {
      const args = ['build', ...place.arguments('npm-lock')];
      const dry = place.run('nix', [...args, '--dry-run']).stderr;
      assert.match(dry, /packages\.drv\.drv\n.*that a build makes first[^]*packages\.drv\.drv\^out\^out/);
      const plan = place.run('nix', [...args, '--dry-run=plan']).stderr;
      assert.match(plan, /these 164 derivations will be built:/);
      assert.equal(readdirSync(build('npm-lock')).length, 163);
    });
  });
}
