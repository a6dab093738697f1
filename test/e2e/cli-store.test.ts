import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeTree } from '../../src/castore/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { type CliOptions, type CliResult, runCli } from './run-cli.ts';

/** A store with a library, a program that refers to it and to itself, and one that refers to the program. */
class SmallStore {
  readonly folder: string;
  readonly storeDir: string;
  readonly library: string;
  readonly program: string;
  readonly system: string;
  readonly absent: string;
  readonly #temporary = temporaryFolder();

  constructor() {
    this.folder = this.#temporary.path;
    this.storeDir = join(this.folder, 'store');
    const place = (digit: string, name: string) => join(this.storeDir, `${digit.repeat(32)}-${name}`);
    this.library = place('a', 'library-1.0');
    this.program = place('b', 'program-2.1');
    this.system = place('c', 'system-3');
    this.absent = place('0', 'absent');
    mkdirSync(this.storeDir);
    mkdirSync(join(this.library, 'lib'), { recursive: true });
    writeFileSync(join(this.library, 'lib', 'liba.so'), 'library\n');
    mkdirSync(this.program);
    writeFileSync(join(this.program, 'run'), `#!/bin/sh\n${this.library}/lib/liba.so ${this.program}\n`);
    chmodSync(join(this.program, 'run'), 0o755);
    symlinkSync(`${this.library}/lib`, join(this.program, 'lib'));
    writeFileSync(this.system, this.program);
    const registrations = [
      [this.library, '', '0'],
      [this.program, '', '2', this.library, this.program],
      [this.system, '', '1', this.program],
    ];
    const input = registrations.map(lines => lines.map(line => `${line}\n`).join('')).join('');
    this.expect('nix-store', ['--register-validity'], { input });
  }

  run(program: string, args: readonly string[], options: CliOptions & { readonly data?: string } = {}): CliResult {
    const env = {
      HOME: this.folder,
      NIX_STORE_DIR: this.storeDir,
      NIX_STATE_DIR: join(this.folder, options.data ?? 'var'),
      NIX_CONFIG: 'substituters =',
      ...options.env,
    };
    return runCli(program, args, { cwd: this.folder, ...options, env });
  }

  /** Standard output of a command that succeeds. */
  expect(program: string, args: readonly string[], options: CliOptions & { readonly data?: string } = {}): string {
    const { status, stdout, stderr } = this.run(program, args, options);
    assert.equal(status, 0, stderr);
    return stdout.toString();
  }

  lines(program: string, ...args: readonly string[]): string[] {
    return this.expect(program, args).trimEnd().split('\n');
  }

  [Symbol.dispose](): void {
    removeTree(this.storeDir);
    this.#temporary[Symbol.dispose]();
  }
}

