import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeTree } from '../../src/castore/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { ServedFirn } from '../clients/served-firn.ts';
import { type CliResult, runCli } from './run-cli.ts';

describe('a store in a server of remote execution', () => {
  let firn: ServedFirn;
  let folder: ReturnType<typeof temporaryFolder>;

  before(async () => {
    folder = temporaryFolder();
    firn = await ServedFirn.start({ isHere: true });
  });

  after(async () => {
    await firn?.[Symbol.asyncDispose]();
    if (folder !== undefined) removeTree(folder.path);
  });

  /** On a machine of its own, whose store directory is the others', as they exchange paths. */
  function run(machine: string, program: string, ...args: readonly string[]): CliResult {
    const place = join(folder.path, machine);
    return runCli(program, args, {
      cwd: folder.path,
      env: {
        FIRN_DATA: join(place, 'data'),
        XDG_CACHE_HOME: join(place, 'cache'),
        NIX_CONFIG: [
          'experimental-features = nix-command flakes',
          'sandbox = false',
          'build-users-group =',
          'substituters =',
        ].join('\n'),
      },
    });
  }

  function expectOk(result: CliResult): string {
    assert.equal(result.status, 0, result.stderr);
    return result.stdout.toString().trim();
  }

  test('takes what is copied to it, and gives it to those who trust the signature', () => {
    const expression = `derivation { name = "made"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo made > $out" ]; }`;
    writeFileSync(join(folder.path, 'made.nix'), expression);
    const path = expectOk(run('one', 'nix-build', 'made.nix', '--no-out-link'));
    const uri = `reapi://${firn.grpc}/main`;
    expectOk(run('one', 'nix', 'copy', '--to', uri, path));
    assert.equal(expectOk(run('two', 'nix', 'path-info', '--store', uri, path)), path);
    assert.equal(expectOk(run('two', 'nix', 'store', 'cat', '--store', uri, path)), 'made');
    assert.notEqual(run('two', 'nix', 'path-info', '--store', `reapi://${firn.grpc}`, path).status, 0);

    const unsigned = run('two', 'nix', 'copy', '--from', uri, path);
    assert.equal(unsigned.status, 1);
    assert.match(unsigned.stderr, /lacks a signature by a trusted key/);
    const ignored = run('two', 'nix-store', '-r', path, '--option', 'substituters', uri);
    assert.equal(ignored.status, 1);
    assert.match(ignored.stderr, /ignoring substitute for .* not signed by any of the keys/);

    writeFileSync(join(folder.path, 'key'), expectOk(run('one', 'nix', 'key', 'generate-secret', '--key-name', 'k-1')));
    const key = readFileSync(join(folder.path, 'key'));
    const convert = runCli('nix', ['key', 'convert-secret-to-public', '--extra-experimental-features', 'nix-command'], {
      input: key,
    });
    const trusted = ['--option', 'substituters', uri, '--option', 'trusted-public-keys', convert.stdout.toString()];
    expectOk(run('one', 'nix', 'store', 'sign', '--store', uri, '--key-file', join(folder.path, 'key'), path));
    assert.equal(expectOk(run('two', 'nix-store', '-r', path, ...trusted)), path);
    const built = run('three', 'nix-build', 'made.nix', '--no-out-link', ...trusted);
    assert.equal(expectOk(built), path);
    assert.match(built.stderr, /copying path .* from 'reapi:/);
    assert.doesNotMatch(built.stderr, /building/);
  });

  test('that is not there is left out as a substituter, and named as a store', async () => {
    const gone = await ServedFirn.start({ isHere: true });
    const uri = `reapi://${gone.grpc}`;
    await gone[Symbol.asyncDispose]();
    const asked = run('two', 'nix', 'store', 'info', '--store', uri);
    assert.equal(asked.status, 1);
    assert.ok(asked.stderr.includes(`cannot reach '${uri}'`), asked.stderr);
    const built = run('four', 'nix-build', 'made.nix', '--no-out-link', '--option', 'substituters', uri);
    expectOk(built);
    assert.ok(built.stderr.includes(`cannot reach '${uri}'`), built.stderr);
  });
});
