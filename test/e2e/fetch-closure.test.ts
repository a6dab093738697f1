import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeTree } from '../../src/castore/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { runCli } from './run-cli.ts';

const packages = `
let make = name: script: derivation {
  inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" script ];
};
in make "program" "echo \${make "library" "echo library > $out"} $out > $out"
`;

describe('closures that expressions fetch', () => {
  const temporary = temporaryFolder();
  const place = (name: string) => join(temporary.path, name);
  const env = {
    HOME: temporary.path,
    NIX_STORE_DIR: place('store'),
    NIX_STATE_DIR: place('state'),
    NIX_CONFIG:
      'substituters =\nsandbox = false\nbuild-users-group =\nextra-experimental-features = nix-command fetch-closure',
    // As C++ Nix's tests do: a cache is a folder.
    _NIX_IN_TEST: '1',
  };
  const cache = `file://${place('cache')}`;
  const run = (...args: readonly string[]) => {
    const { status, stdout, stderr } = runCli('nix', args, { env, cwd: temporary.path });
    return { status, stdout: stdout.toString().trim(), stderr };
  };
  const expect = (...args: readonly string[]) => {
    const { status, stdout, stderr } = run(...args);
    assert.equal(status, 0, stderr);
    return stdout;
  };
  const fetch = (attributes: string, ...flags: readonly string[]) => {
    return run('eval', '--raw', ...flags, '--expr', `builtins.fetchClosure { fromStore = "${cache}"; ${attributes} }`);
  };
  const clear = () => ['store', 'state'].forEach(name => removeTree(place(name)));
  let original = '';
  let renamed = '';

  before(() => {
    writeFileSync(place('packages.nix'), packages);
    original = expect('build', '--no-link', '--print-out-paths', '-f', 'packages.nix');
    const said = expect('store', 'make-content-addressed', '--json', original);
    renamed = /"[^"]*-program":"([^"]*)"/.exec(said)?.[1] ?? assert.fail(said);
    expect('copy', '--to', cache, original, renamed);
  });
  after(() => removeTree(temporary.path));

  test('are there under names that follow from their contents', () => {
    clear();
    assert.equal(fetch(`fromPath = ${original}; toPath = ${renamed};`).stdout, renamed);
    assert.equal(existsSync(renamed), true);
    assert.equal(existsSync(original), false);
    clear();
    assert.equal(fetch(`fromPath = ${renamed};`).stdout, renamed);
    assert.equal(existsSync(renamed), true);
  });

  test('say what they are called, where nobody knows that or is wrong', () => {
    clear();
    const yielded = `rewriting '${original}' to content-addressed form yielded '${renamed}'`;
    const unknown = fetch(`fromPath = ${original}; toPath = "";`);
    assert.equal(unknown.status, 1);
    assert.ok(unknown.stderr.includes(`${yielded}\n       Use this value for the 'toPath' attribute`), unknown.stderr);
    const wrong = fetch(`fromPath = ${original}; toPath = ${original};`);
    assert.ok(wrong.stderr.includes(`error: ${yielded}, while '${original}' was expected`), wrong.stderr);
  });

  test('are as they are where that is said, and by somebody who is trusted', () => {
    clear();
    const untrusted = fetch(`fromPath = ${original}; inputAddressed = true;`);
    assert.match(untrusted.stderr, /lacks a signature by a trusted key/);
    const unsaid = fetch(`fromPath = ${original};`, '--no-require-sigs');
    assert.match(unsaid.stderr, /is input-addressed, but 'inputAddressed' is set to 'false' \(default\)/);
    clear();
    assert.equal(fetch(`fromPath = ${original}; inputAddressed = true;`, '--no-require-sigs').stdout, original);
    const other = fetch(`fromPath = ${renamed}; inputAddressed = true;`);
    assert.match(other.stderr, /is not input-addressed, but 'inputAddressed' is set to 'true'/);
  });

  test('come from caches behind HTTP alone, and may be read in pure evaluations', () => {
    for (const [from, reason] of [
      ['ssh://h', /only supports http:\/\/ and https:\/\/ stores/],
      ['https://h?trusted=1', /does not support URL query parameters \(in 'https:\/\/h\?trusted=1'\)/],
    ] as const) {
      const refused = run('eval', '--expr', `builtins.fetchClosure { fromStore = "${from}"; fromPath = ${renamed}; }`);
      assert.equal(refused.status, 1);
      assert.match(refused.stderr, reason);
    }
    const text = `builtins.readFile (builtins.fetchClosure { fromStore = "${cache}"; fromPath = ${renamed}; })`;
    assert.match(run('eval', '--raw', '--expr', text).stdout, /-library .*-program$/);
  });
});
