import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { makeFixture, nar } from '../conformance/cli-fixture.ts';
import { binDir, runCli } from './run-cli.ts';

const vectors = join(import.meta.dirname, '../vectors');

describe('dumping and restoring', () => {
  test('gives back the tree, in any of the ways to dump it', () => {
    using folder = temporaryFolder();
    makeFixture(folder.path);
    const options = { cwd: folder.path };
    const dumped = runCli('nix-store', ['--dump', 'tree'], options);
    assert.equal(dumped.status, 0, dumped.stderr);
    assert.deepEqual(runCli('nix', ['nar', 'pack', 'tree'], options).stdout, dumped.stdout);
    const restored = runCli('nix-store', ['--restore', 'again'], { ...options, input: dumped.stdout });
    assert.equal(restored.status, 0, restored.stderr);
    assert.deepEqual(runCli('nix-store', ['--dump', 'again'], options).stdout, dumped.stdout);
    assert.equal(lstatSync(join(folder.path, 'again/sub/run')).mode & 0o777, 0o755);
    assert.equal(lstatSync(join(folder.path, 'again/a')).mode & 0o777, 0o644);
  });

  test('undoes the case hack that it did', () => {
    using folder = temporaryFolder();
    makeFixture(folder.path);
    const hack = ['--option', 'use-case-hack', 'true'];
    const input = readFileSync(join(folder.path, 'case.nar'));
    const restored = runCli('nix-store', [...hack, '--restore', 'out'], { cwd: folder.path, input });
    assert.equal(restored.stderr, '');
    assert.deepEqual(readdirSync(join(folder.path, 'out')).toSorted(), ['Test', 'test~nix~case~hack~1']);
    assert.deepEqual(runCli('nix-store', [...hack, '--dump', 'out'], { cwd: folder.path }).stdout, input);
  });

  test('does not wait for what follows the NAR', { timeout: 20_000 }, async () => {
    using folder = temporaryFolder();
    makeFixture(folder.path);
    const child = spawn(join(binDir, 'nix-store'), ['--restore', 'out'], {
      cwd: folder.path,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // The pipe stays open.
    child.stdin.write(readFileSync(join(folder.path, 'tree.nar')));
    const [status] = (await once(child, 'exit')) as [number];
    assert.equal(status, 0);
    assert.ok(existsSync(join(folder.path, 'out/sub/deep')));
  });
});

describe('hostile NARs', () => {
  const entry = (name: string, ...node: string[]) => ['entry', '(', 'name', name, 'node', ...node, ')'];
  const file = ['(', 'type', 'regular', 'contents', 'x', ')'];
  const directory = (...entries: string[][]) => nar('(', 'type', 'directory', ...entries.flat(), ')');
  const link = ['(', 'type', 'symlink', 'target', '/', ')'];
  const lengthOnly = Buffer.alloc(8, 0xff);
  const deep = (levels: number): Buffer => {
    const magic = nar();
    const level = nar('(', 'type', 'directory', 'entry', '(', 'name', 'd', 'node').subarray(magic.length);
    return Buffer.concat([magic, ...Array.from({ length: levels }, () => level)]);
  };
  const cases: readonly (readonly [string, Buffer, RegExp])[] = [
    ['a parent directory', directory(entry('..', ...file)), /invalid file name/],
    ['an absolute name', directory(entry('/tmp/evil', ...file)), /invalid file name/],
    ['a name with a slash', directory(entry('a/../../evil', ...file)), /invalid file name/],
    ['a NUL in a name', directory(entry('a\0', ...file)), /invalid file name/],
    ['an empty name', directory(entry('', ...file)), /invalid file name/],
    ['a file through a symlink', directory(entry('a', ...link), entry('a', ...file)), /not sorted/],
    ['an immense length', lengthOnly, /./],
    [
      'an immense file',
      Buffer.concat([nar('(', 'type', 'regular', 'contents'), Buffer.alloc(7, 0xff), Buffer.from([0x7f])]),
      /./,
    ],
    ['100,000 levels', deep(100_000), /depth/],
    ['nothing', Buffer.alloc(0), /end-of-file/],
  ];
  for (const [what, input, message] of cases) {
    test(`${what} is refused, and nothing is made elsewhere`, () => {
      using folder = temporaryFolder();
      mkdirSync(join(folder.path, 'work'));
      const started = performance.now();
      const { status, stderr } = runCli('nix-store', ['--restore', 'out'], { cwd: join(folder.path, 'work'), input });
      assert.equal(status, 1);
      assert.match(stderr, message);
      assert.match(stderr, /^error: .*\n$/);
      assert.deepEqual(readdirSync(folder.path), ['work']);
      assert.ok(readdirSync(join(folder.path, 'work')).every(name => name === 'out'));
      assert.ok(performance.now() - started < 10_000);
      assert.equal(runCli('nix', ['nar', 'ls', '/dev/stdin', '/'], { input }).status, 1);
    });
  }
});

describe('keys', () => {
  test('have public halves', () => {
    const secret = runCli('nix', ['key', 'generate-secret', '--key-name', 'cache-1']).stdout.toString();
    assert.match(secret, /^cache-1:[A-Za-z0-9+/]{86}==$/);
    const shown = runCli('nix', ['key', 'convert-secret-to-public'], { input: secret }).stdout.toString();
    assert.match(shown, /^cache-1:[A-Za-z0-9+/]{43}=$/);
  });

  test('are written to files that others cannot read, even where one was', () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'secret'), 'old', { mode: 0o644 });
    const args = ['--generate-binary-cache-key', 'cache-1', 'secret', 'public'];
    assert.equal(runCli('nix-store', args, { cwd: folder.path }).status, 0);
    assert.equal(statSync(join(folder.path, 'secret')).mode & 0o777, 0o600);
    const input = readFileSync(join(folder.path, 'secret'));
    const shown = runCli('nix', ['key', 'convert-secret-to-public'], { input });
    assert.equal(shown.stdout.toString(), readFileSync(join(folder.path, 'public'), 'utf8'));
  });
});

