import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeTree } from '../../src/castore/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { type CliOptions, type CliResult, binDir, runCli } from './run-cli.ts';

const packages = `
let
  make = name: script: more: derivation ({
    inherit name; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; args = [ "-c" script ];
  } // more);
in
rec {
  hello = make "hello-1.0" ''
    mkdir -p $out/bin
    printf '#!/bin/sh\\necho "hello $*"\\n' > $out/bin/hello
    chmod +x $out/bin/hello
  '' { };
  several = make "several" "echo \${hello} > $out; echo dev > $dev" { outputs = [ "out" "dev" ]; };
  failing = make "failing" "exit 1" { };
  setup = builtins.toFile "setup" "export FROM_SETUP=yes; greet() { echo greetings; }";
  stdenv = make "stdenv" "mkdir $out; ln -s \${setup} $out/setup" { };
  shell = make "shell" "exit 1" { builder = "/bin/bash"; inherit stdenv; VARIABLE = "it's"; };
}
`;

/** A folder with packages, a store and a state of its own. */
class Workshop {
  readonly #temporary = temporaryFolder();
  readonly folder = this.#temporary.path;

  constructor() {
    writeFileSync(join(this.folder, 'packages.nix'), packages);
  }

  run(program: string, args: readonly string[], options: CliOptions = {}): CliResult {
    const env = {
      HOME: this.folder,
      TMPDIR: this.folder,
      NIX_STORE_DIR: join(this.folder, 'store'),
      NIX_STATE_DIR: join(this.folder, 'var'),
      NIX_CONFIG: 'substituters =\nsandbox = false\nbuild-users-group =',
      ...options.env,
    };
    return runCli(program, args, { cwd: this.folder, ...options, env });
  }

  /** Standard output of a command that succeeds. */
  expect(program: string, args: readonly string[], options: CliOptions = {}): string {
    const { status, stdout, stderr } = this.run(program, args, options);
    assert.equal(status, 0, stderr);
    return stdout.toString();
  }

  [Symbol.dispose](): void {
    removeTree(this.folder);
  }
}

