import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { type CliResult, runCli } from './run-cli.ts';

const packages = `
let
  make = name: meta: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    PATH = "/bin:/usr/bin";
    args = [ "-c" "mkdir -p $out/bin; echo \${name} > $out/bin/\${(builtins.parseDrvName name).name}" ];
  } // { inherit meta; };
in {
  old = make "foo-1.0" { description = "the old one"; };
  new = make "foo-2.0" { };
  bar = make "bar-0.1" { };
  bad = make "bad-1.0" { outputsToInstall = [ "none" ]; };
}`;

function makeRig() {
  const folder = temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  mkdirSync(at('conf'));
  writeFileSync(at('conf', 'nix.conf'), 'sandbox = false\nsubstituters =\nbuild-users-group =\n');
  writeFileSync(at('packages.nix'), packages);
  const env = {
    HOME: folder.path,
    NIX_STORE_DIR: at('store'),
    NIX_STATE_DIR: at('state'),
    NIX_CONF_DIR: at('conf'),
  };
  const run = (...args: string[]): CliResult => runCli('nix-env', args, { env, cwd: folder.path });
  return {
    at,
    run,
    succeed: (...args: string[]): string => {
      const result = run(...args);
      assert.equal(result.status, 0, result.stderr);
      return result.stdout.toString();
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe('nix-env', () => {
  test('installs, upgrades, goes back and uninstalls', () => {
    using rig = makeRig();
    const contents = (name: string) => readFileSync(rig.at('profile', 'bin', name), 'utf8');
    const on = ['-p', rig.at('profile'), '-f', 'packages.nix'];
    rig.succeed(...on, '-iA', 'old', 'bar');
    assert.equal(contents('foo'), 'foo-1.0\n');
    assert.equal(rig.succeed(...on, '-q'), 'bar-0.1\nfoo-1.0\n');
    assert.equal(rig.succeed(...on, '-qc'), 'bar-0.1  = 0.1\nfoo-1.0  < 2.0\n');
    assert.match(rig.run(...on, '-u').stderr, /upgrading 'foo-1.0' to 'foo-2.0'/);
    assert.equal(contents('foo'), 'foo-2.0\n');
    rig.succeed(...on, '--rollback');
    assert.equal(contents('foo'), 'foo-1.0\n');
    rig.succeed(...on, '-e', 'foo');
    assert.ok(!existsSync(rig.at('profile', 'bin', 'foo')) && existsSync(rig.at('profile', 'bin', 'bar')));
    assert.equal(rig.succeed(...on, '--list-generations').split('\n').length, 4);
  });

  test('finds out which outputs to install once they are built', () => {
    using rig = makeRig();
    const { status, stderr } = rig.run('-p', rig.at('profile'), '-f', 'packages.nix', '-iA', 'bad');
    assert.equal(status, 1);
    const steps =
      /installing 'bad-1.0'\n[^]*\nbuilding '.*-bad-1.0.drv'[^]*\nerror: this derivation has bad 'meta.outputsToInstall'/;
    assert.match(stderr, steps);
    assert.ok(!existsSync(rig.at('profile')));
  });

  test('tells of conflicts, and has priorities end them', () => {
    using rig = makeRig();
    const on = ['-p', rig.at('profile'), '-f', 'packages.nix'];
    const failed = rig.run(...on, '-iA', 'old', 'new');
    assert.equal(failed.status, 100);
    assert.match(failed.stderr, /There is a conflict for the following files:/);
    assert.ok(!existsSync(rig.at('profile')));
    rig.succeed(...on, '-iA', 'old');
    rig.succeed(...on, '-i', '-P', '--priority', '3', 'foo-2.0');
    assert.equal(readFileSync(rig.at('profile', 'bin', 'foo'), 'utf8'), 'foo-2.0\n');
    rig.succeed(...on, '--set-flag', 'active', 'false', 'foo-2.0');
    assert.equal(readFileSync(rig.at('profile', 'bin', 'foo'), 'utf8'), 'foo-1.0\n');
  });

  test('lists what there is in tables, JSON and XML', () => {
    using rig = makeRig();
    const on = ['-f', 'packages.nix', '-qa'];
    assert.equal(rig.succeed(...on, '-P', '--description', 'foo'), 'old  foo-1.0  the old one\nnew  foo-2.0  \n');
    assert.match(rig.succeed(...on, '--json', 'bar'), /^\{\n {2}"bar": \{\n {4}"name": "bar-0.1",/);
    assert.match(rig.succeed(...on, '--xml', 'bar'), /\n {2}<item attrPath="bar" name="bar-0.1" outputName="out" /);
    assert.match(rig.run(...on, 'ba').stderr, /selector 'ba' matches no derivations, maybe you meant:/);
  });

  test('lets the profile be one package', () => {
    using rig = makeRig();
    rig.succeed('-p', rig.at('profile'), '-f', 'packages.nix', '--set', 'bar');
    assert.match(readlinkSync(rig.at('profile-1-link')), /-bar-0\.1$/);
  });
});