describe('derivation show', () => {
  const [drv = ''] = globSync('derivation/**/*.drv', { cwd: vectors });

  test('prints what a file says, in its folder or in another', { skip: drv === '' }, () => {
    const path = join(vectors, drv);
    const { status, stdout, stderr } = runCli('nix', ['derivation', 'show', path]);
    assert.equal(status, 0, stderr);
    const shown = JSON.parse(stdout.toString()) as { version: number; derivations: Record<string, unknown> };
    assert.equal(shown.version, 4);
    assert.equal(Object.keys(shown.derivations).length, 1);
    assert.deepEqual(
      JSON.parse(runCli('nix', ['derivation', 'show', '--pretty', `${path}^out`]).stdout.toString()),
      shown,
    );
  });

  test('refuses what is none', () => {
    using folder = temporaryFolder();
    const path = join(folder.path, `${'0'.repeat(32)}-x.drv`);
    const refused = (contents: string, message: RegExp) => {
      writeFileSync(path, contents);
      const { status, stderr } = runCli('nix', ['derivation', 'show', path]);
      assert.equal(status, 1);
      assert.match(stderr, message);
    };
    refused('', /^error: /);
    refused('Derive(', /^error: /);
    refused('Derive([],[],[],"a","b",[],[', /^error: /);
    assert.match(runCli('nix', ['derivation', 'show']).stderr, /needs the path of a \.drv file/);
    assert.match(runCli('nix', ['derivation', 'show', folder.path]).stderr, /^error: /m);
  });
});

describe('nix-store --init', () => {
  test('makes the data folder where it is asked for', () => {
    using folder = temporaryFolder();
    const data = join(folder.path, 'a/b');
    for (const [args, env] of [
      [['--init', '--data', data], {}],
      [['--init'], { FIRN_DATA: `${data}2` }],
      [['--init'], { NIX_STATE_DIR: `${data}3` }],
    ] as const) {
      const { status, stderr } = runCli('nix-store', args, { env });
      assert.equal(status, 0, stderr);
    }
    for (const path of [data, `${data}2`, `${data}3`]) assert.ok(existsSync(join(path, 'db/db.sqlite')), path);
  });
});
