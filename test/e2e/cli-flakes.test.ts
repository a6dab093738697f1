import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { type CliResult, binDir, runCli } from './run-cli.ts';

const guide = join(import.meta.dirname, '../../docs/guide/flakes.md');

function makeRig() {
  const folder = temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  mkdirSync(at('conf'));
  mkdirSync(at('home'));
  const settings = [
    'sandbox = false',
    'substituters =',
    'build-users-group =',
    'experimental-features = nix-command flakes',
    'flake-registry =',
  ];
  writeFileSync(at('conf', 'nix.conf'), `${settings.join('\n')}\n`);
  const env = {
    HOME: at('home'),
    NIX_STORE_DIR: at('store'),
    NIX_STATE_DIR: at('state'),
    NIX_CONF_DIR: at('conf'),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@example.org',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@example.org',
  };
  const run = (...args: string[]): CliResult => runCli('nix', args, { env, cwd: folder.path });
  return {
    at,
    env,
    run,
    flake: (name: string, text: string): void => {
      mkdirSync(at(name), { recursive: true });
      writeFileSync(at(name, 'flake.nix'), text);
    },
    git: (name: string, ...args: string[]): void => {
      const result = spawnSync('git', ['-C', at(name), ...args], { env: { ...process.env, ...env } });
      assert.equal(result.status, 0, String(result.stderr));
    },
    succeed: (...args: string[]): string => {
      const result = run(...args);
      assert.equal(result.status, 0, result.stderr);
      return result.stdout.toString();
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

interface Example {
  readonly command: string;
  readonly output: string;
}

/** The commands of a guide, in order, with what they print. */
function examplesOf(text: string): Example[] {
  const blocks = [...text.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.flatMap(block =>
    block.split(/^\$ /m).flatMap(part => {
      if (part === '') return [];
      // A document that the shell reads belongs to the command.
      const here = /^[^\n]*<<'END'\n.*?^END\n/ms.exec(part)?.[0];
      const command = here ?? part.slice(0, part.indexOf('\n') + 1);
      return [{ command, output: part.slice(command.length) }];
    }),
  );
}

test("the guide's examples do what it says", () => {
  using rig = makeRig();
  const system = rig.succeed('eval', '--raw', '--impure', '--expr', 'builtins.currentSystem');
  const text = readFileSync(guide, 'utf8').replaceAll('x86_64-linux', system);
  for (const { command, output } of examplesOf(text)) {
    const { stdout, stderr, status } = spawnSync('sh', ['-c', command], {
      cwd: rig.at(),
      env: { ...rig.env, NIX_USER_CONF_FILES: '', PATH: `${binDir}:${process.env['PATH'] ?? ''}` },
      encoding: 'utf8',
    });
    assert.equal(status, 0, `${command}${stderr}`);
    // oxlint-disable-next-line no-control-regex -- what terminals take for colours
    const shown = stdout.replaceAll(/\u001B\[[0-9;]*m/g, '').trimEnd();
    assert.equal(shown, output.trimEnd(), command);
  }
});

describe('flakes', () => {
  test('are locked once, and again when they are told to', () => {
    using rig = makeRig();
    rig.flake('a', '{ outputs = _: { x = 1; }; }');
    rig.git('a', 'init', '-q');
    rig.git('a', 'add', '.');
    rig.git('a', 'commit', '-qm', 'one');
    rig.flake('b', `{ inputs.a.url = "git+file://${rig.at('a')}"; outputs = { a, ... }: { inherit (a) x; }; }`);
    assert.match(rig.run('eval', './b#x').stderr, /creating lock file ".*\/b\/flake\.lock": \n• Added input 'a':/);
    rig.flake('a', '{ outputs = _: { x = 2; }; }');
    rig.git('a', 'commit', '-qam', 'two');
    const locks = readFileSync(rig.at('b', 'flake.lock'), 'utf8');
    assert.equal(rig.succeed('eval', './b#x'), '1\n');
    assert.equal(readFileSync(rig.at('b', 'flake.lock'), 'utf8'), locks);
    rig.succeed('flake', 'update', '--flake', './b');
    assert.equal(rig.succeed('eval', './b#x'), '2\n');
  });

  test('see what git tracks', () => {
    using rig = makeRig();
    rig.flake('a', '{ outputs = _: { x = builtins.pathExists ./y; }; }');
    rig.git('a', 'init', '-q');
    assert.match(rig.run('eval', './a#x').stderr, /Path 'flake\.nix' in the repository ".*" is not tracked by Git/);
    rig.git('a', 'add', 'flake.nix');
    writeFileSync(rig.at('a', 'y'), '');
    assert.equal(rig.succeed('eval', './a#x'), 'false\n');
    rig.git('a', 'add', 'y');
    assert.equal(rig.succeed('eval', './a#x'), 'true\n');
  });

  test('have names that are like those that were typed', () => {
    using rig = makeRig();
    rig.flake('a', '{ outputs = _: { hello = 1; }; }');
    const { status, stderr } = rig.run('eval', './a#helo');
    assert.equal(status, 1);
    assert.match(stderr, /does not provide attribute 'packages\..*\.helo', 'legacyPackages\..*\.helo' or 'helo'/);
    assert.match(stderr, /Did you mean hello\?/);
  });

  test('are refused where they compute what has to be written', () => {
    using rig = makeRig();
    rig.flake('a', '{ inputs.a.url = "a" + "b"; outputs = _: { }; }');
    assert.match(rig.run('eval', './a#x').stderr, /expected a string or a path but got a thunk at /);
    rig.flake('a', '{ outputs = _: { }; x = 1; }');
    assert.match(rig.run('eval', './a#x').stderr, /has an unsupported attribute 'x', at .*\/flake\.nix:1:21/);
  });

  test('of other machines cannot be fetched yet', () => {
    using rig = makeRig();
    const { status, stderr } = rig.run('eval', 'hg+https://example.org/none#x');
    assert.equal(status, 1);
    assert.match(
      stderr,
      /cannot fetch 'hg\+https:\/\/example\.org\/none': Firn does not fetch inputs of type 'hg' yet/,
    );
  });
});
