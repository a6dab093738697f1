import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
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
    assert.equal(sh(`"${binDir}/nix-hash" --version`, { PATH: '' }), wanted);
    assert.match(sh(`"${binDir}/../firn" --version`), /^firn /);
  });

  test('take arguments as they are', () => {
    using folder = temporaryFolder();
    const out = sh(`cd "${folder.path}"; printf x > 'a  b*'; "${binDir}/nix-hash" --flat 'a  b*'`);
    assert.equal(out, '9dd4e461268c8034f5c8564e155c67a6\n');
  });

  test('follow a name in FIRN_ARGV0, for a Node that is called without them', () => {
    const env = { PATH: process.env['PATH'], FIRN_ARGV0: 'nix-store' };
    assert.equal(sh(`"${binDir}/../firn" --version`, env), 'nix-store (Nix) 2.34.8\n');
  });
});
