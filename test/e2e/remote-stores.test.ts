import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { WireWriter } from '../../src/nix-compat/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { type CliResult, binDir, runCli } from './run-cli.ts';

/** Two root folders of stores, and a tree to add. */
class Places implements Disposable {
  readonly #folder = temporaryFolder();
  readonly here = join(this.#folder.path, 'here');
  readonly there = join(this.#folder.path, 'there');
  readonly tree = join(this.#folder.path, 'tree');

  constructor() {
    mkdirSync(join(this.tree, 'sub'), { recursive: true });
    writeFileSync(join(this.tree, 'sub/file'), 'contents\n'.repeat(50_000));
  }

  run(args: readonly string[], env: Readonly<Record<string, string>> = {}): CliResult {
    const HOME = join(this.#folder.path, 'home');
    return runCli('nix', ['--extra-experimental-features', 'nix-command', ...args], { env: { HOME, ...env } });
  }

  succeed(args: readonly string[], env?: Readonly<Record<string, string>>): string {
    const { status, stdout, stderr } = this.run(args, env);
    assert.equal(status, 0, stderr);
    return stdout.toString().trim();
  }

  /** The store at `there`, by a program of ours. */
  remote(scheme: 'ssh' | 'ssh-ng', host = 'localhost', flags = ''): string {
    const program = join(binDir, scheme === 'ssh' ? 'nix-store' : 'nix-daemon');
    return `${scheme}://${host}?remote-store=${this.there}&remote-program=${encodeURIComponent(program + flags)}`;
  }

  /** A program `ssh` that says who was to be connected to, and runs here what was to be run there. */
  fakeSsh(): Record<string, string> {
    const bin = join(this.#folder.path, 'bin');
    mkdirSync(bin);
    const log = join(this.#folder.path, 'ssh.log');
    const script = `#!/bin/sh\necho "$@" >> ${log}\nwhile [ "$1" != -- ]; do shift; done\nshift\necho started\nexec "$@"\n`;
    writeFileSync(join(bin, 'ssh'), script);
    chmodSync(join(bin, 'ssh'), 0o755);
    return { PATH: `${bin}:${process.env['PATH'] ?? ''}`, LOG: log };
  }

  storeOf(root: string): string[] {
    return readdirSync(join(root, 'nix/store')).filter(name => !name.startsWith('.'));
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

for (const scheme of ['ssh', 'ssh-ng'] as const) {
  test(`${scheme}: a path is copied there and back, and is the same`, () => {
    using places = new Places();
    const path = places.succeed(['store', 'add-path', '--store', places.here, places.tree]);
    places.succeed(['copy', '--no-check-sigs', '--from', places.here, '--to', places.remote(scheme), path]);
    assert.equal(readFileSync(join(places.there, path, 'sub/file'), 'utf8').length, 450_000);
    const back = `${places.here}-again`;
    places.succeed(['copy', '--no-check-sigs', '--from', places.remote(scheme), '--to', back, path]);
    const hashes = [places.here, back].map(store => places.succeed(['hash', 'path', join(store, path)]));
    assert.equal(hashes[0], hashes[1]);
    assert.equal(
      places.succeed(['store', 'cat', '--store', places.remote(scheme), `${path}/sub/file`]).length,
      449_999,
    );
  });

  test(`${scheme}: ssh is told whom to connect to and how`, () => {
    using places = new Places();
    const env = places.fakeSsh();
    const remote = `${places.remote(scheme, 'me@host:2222')}&compress=true`;
    places.succeed(['store', 'info', '--store', remote], { ...env, NIX_SSHOPTS: '-o "A=b c"' });
    const log = readFileSync(env['LOG'] ?? '', 'utf8');
    assert.match(log, /^me@host -x -o A=b c -C -p2222 -oPermitLocalCommand=yes -oLocalCommand=echo started -- /);
  });

  test(`${scheme}: a program that speaks something else is quoted, and none at all is named`, () => {
    using places = new Places();
    const of = (program: string) =>
      places.run(['store', 'info', '--store', `${scheme}://localhost?remote-program=${program}`]);
    const echo = of('echo');
    assert.equal(echo.status, 1);
    assert.match(echo.stderr, /protocol mismatch.*got '--/);
    const nobody = of('/nonexistent/program');
    assert.equal(nobody.status, 1);
    assert.match(nobody.stderr, /unable to execute '\/nonexistent\/program': No such file or directory/);
    assert.equal(of('true').status, 1);
  });
}

test('a client is told whether it is trusted', () => {
  using places = new Places();
  const flags = ' --extra-experimental-features daemon-trust-override --force-untrusted';
  for (const [more, trusted] of [
    ['', true],
    [flags, false],
  ] as const) {
    const remote = places.remote('ssh-ng', 'localhost', more);
    assert.match(places.succeed(['store', 'info', '--json', '--store', remote]), new RegExp(`"trusted":${trusted}`));
  }
});

test('input that is none ends the servers with C++ Nix’s words, and leaves nothing', () => {
  using places = new Places();
  const greeting = new WireWriter();
  greeting.number(0x390c9deb);
  greeting.number(0x207);
  const unknown = new WireWriter();
  unknown.raw(greeting.take());
  unknown.number(5);
  for (const [program, flags, input, message] of [
    [
      'nix-store',
      ['--serve', '--write'],
      Buffer.from('garbage and more garbage'),
      /^error: (protocol mismatch|serialised integer)/,
    ],
    ['nix-store', ['--serve', '--write'], Buffer.from(unknown.take()), /^error: unknown serve command 5\n$/],
    [
      'nix-daemon',
      ['--stdio'],
      Buffer.from('garbage and more garbage'),
      /^error: (protocol mismatch|serialised integer)/,
    ],
  ] as const) {
    const { status, stderr } = runCli(program, [...flags, '--store', places.there], { input });
    assert.equal(status, 1, program);
    assert.match(stderr, message);
  }
  const silent = runCli('nix-store', ['--serve', '--store', places.there], { input: '' });
  assert.match(silent.stderr, /unexpected end-of-file/);
  assert.deepEqual(places.storeOf(places.there), []);
});
