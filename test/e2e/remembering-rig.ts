import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../../src/testing/index.ts';
import { type CliResult, runCli, startCli } from './run-cli.ts';

const talkative = ['-v', '-v'] as const;

/** What is said at a level of 'talkative' where an answer is remembered. */
export const remembered = /nothing has changed since this was evaluated\n/;

/** A folder with a store of its own and a cache, and commands that use them. */
export class Rig implements Disposable {
  readonly #folder = temporaryFolder();

  path(name: string): string {
    return join(this.#folder.path, name);
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  /** In place, with as many bytes: nobody sees it half done, and its times alone may tell of it. */
  overwrite(name: string, text: string): void {
    const file = openSync(this.path(name), 'r+');
    writeSync(file, text);
    closeSync(file);
  }

  /** In a repository that begins in the folder itself, or in one of it. */
  git(...args: readonly string[]): void {
    const as = ['-c', 'user.name=x', '-c', 'user.email=x'];
    const { status, stderr } = spawnSync('git', ['-C', this.path('.'), ...as, ...args], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }

  run(command: string, ...args: readonly string[]): CliResult {
    return runCli(command, [...args, ...talkative], this.#options);
  }

  /** As `run`, beside others. */
  start(command: string, ...args: readonly string[]): Promise<CliResult> {
    return startCli(command, [...args, ...talkative], this.#options);
  }

  get #options() {
    const settings = ['experimental-features = nix-command flakes', 'flake-registry =', 'substituters ='];
    return {
      cwd: this.#folder.path,
      env: {
        NIX_STORE_DIR: this.path('store'),
        NIX_STATE_DIR: this.path('var'),
        NIX_LOG_DIR: this.path('log'),
        HOME: this.path('home'),
        XDG_CACHE_HOME: this.path('cache'),
        XDG_CONFIG_HOME: this.path('config'),
        XDG_DATA_HOME: this.path('data'),
        TMPDIR: this.#folder.path,
        NIX_CONFIG: [...settings, 'sandbox = false', 'build-users-group ='].join('\n'),
        ...this.variables,
      },
    };
  }

  /** Its output, errors included, and whether it was remembered. */
  ask(command: string, ...args: readonly string[]): readonly [text: string, isRemembered: boolean] {
    const { stdout, stderr } = this.run(command, ...args);
    const said = stderr.split('\n').filter(line => /^(?:trace|error|evaluation warning): /.test(line));
    return [[stdout.toString().trimEnd(), ...said].filter(text => text !== '').join('; '), remembered.test(stderr)];
  }

  variables: Readonly<Record<string, string>> = {};

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