describe('a small store', () => {
  let store: SmallStore;
  before(() => {
    store = new SmallStore();
  });
  after(() => store[Symbol.dispose]());

  test('answers questions about references', () => {
    const { library, program, system } = store;
    const query = (...args: readonly string[]) => store.lines('nix-store', '--query', ...args);
    assert.deepEqual(query('--requisites', system), [library, program, system]);
    assert.deepEqual(query('--references', program), [library, program]);
    assert.deepEqual(query('--referrers', library), [program]);
    assert.deepEqual(query('--referrers-closure', library), [library, program, system]);
    assert.deepEqual(query('--deriver', library), ['unknown-deriver']);
    assert.deepEqual(query('--resolve', join(program, 'run')), [program]);
    assert.deepEqual(query('--tree', system), [
      system,
      `└───${program}`,
      `    ├───${library}`,
      `    └───${program} [...]`,
    ]);
    assert.equal(query('--graph', system).filter(line => line.includes('->')).length, 2);
    assert.match(query('--hash', library)[0] ?? '', /^sha256:[0-9a-z]{52}$/);
  });

  test('tells path infos, as lines and as JSON', () => {
    const { library, program, system } = store;
    assert.deepEqual(store.lines('nix', 'path-info', '-r', system), [library, program, system]);
    assert.match(store.expect('nix', ['path-info', '-S', system]), /^\S+\t +\d+\n$/);
    const json: unknown = JSON.parse(
      store.expect('nix', ['path-info', '--json', '--json-format', '1', library, store.absent]),
    );
    assert.ok(typeof json === 'object' && json !== null);
    assert.deepEqual(Object.keys(json).toSorted(), [store.absent, library]);
  });

  test('follows links into the store, and takes a place in a path for the path', () => {
    symlinkSync(store.program, join(store.folder, 'result'));
    assert.deepEqual(store.lines('nix', 'path-info', './result', join(store.library, 'lib')), [
      store.library,
      store.program,
    ]);
    const { status, stderr } = store.run('nix', ['path-info', store.folder]);
    assert.equal(status, 1);
    assert.match(stderr, /is not part of a flake|could not find a flake.nix file/);
  });

  test('shows what is in it', () => {
    assert.deepEqual(store.lines('nix', 'store', 'ls', '-R', store.library), ['./lib', './lib/liba.so']);
    assert.equal(store.expect('nix', ['store', 'cat', join(store.library, 'lib', 'liba.so')]), 'library\n');
    const { status, stderr } = store.run('nix', ['store', 'cat', join(store.program, 'lib', 'liba.so')]);
    assert.deepEqual([status, stderr], [1, `error: path '${store.program}/lib' is a symlink\n`]);
  });

  test('explains dependencies', () => {
    const { library, program, system } = store;
    const why = store.lines('nix', 'why-depends', '--precise', system, library);
    assert.equal(why[0], `${system}\u001b[0m`);
    assert.match(why[1] ?? '', /^└───\/: …/);
    assert.match(why[3] ?? '', /^ {4}└───lib -> /);
    assert.equal(why.at(-1), `        → ${library}\u001b[0m`);
    const not = store.run('nix', ['why-depends', library, program]);
    assert.deepEqual([not.status, not.stderr], [0, `'${library}' does not depend on '${program}'\n`]);
  });

  test('compares closures', () => {
    const { system, library } = store;
    assert.deepEqual(store.lines('nix', 'store', 'diff-closures', system, library), [
      'program: 2.1 → ∅',
      'system: 3 → ∅',
    ]);
  });

  test('goes into another store by an export, or by a dump of what is registered', () => {
    const { library, program, system } = store;
    const exported = store.run('nix-store', ['--export', system, program, library]).stdout;
    const imported = store.expect('nix-store', ['--import'], { input: exported, data: 'other' });
    assert.deepEqual(imported.trimEnd().split('\n'), [library, program, system]);
    const dump = store.expect('nix-store', ['--dump-db']);
    assert.equal(store.expect('nix-store', ['--dump-db'], { data: 'other' }), dump);
    store.expect('nix-store', ['--load-db'], { input: dump, data: 'third' });
    assert.equal(store.expect('nix-store', ['--dump-db'], { data: 'third' }), dump);
    const { status, stderr } = store.run('nix-store', ['--import'], {
      input: exported.subarray(0, 500),
      data: 'fourth',
    });
    assert.equal(status, 1);
    assert.match(stderr, /^error: unexpected end-of-file/);
    assert.equal(store.expect('nix-store', ['--dump-db'], { data: 'fourth' }), '');
  });

  test('takes files, and realises what is there', () => {
    writeFileSync(join(store.folder, 'hello'), 'hello\n');
    const [added = ''] = store.lines('nix-store', '--add', 'hello');
    assert.equal(store.expect('nix', ['store', 'add', '--dry-run', 'hello']), `${added}\n`);
    assert.equal(readFileSync(added, 'utf8'), 'hello\n');
    assert.equal(store.expect('nix-store', ['--realise', '--add-root', 'root', added]), `${store.folder}/root\n`);
    assert.equal(readlinkSync(join(store.folder, 'root')), added);
    assert.match(store.expect('nix-store', ['--query', '--roots', added]), /\/root -> /);
    const { status, stderr } = store.run('nix-store', ['--realise', store.absent]);
    assert.equal(status, 1);
    assert.match(stderr, /is required, but there is no substituter that can build it\n$/);
  });

  test('finds and mends what somebody changed', () => {
    const { library } = store;
    const file = join(library, 'lib', 'liba.so');
    // For those who are not root.
    chmodSync(library, 0o755);
    removeTree(join(library, 'lib'));
    assert.ok(!existsSync(file));
    const modified = store.run('nix-store', ['--verify-path', library]);
    assert.equal(modified.status, 1);
    assert.match(modified.stderr, /was modified! expected hash 'sha256:/);
    assert.equal(store.run('nix', ['store', 'verify', '--no-trust', library]).status, 1);
    assert.equal(store.run('nix', ['store', 'verify', library]).status, 3);
    const refused = store.run('nix-store', ['--repair-path', library]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /error: cannot repair path '.*'firn store repair .*' takes them from there/);
    store.expect('firn', ['store', 'repair', library]);
    assert.equal(readFileSync(file, 'utf8'), 'library\n');
    store.expect('nix-store', ['--verify-path', library]);
  });

  test('gets names that follow from contents', () => {
    const { stdout } = store.run('nix', ['store', 'make-content-addressed', '--json', store.system]);
    const [, name = ''] = /":"([^"]*-system-3)"/.exec(stdout.toString()) ?? [];
    store.expect('nix', ['store', 'verify', '--recursive', name]);
    assert.match(store.expect('nix', ['path-info', '--sigs', name]), /\tca:fixed:r:sha256:/);
  });
});

describe('other stores', () => {
  test('are opened by their URI, or refused', () => {
    using folder = temporaryFolder();
    const env = { HOME: folder.path, NIX_STATE_DIR: join(folder.path, 'var') };
    const info = (uri: string) => runCli('nix', ['store', 'info', '--store', uri], { env });
    assert.equal(info('dummy://?priority=3').stderr, 'Store URL: dummy://?priority=3\nTrusted: 1\n');
    const root = join(folder.path, 'root');
    assert.equal(info(`local?root=${root}`).stderr, `Store URL: local://?root=${root}\nVersion: 2.34.8\nTrusted: 1\n`);
    assert.ok(existsSync(join(root, 'nix/var/nix/db/db.sqlite')));
    assert.equal(info('bogus://').stderr, "error: don't know how to open Nix store with scheme 'bogus'\n");
    assert.match(info('bogus').stderr, /^error: Cannot parse Nix store 'bogus'\nTry 'nix --help'/);
  });
});
