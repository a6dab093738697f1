import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { binDir, runCli } from './run-cli.ts';

const show = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const { status, stdout, stderr } = runCli('nix', ['config', 'show', ...args], { env });
  return { status, stdout: stdout.toString(), stderr };
};

describe('nix config show', () => {
  test('has a line for each setting, sorted, and an empty one', () => {
    const lines = show([]).stdout.split('\n');
    assert.deepEqual(lines.slice(-2), ['', '']);
    const names = lines.slice(0, -2).map(line => line.replace(/ = .*/, ''));
    assert.ok(names.length > 120);
    assert.deepEqual(names, names.toSorted());
  });

  test('shows what files, environment and command line make of a setting', () => {
    const env = { NIX_CONFIG: 'cores = 4242\nexperimental-features = nix-command flakes' };
    assert.equal(show(['cores'], env).stdout, '4242\n');
    assert.equal(show(['experimental-features'], env).stdout, 'fetch-tree flakes nix-command\n');
    assert.equal(show(['--min-free', '64K', 'min-free'], env).stdout, '65536\n');
    assert.equal(show(['pure-eval']).stdout, 'true\n');
  });

  test('says as JSON what is known of all settings', () => {
    const settings: unknown = JSON.parse(show(['--json', '--cores', '3']).stdout);
    assert.ok(typeof settings === 'object' && settings !== null);
    assert.partialDeepStrictEqual(settings, {
      cores: {
        aliases: ['build-cores'],
        defaultValue: 0,
        documentDefault: true,
        experimentalFeature: null,
        value: 3,
      },
    });
    for (const [name, setting] of Object.entries(settings)) {
      assert.ok(typeof setting === 'object' && setting !== null && 'description' in setting, name);
    }
  });

  test('refuses what it does not know', () => {
    assert.deepEqual(show(['build-cores']), {
      status: 1,
      stdout: '',
      stderr: "error: could not find setting 'build-cores'\n",
    });
    assert.match(show(['--json', 'cores']).stderr, /^error: '--json' is not supported when/);
    assert.match(show(['cores', 'store']).stderr, /^error: unexpected argument 'store'\n/);
  });
});

describe('nix config check', () => {
  const check = (path: string, folder: string) =>
    runCli('nix', ['config', 'check'], {
      env: {
        PATH: `${path}:${process.env['PATH']}`,
        NIX_STORE_DIR: join(folder, 'store'),
        NIX_STATE_DIR: join(folder, 'var'),
      },
    });

  test('passes where one nix-env is to be found', () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'bin'));
    writeFileSync(join(folder.path, 'bin/nix-env'), '');
    const { status, stderr } = check(join(folder.path, 'bin'), folder.path);
    assert.match(stderr, /^\[PASS\] All profiles are gcroots\.$/m);
    assert.match(stderr, /^\[INFO\] You are trusted by store uri: local/m);
    assert.equal(status, stderr.includes('[FAIL]') ? 2 : 0);
  });

  test('ends with status 2 where there are several', () => {
    using folder = temporaryFolder();
    for (const bin of ['one', 'two']) {
      mkdirSync(join(folder.path, bin));
      writeFileSync(join(folder.path, bin, 'nix-env'), '');
    }
    const { status, stderr } = check(`${folder.path}/one:${folder.path}/two`, folder.path);
    assert.match(stderr, /^\[FAIL\] Multiple versions of nix found in PATH:\n {2}"/m);
    assert.equal(status, 2);
  });
});

describe('help', () => {
  const help = (...args: readonly string[]): string => runCli('nix', args).stdout.toString();

  test('is the same for a command and its name', () => {
    assert.match(help('help', 'config', 'show'), /^Usage: nix config show \[option\.\.\.\] \[name\]\n/);
    assert.equal(help('help', 'config', 'show'), help('config', 'show', '--help'));
    assert.equal(help('help', 'show-config'), help('help', 'config', 'show'));
    assert.equal(help('help'), help('--help'));
    assert.equal(help('help-stores', '--help'), help('help-stores'));
  });

  test('lists the kinds of stores', () => {
    assert.match(help('help-stores'), /^Local Binary Cache Store: file:\/\/\/path$/m);
    assert.match(help('help-stores'), /^ {2}compression +.*\(xz\)$/m);
  });

  test('knows no commands that there are not', () => {
    assert.match(runCli('nix', ['help', 'bogus']).stderr, /^error: Nix has no subcommand 'bogus'\nTry 'nix --help'/);
  });

  test('is there for every command that is dumped', () => {
    const dumped: unknown = JSON.parse(help('__dump-cli'));
    assert.ok(typeof dumped === 'object' && dumped !== null && 'args' in dumped && 'stores' in dumped);
    assert.ok(typeof dumped.args === 'object' && dumped.args !== null && 'commands' in dumped.args);
    assert.deepEqual(Object.keys(dumped.args), ['args', 'commands', 'description', 'flags']);
    assert.ok(typeof dumped.args.commands === 'object' && dumped.args.commands !== null);
    assert.ok('config' in dumped.args.commands && 'help' in dumped.args.commands);
  });

  test('goes through the pager on a terminal alone', () => {
    assert.match(runCli('nix', ['help'], { env: { PAGER: 'false' } }).stdout.toString(), /^Usage/);
    const { stdout } = spawnSync('script', ['-qec', `"${binDir}/nix" help`, '/dev/null'], {
      env: {
        PATH: process.env['PATH'],
        TERM: 'xterm',
        NIX_CONF_DIR: '/nonexistent',
        PAGER: 'sed -n "s/^Usage/Paged/p"',
      },
    });
    assert.match(stdout.toString(), /^Paged: nix \[option\.\.\.\] command\r\n$/);
  });
});

describe('completions', () => {
  const complete = (args: readonly string[], env: Readonly<Record<string, string>> = {}): string => {
    return runCli('nix', args, { env: { NIX_GET_COMPLETIONS: String(args.length), ...env } }).stdout.toString();
  };

  test('are what the scripts for shells read', () => {
    assert.equal(complete(['conf']), 'normal\nconfig\t\n');
    assert.equal(complete(['config', '']), 'normal\ncheck\t\nshow\t\n');
    assert.equal(complete(['hash', 'path', '--algo', 'sha2']), 'normal\nsha256\t\n');
    assert.match(complete(['--option', 'allow-import-from']), /^normal\nallow-import-from-derivation\t/);
    assert.match(complete(['config', 'show', '--log-form']), /^normal\n--log-format\t/);
    assert.equal(complete(['config', 'show', 'warn-d']), 'normal\nwarn-dirty\t\n');
  });

  test('are files where files are wanted', () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'file'), '');
    assert.equal(complete(['hash', 'path', `${folder.path}/f`]), `filenames\n${folder.path}/file\t\n`);
    assert.equal(complete(['hash', 'path', `${folder.path}/x`]), 'filenames\n');
  });

  test('are none after what is wrong', () => {
    assert.equal(complete(['bogus', '']), 'normal\n');
    assert.equal(runCli('nix', ['config'], { env: { NIX_GET_COMPLETIONS: '7' } }).status, 1);
  });
});
