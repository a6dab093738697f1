import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../../src/testing/index.ts';
import { binDir, runCli } from './run-cli.ts';

/** A daemon of ours, over a store of its own. */
export class Daemon implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #log = '';
  readonly socket = join(this.#folder.path, 'socket');
  readonly data = join(this.#folder.path, 'state');
  readonly #variables: Record<string, string>;

  /** With `hasUsualPaths` its paths are said to be in /nix/store, and are below the folder `root`. */
  constructor(args: readonly string[], { hasUsualPaths = false }: { readonly hasUsualPaths?: boolean } = {}) {
    const at = (name: string) => join(this.#folder.path, name);
    const PATH = process.env['PATH'] ?? '';
    this.#variables = { PATH, HOME: at('home'), NIX_STORE_DIR: at('store'), NIX_DAEMON_SOCKET_PATH: this.socket };
    const NIX_CONFIG = 'substituters =\nsandbox = false\nbuild-users-group =';
    const env = { ...this.#variables, NIX_CONFIG, NIX_STATE_DIR: this.data, NIX_CONF_DIR: '/nonexistent' };
    if (hasUsualPaths) Object.assign(env, { NIX_STORE_DIR: '/nix/store', NIX_REMOTE: `local?root=${at('root')}` });
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

  get folder(): string {
    return this.#folder.path;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** What it has said so far. */
  get log(): string {
    return this.#log;
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
