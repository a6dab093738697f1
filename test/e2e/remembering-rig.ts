import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../../src/testing/index.ts';
import { type CliResult, runCli } from './run-cli.ts';

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

  /** In a repository that begins in the folder itself, or in one of it. */
  git(...args: readonly string[]): void {
    const as = ['-c', 'user.name=x', '-c', 'user.email=x'];
    const { status, stderr } = spawnSync('git', ['-C', this.path('.'), ...as, ...args], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }

  run(command: string, ...args: readonly string[]): CliResult {
    return runCli(command, [...args, '-v', '-v'], {
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
        NIX_CONFIG:
          'experimental-features = nix-command flakes\nflake-registry =\nsubstituters =\nsandbox = false\nbuild-users-group =',
        ...this.variables,
      },
    });
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