describe('building', () => {
  let shop: Workshop;
  before(() => (shop = new Workshop()));
  after(() => shop[Symbol.dispose]());

  test('nix-build links results, which stay', () => {
    const printed = shop.expect('nix-build', ['packages.nix', '-A', 'hello', '-A', 'several.dev']);
    const [hello = '', dev = '', ...others] = printed.trim().split('\n');
    assert.deepEqual(others, []);
    assert.equal(readlinkSync(join(shop.folder, 'result')), hello);
    assert.equal(readlinkSync(join(shop.folder, 'result-2-dev')), dev);
    shop.expect('nix-store', ['--gc']);
    assert.equal(readFileSync(dev, 'utf8'), 'dev\n');
    assert.ok(existsSync(join(hello, 'bin/hello')));
  });

  test('nix-build says by its status that a builder failed', () => {
    const { status, stderr } = shop.run('nix-build', ['packages.nix', '-A', 'failing', '--no-out-link']);
    assert.equal(status, 100, stderr);
    assert.equal(shop.run('nix', ['build', '-f', 'packages.nix', 'failing', '--no-link']).status, 1);
  });

  test('nix build prints what it has built, and makes a generation of a profile', () => {
    const args = ['build', '-f', 'packages.nix', 'several^*', 'hello', '--no-link', '--json'];
    const results = JSON.parse(shop.expect('nix', args)) as { outputs: Record<string, string> }[];
    assert.deepEqual(
      results.map(({ outputs }) => Object.keys(outputs)),
      [['dev', 'out'], ['out']],
    );
    shop.expect('nix', ['build', '-f', 'packages.nix', 'hello', '--no-link', '--profile', 'profile']);
    assert.equal(readlinkSync(join(shop.folder, 'profile-1-link')), results[1]?.outputs['out']);
  });

  test('nix shell and nix run run what was built', () => {
    const shell = ['shell', '-f', 'packages.nix', 'hello', '-c', 'hello', 'from', 'a shell'];
    assert.equal(shop.expect('nix', shell), 'hello from a shell\n');
    assert.equal(shop.expect('nix', ['run', '-f', 'packages.nix', 'hello', '--', '--there']), 'hello --there\n');
    const closed = shop.expect('nix', [
      'shell',
      '-f',
      'packages.nix',
      'hello',
      '-i',
      '-s',
      'A',
      'b',
      '-c',
      '/usr/bin/env',
    ]);
    assert.match(closed, /^A=b$/m);
    assert.doesNotMatch(closed, /^HOME=/m);
  });

  test('what a shell runs has the signals and the name of ours', () => {
    const script = 'grep SigIgn /proc/self/status; exit 7';
    const { status, stdout } = shop.run('nix', ['shell', '-f', 'packages.nix', 'hello', '-c', 'sh', '-c', script]);
    assert.equal(status, 7);
    assert.match(stdout.toString(), /^SigIgn:\s0+$/m);
  });

  test('nix develop has the environment of a build', () => {
    const command = 'echo "$VARIABLE $FROM_SETUP $IN_NIX_SHELL"; type greet >/dev/null 2>&1 || echo no function';
    const develop = ['develop', '-f', 'packages.nix', 'shell', '-c', 'bash', '-c', command];
    assert.equal(shop.expect('nix', develop), "it's yes impure\nno function\n");
    const script = shop.expect('nix', ['print-dev-env', '-f', 'packages.nix', 'shell']);
    assert.match(script, /^greet \(\)$/m);
    const json = JSON.parse(shop.expect('nix', ['print-dev-env', '-f', 'packages.nix', 'shell', '--json'])) as {
      variables: Record<string, { type: string; value: string }>;
    };
    assert.deepEqual(json.variables['VARIABLE'], { type: 'exported', value: "it's" });
  });

  test('nix-shell runs a command, purely if it is to', () => {
    const env = { NIX_BUILD_SHELL: '/bin/bash', OUTSIDE: 'seen' };
    const run = (...args: string[]) => shop.expect('nix-shell', ['packages.nix', '-A', 'shell', ...args], { env });
    const command = 'echo "$VARIABLE $FROM_SETUP $IN_NIX_SHELL $OUTSIDE"; greet';
    assert.equal(run('--run', command), "it's yes impure seen\ngreetings\n");
    assert.equal(run('--pure', '--run', command), "it's yes pure \ngreetings\n");
    assert.equal(run('--pure', '--keep', 'OUTSIDE', '--run', command), "it's yes pure seen\ngreetings\n");
  });

  test('nix-shell is the interpreter of scripts', () => {
    const script = join(shop.folder, 'a script');
    const lines = ['#!/usr/bin/env nix-shell', '#! nix-shell packages.nix -A shell -i bash', 'echo "$VARIABLE $*"'];
    writeFileSync(script, `${lines.join('\n')}\n`);
    chmodSync(script, 0o755);
    const env = { NIX_BUILD_SHELL: '/bin/bash', PATH: `${binDir}:${process.env['PATH'] ?? ''}` };
    assert.equal(shop.expect('nix-shell', [script, 'one', 'two words'], { env, cwd: '/' }), "it's one two words\n");
  });

  test('the folder of a script goes with the next shell', () => {
    const script = join(shop.folder, 'script');
    writeFileSync(script, '#!/usr/bin/env nix-shell\n#! nix-shell packages.nix -A shell -i bash\necho "$TMPDIR"\n');
    const temporary = join(shop.folder, 'temporary');
    mkdirSync(temporary);
    const env = { NIX_BUILD_SHELL: '/bin/bash', TMPDIR: temporary };
    const [first, second] = [1, 2].map(() => shop.expect('nix-shell', [script], { env }).trim());
    assert.ok(first !== undefined && second !== undefined && first !== second);
    assert.deepEqual(readdirSync(temporary), [basename(second)]);
    shop.expect('nix-shell', ['packages.nix', '-A', 'shell', '--run', 'true'], { env });
    assert.deepEqual(readdirSync(temporary), []);
  });

  test('nix-build --run-env is nix-shell', () => {
    const env = { NIX_BUILD_SHELL: '/bin/bash' };
    const args = ['--run-env', 'packages.nix', '-A', 'shell', '--run', 'echo "$VARIABLE"'];
    assert.equal(shop.expect('nix-build', args, { env }), "it's\n");
  });
});
