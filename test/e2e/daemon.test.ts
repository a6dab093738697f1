import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../../src/testing/index.ts';
import { binDir, runCli } from './run-cli.ts';

/** A daemon of ours, over a store of its own. */
class Daemon implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #log = '';
  readonly socket = join(this.#folder.path, 'socket');
  readonly data = join(this.#folder.path, 'state');
  readonly #variables: Record<string, string>;

  constructor(args: readonly string[]) {
    const at = (name: string) => join(this.#folder.path, name);
    const PATH = process.env['PATH'] ?? '';
    this.#variables = { PATH, HOME: at('home'), NIX_STORE_DIR: at('store'), NIX_DAEMON_SOCKET_PATH: this.socket };
    const NIX_CONFIG = 'substituters =\nsandbox = false\nbuild-users-group =';
    const env = { ...this.#variables, NIX_CONFIG, NIX_STATE_DIR: this.data, NIX_CONF_DIR: '/nonexistent' };
    this.#process = spawn(join(binDir, 'nix-daemon'), args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    this.#ended = once(this.#process, 'exit');
  }

  /** Waits until it has said so. */
  async whenSaid(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#log)) {
      assert.ok(this.#process.exitCode === null && this.#process.signalCode === null, this.#log);
      await delay(20);
    }
  }

  async whenListening(): Promise<this> {
    while (!existsSync(this.socket)) {
      assert.ok(this.#process.exitCode === null && this.#process.signalCode === null, this.#log);
      await delay(20);
    }
    return this;
  }

  /** A client in another process, whose own state is elsewhere. */
  client(program: string, args: readonly string[]): string {
    return this.#run(program, args, { NIX_REMOTE: 'daemon', NIX_STATE_DIR: join(this.#folder.path, 'client') });
  }

  /** A command over the same data folder that was told of no store. */
  neighbour(program: string, args: readonly string[]): string {
    return this.#run(program, args, { NIX_STATE_DIR: this.data, NIX_CONFIG: 'substituters =' });
  }

  #run(program: string, args: readonly string[], more: Record<string, string>): string {
    const env = { ...this.#variables, ...more };
    const { status, stdout, stderr } = runCli(program, args, { env });
    assert.equal(status, 0, stderr);
    return stdout.toString().trim();
  }

  file(name: string, contents: string): string {
    const path = join(this.#folder.path, name);
    writeFileSync(path, contents);
    return path;
  }

  descriptors(): number {
    return readdirSync(`/proc/${this.#process.pid ?? 0}/fd`).length;
  }

  temporaryRoots(): string[] {
    const folder = join(this.#folder.path, 'state/temproots');
    return existsSync(folder) ? readdirSync(folder).filter(name => !name.startsWith('.')) : [];
  }

  async stop(): Promise<number | null> {
    this.#process.kill('SIGTERM');
    await this.#ended;
    return this.#process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#folder[Symbol.dispose]();
  }
}

test('clients add, build, ask and collect, each on its own', async () => {
  await using daemon = await new Daemon(['--force-trusted']).whenListening();
  const added = daemon.client('nix-store', ['--add', daemon.file('text', 'hello\n')]);
  const expression = `derivation { name = "made"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo made > $out" ]; }`;
  const built = daemon.client('nix-build', ['--no-out-link', '--expr', expression]);
  assert.equal(daemon.client('nix-store', ['--query', '--references', built]), '');
  assert.deepEqual(daemon.client('nix-store', ['--check-validity', '--print-invalid', added, built]), '');
  // A client that keeps nothing leaves nothing kept.
  daemon.client('nix-store', ['--gc']);
  assert.equal(daemon.client('nix-store', ['--check-validity', '--print-invalid', added, built]), `${added}\n${built}`);
  await daemon.whenSaid(/accepted connection from pid \d+, user <unknown> \(trusted\)/);
});

test('who connects is known', async () => {
  await using daemon = await new Daemon([]).whenListening();
  const info = daemon.client('nix', ['store', 'info', '--json']);
  const isRoot = process.getuid?.() === 0;
  assert.match(info, new RegExp(`"trusted":${isRoot}`));
  await daemon.whenSaid(/accepted connection from pid \d+, user /);
});

test('clients that vanish or talk nonsense leave nothing behind', async () => {
  await using daemon = await new Daemon([]).whenListening();
  daemon.client('nix', ['store', 'info']);
  const before = daemon.descriptors();
  for (let round = 0; round < 50; round++) {
    const socket = connect(daemon.socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    if (round % 3 === 1) socket.write('nonsense and more of it');
    if (round % 3 === 2) socket.write(Buffer.from('6378696e00000000', 'hex'));
    socket.destroy();
  }
  while (daemon.descriptors() > before || daemon.temporaryRoots().length > 0) await delay(20);
  daemon.client('nix', ['store', 'info']);
});

test('it ends in order, with clients waiting, and takes its socket with it', async () => {
  await using first = await new Daemon([]).whenListening();
  const waiting = connect(first.socket);
  await once(waiting, 'connect');
  assert.equal(await first.stop(), 0);
  assert.equal(existsSync(first.socket), false);
  waiting.destroy();
});

test('who was told of no store is its client, as long as it answers', async () => {
  await using daemon = await new Daemon([]).whenListening();
  const added = daemon.neighbour('nix-store', ['--add', daemon.file('text', 'hello\n')]);
  await daemon.whenSaid(/accepted connection/);
  const info = daemon.neighbour('nix', ['store', 'info', '--json']);
  // Whose the data folder is, is trusted.
  assert.match(info, new RegExp(`"trusted":true,"url":"unix://${daemon.data}/socket"`));
  assert.equal(daemon.neighbour('nix-store', ['--query', '--hash', added]).slice(0, 7), 'sha256:');
  await daemon.stop();
  assert.equal(existsSync(join(daemon.data, 'socket')), false);
  assert.match(daemon.neighbour('nix', ['store', 'info', '--json']), /"url":"local"/);
  assert.equal(daemon.neighbour('nix-store', ['--check-validity', '--print-invalid', added]), '');
  // What a daemon that was killed leaves.
  const dead = createServer().listen(join(daemon.data, 'dead'));
  await once(dead, 'listening');
  renameSync(join(daemon.data, 'dead'), join(daemon.data, 'socket'));
  await new Promise(resolve => dead.close(resolve));
  assert.match(daemon.neighbour('nix', ['store', 'info', '--json']), /"url":"local"/);
});
