import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { tarArchive, temporaryFolder } from '../../src/testing/index.ts';
import { type CliResult, runCli } from './run-cli.ts';

const packages = `
let
  make = name: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    PATH = "/bin:/usr/bin";
    args = [ "-c" "mkdir -p $out/bin; echo \${name} > $out/bin/\${(builtins.parseDrvName name).name}" ];
  };
in { old = make "foo-1.0"; new = make "foo-2.0"; bar = make "bar-0.1"; }`;

function makeRig() {
  const folder = temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  mkdirSync(at('conf'));
  const settings = 'sandbox = false\nsubstituters =\nbuild-users-group =\nexperimental-features = nix-command\n';
  writeFileSync(at('conf', 'nix.conf'), settings);
  writeFileSync(at('packages.nix'), packages);
  const env = { HOME: folder.path, NIX_STORE_DIR: at('store'), NIX_STATE_DIR: at('state'), NIX_CONF_DIR: at('conf') };
  const run = (program: string, ...args: string[]): CliResult => runCli(program, args, { env, cwd: folder.path });
  return {
    at,
    run,
    succeed: (program: string, ...args: string[]): string => {
      const result = run(program, ...args);
      assert.equal(result.status, 0, result.stderr);
      return result.stdout.toString();
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe('nix profile', () => {
  test('adds, lists and removes packages, and goes back', () => {
    using rig = makeRig();
    const on = ['--profile', rig.at('profile')];
    rig.succeed('nix', 'profile', 'add', ...on, '-f', 'packages.nix', 'old', 'bar');
    assert.equal(readFileSync(rig.at('profile', 'bin', 'foo'), 'utf8'), 'foo-1.0\n');
    assert.match(rig.succeed('nix', 'profile', 'list', ...on), /^Name: +\S*bar\S*\nStore paths: .*-bar-0\.1\n\nName: /);
    assert.match(rig.run('nix', 'profile', 'remove', ...on, 'bar').stderr, /^removing 'bar'\n/);
    const manifest = readFileSync(rig.at('profile', 'manifest.json'), 'utf8');
    assert.match(
      manifest,
      /^\{"elements":\{"foo":\{"active":true,"priority":5,"storePaths":\[".*"\]\}\},"version":3\}$/,
    );
    assert.match(rig.succeed('nix', 'profile', 'history', ...on), / <- 1:\n {2}bar: 0\.1 -> ∅\n$/);
    rig.succeed('nix', 'profile', 'rollback', ...on);
    assert.equal(readFileSync(rig.at('profile', 'bin', 'bar'), 'utf8'), 'bar-0.1\n');
    assert.match(rig.run('nix', 'profile', 'wipe-history', ...on).stderr, /removing profile version 2/);
  });

  test('explains conflicts', () => {
    using rig = makeRig();
    const on = ['--profile', rig.at('profile'), '-f', 'packages.nix'];
    rig.succeed('nix', 'profile', 'add', ...on, 'old');
    const { status, stderr } = rig.run('nix', 'profile', 'add', ...on, 'new');
    assert.equal(status, 1);
    assert.match(stderr, /An existing package already provides the following file:\n\n.*foo-1\.0\/bin\/foo"/);
    assert.match(stderr, /nix profile add .*-foo-2\.0 --priority 4\n/);
    rig.succeed('nix', 'profile', 'add', ...on, 'new', '--priority', '4');
    assert.equal(readFileSync(rig.at('profile', 'bin', 'foo'), 'utf8'), 'foo-2.0\n');
  });
});

describe('channels', () => {
  test('are fetched, found by nix-env and on the search path, and removed', () => {
    using rig = makeRig();
    mkdirSync(rig.at('channel'));
    const archive = tarArchive([
      { path: 'expressions/', type: '5', mode: 0o755 },
      { path: 'expressions/default.nix', contents: packages },
    ]);
    writeFileSync(rig.at('channel', 'expressions.tar.gz'), gzipSync(archive));
    rig.succeed('nix-channel', '--add', `file://${rig.at('channel', 'expressions.tar.gz')}`, 'mine');
    assert.equal(rig.succeed('nix-channel', '--list'), `mine file://${rig.at('channel', 'expressions.tar.gz')}\n`);
    rig.succeed('nix-channel', '--update');
    assert.equal(rig.succeed('nix-env', '-qaP', 'bar'), 'mine.bar  bar-0.1\n');
    assert.equal(rig.succeed('nix-instantiate', '--eval', '-E', '(import <mine>).bar.name'), '"bar-0.1"\n');
    assert.equal(rig.succeed('nix-channel', '--list-generations').split('\n').length, 2);
    rig.succeed('nix-channel', '--remove', 'mine');
    assert.equal(rig.succeed('nix-channel', '--list'), '');
    assert.match(rig.run('nix-channel', '--add', 'nonsense').stderr, /invalid channel URL 'nonsense'/);
  });
});

test('nix-prefetch-url adds files and archives, and prints their hashes', () => {
  using rig = makeRig();
  writeFileSync(rig.at('file'), 'hello\n');
  writeFileSync(rig.at('archive.tar'), tarArchive([{ path: 'a/b', contents: 'hello\n' }]));
  const [hash, path] = rig.succeed('nix-prefetch-url', '--print-path', `file://${rig.at('file')}`).split('\n');
  assert.equal(hash, rig.succeed('nix-hash', '--type', 'sha256', '--base32', '--flat', 'file').trim());
  assert.equal(readFileSync(path ?? '', 'utf8'), 'hello\n');
  const [, tree] = rig
    .succeed('nix-prefetch-url', '--unpack', '--print-path', `file://${rig.at('archive.tar')}`)
    .split('\n');
  assert.equal(readFileSync(join(tree ?? '', 'b'), 'utf8'), 'hello\n');
  const wrong = rig.run('nix-prefetch-url', `file://${rig.at('file')}`, '0'.repeat(52));
  assert.match(wrong.stderr, /hash mismatch for 'file:/);
});
