import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { runCli } from './run-cli.ts';

/** Derivations whose outputs are there without a build: their contents are known, and added by hand. */
describe('evaluation that needs outputs of derivations', () => {
  const folder = temporaryFolder();
  const place = (name: string) => join(folder.path, name);
  const env = { NIX_STORE_DIR: place('store'), NIX_STATE_DIR: place('state'), NIX_CONFIG: 'substituters =' };
  const run = (program: string, ...args: string[]) => {
    const { status, stdout, stderr } = runCli(program, args, { env, cwd: folder.path });
    return { status, stdout: stdout.toString().trim(), stderr };
  };
  const fixed = (name: string) => `(derivation {
    name = "${name}"; system = "s"; builder = "/b"; outputHashMode = "flat"; outputHashAlgo = "sha256";
    outputHash = builtins.hashFile "sha256" ${place(name)};
  })`;

  before(() => {
    for (const [name, text] of [
      ['set.nix', '{ a = builtins.trace "in set.nix" 1; }'],
      ['list.nix', '[ (builtins.trace "in list.nix" 2) ]'],
    ] as const) {
      writeFileSync(place(name), text);
      assert.equal(run('nix-store', '--add-fixed', 'sha256', place(name)).status, 0);
    }
    writeFileSync(place('absent.nix'), '3');
  });
  after(() => folder[Symbol.dispose]());

  const both = `let first = builtins.trace "first" 4; in first + (import ${fixed('set.nix')}).a + builtins.head (import ${fixed('list.nix')})`;

  test('nix-instantiate and nix eval go on when they are there, and say all once', () => {
    for (const result of [
      run('nix-instantiate', '--eval', '--read-write-mode', '-E', both),
      run('nix', 'eval', '--extra-experimental-features', 'nix-command', '--impure', '--expr', both),
    ]) {
      assert.deepEqual(result, {
        status: 0,
        stdout: '7',
        stderr: 'trace: first\ntrace: in set.nix\ntrace: in list.nix\n',
      });
    }
  });

  test('nix repl, too', () => {
    const { stdout } = runCli('nix', ['repl', '--extra-experimental-features', 'nix-command'], {
      env,
      input: `x = import ${fixed('set.nix').replaceAll('\n', ' ')}\nx.a + 1\n`,
    });
    assert.match(stdout.toString(), /\n2\n/);
  });

  test('derivations may be computed from them', () => {
    const text = `derivation { name = "n\${toString (import ${fixed('set.nix')}).a}"; system = "s"; builder = "/b"; }`;
    const { status, stdout } = run('nix-instantiate', '-E', text);
    assert.equal(status, 0);
    assert.match(stdout, /-n1\.drv$/);
  });

  test('what cannot be had fails where it is asked for', () => {
    const { status, stderr } = run(
      'nix-instantiate',
      '--eval',
      '--read-write-mode',
      '-E',
      `import ${fixed('absent.nix')}`,
    );
    assert.equal(status, 1);
    assert.match(stderr, /while calling the 'import' builtin[^]*while realising the context of path '.*-absent\.nix'/);
    const refusing = run(
      'nix-instantiate',
      '--eval',
      '--read-write-mode',
      '--no-allow-import-from-derivation',
      '-E',
      both,
    );
    assert.match(refusing.stderr, /cannot build '.*-set\.nix\.drv\^out' during evaluation because the option/);
  });

  test('where nothing is written, derivations have to be there already', () => {
    const { stderr } = run('nix-instantiate', '--eval', '-E', `import ${fixed('absent.nix')}`);
    assert.match(stderr, /cannot substitute path '.*-absent\.nix' - no write access to the Nix store/);
    const other = run('nix-instantiate', '--eval', '-E', `import ${fixed('absent.nix').replace('"/b"', '"/c"')}`);
    assert.match(other.stderr, /error: path '[a-z0-9]{32}-absent\.nix\.drv' is not valid/);
  });
});
