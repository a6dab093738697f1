import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { binDir } from './run-cli.ts';

function sh(script: string, env: Record<string, string | undefined> = { PATH: process.env['PATH'] }): string {
  return spawnSync('/bin/sh', ['-c', script], { env }).stdout.toString();
}

describe('the launchers', () => {
  test('are called by path, by symlink, from PATH and without a PATH', () => {
    using folder = temporaryFolder();
    const link = join(folder.path, 'nix-hash');
    symlinkSync(join(binDir, 'nix-hash'), link);
    const wanted = 'nix-hash (Nix) 2.34.8\n';
    assert.equal(sh(`"${binDir}/nix-hash" --version`), wanted);
    assert.equal(sh(`"${link}" --version`), wanted);
    assert.equal(sh(`cd "${folder.path}" && ./nix-hash --version`), wanted);
    assert.equal(sh(`cd "${binDir}" && PATH=.:$PATH nix-hash --version`), wanted);
    assert.equal(sh(`cd "${binDir}" && sh ./nix-hash --version`), wanted);
    assert.equal(sh(`cd "${binDir}/.." && bin/nix-hash --version`), wanted);
    assert.equal(sh(`cd "${binDir}" && ../bin/nix-hash --version`), wanted);
    const folderLink = join(folder.path, 'linked');
    symlinkSync(binDir, folderLink);
    assert.equal(sh(`cd "${folder.path}" && linked/nix-hash --version`), wanted);
    for (const options of ['', 'NODE_OPTIONS=--no-warnings ']) {
      assert.equal(sh(`${options}"${folderLink}/nix-hash" --version`), wanted);
      assert.equal(sh(`${options}"${folderLink}/nix-instantiate" --eval --expr 1`), '1\n');
    }
    for (const place of [binDir, folderLink]) {
      assert.equal(sh(`"${place}/nix-hash" --version`, { PATH: '' }), wanted);
    }
    assert.equal(sh(`cd "${folder.path}" && CDPATH=/usr linked/nix-hash --version`), wanted);
    assert.match(sh(`"${binDir}/../firn" --version`), /^firn /);
  });

  test('take arguments as they are', () => {
    using folder = temporaryFolder();
    const out = sh(`cd "${folder.path}"; printf x > 'a  b*'; "${binDir}/nix-hash" --flat 'a  b*'`);
    assert.equal(out, '9dd4e461268c8034f5c8564e155c67a6\n');
  });

  test('start from the snapshot, and from the bundle where NODE_OPTIONS may not be passed by', () => {
    // The build goes on without one; then a module does, when it is loaded, what docs/adr/0009 rules out.
    assert.ok(existsSync(join(binDir, '../dist/firn.snapshot')));
    for (const options of ['', '--no-warnings']) {
      const env = { PATH: process.env['PATH'], NODE_OPTIONS: options };
      const program = '[ 1 (builtins.hashString "md5" "") <firn> ]';
      const out = sh(`"${binDir}/nix-instantiate" --eval --strict --expr '${program}'`, env);
      assert.equal(out, `[ 1 "d41d8cd98f00b204e9800998ecf8427e" ${join(binDir, '../nix')} ]\n`);
    }
  });

  test('follow a name in FIRN_ARGV0, for a Node that is called without them', () => {
    const env = { PATH: process.env['PATH'], FIRN_ARGV0: 'nix-store' };
    assert.equal(sh(`"${binDir}/../firn" --version`, env), 'nix-store (Nix) 2.34.8\n');
  });

  /** A clone, its path with a blank, of the launchers and what they need. */
  function makeClone(path: string): string {
    const root = join(path, 'a clone');
    const own = join(binDir, '..');
    for (const name of ['firn', 'bin', 'scripts', 'package-lock.json'])
      cpSync(join(own, name), join(root, name), { recursive: true });
    return root;
  }

  function writeScript(path: string, lines: readonly string[]): void {
    writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
    chmodSync(path, 0o755);
  }

  test('leave the variables that the caller exported alone', () => {
    using folder = temporaryFolder();
    const root = makeClone(folder.path);
    mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
    writeScript(join(root, 'node_modules', '.bin', 'node'), ['echo "$root $self $link"']);
    symlinkSync(join(root, 'bin', 'nix'), join(folder.path, 'nix'));
    const env = { PATH: process.env['PATH'], root: '1', self: '2', link: '3' };
    assert.equal(sh(`"${folder.path}/nix"`, env), '1 2 3\n');
  });

  test('install packages once, however many are started first', () => {
    using folder = temporaryFolder();
    const root = makeClone(folder.path);
    const log = join(folder.path, 'log');
    const programs = join(folder.path, 'programs');
    mkdirSync(programs);
    writeScript(join(programs, 'npm'), [
      `echo begin >>"${log}"`,
      'sleep 0.2',
      'mkdir -p node_modules/.bin && echo "#!/bin/sh" >node_modules/.bin/node && chmod +x node_modules/.bin/node',
      'touch node_modules/.package-lock.json',
      `echo end >>"${log}"`,
    ]);
    // So that nothing is asked of apt.
    for (const name of ['bwrap', 'fusermount3', 'busybox']) writeScript(join(programs, name), []);
    sh(`for i in 1 2 3; do "${root}/scripts/run" x & done; wait`, { PATH: `${programs}:${process.env['PATH']}` });
    assert.equal(readFileSync(log, 'latin1'), 'begin\nend\n');
  });
});
