import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../src/base/index.ts';
import { WireWriter } from '../../src/nix-compat/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { type CliResult, binDir, runCli } from './run-cli.ts';

const expression = `
let
  make = name: script: attrs: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" script ];
  } // attrs);
in rec {
  base = make "base" "echo building-base; echo base > $out" { };
  top = make "top" "echo building-top; read x < \${base}; echo $x top > $out" { };
  fast = make "fast" "echo fast > $out" { requiredSystemFeatures = [ "fast" ]; };
  plain = make "plain" "echo plain > $out" { };
  onFast = make "on-fast" "read x < \${plain}; echo $x fast > $out" { requiredSystemFeatures = [ "fast" ]; };
  slow = make "slow" "echo slow > $out" { requiredSystemFeatures = [ "slow" ]; };
  here = make "here" "echo here > $out" { preferLocalBuild = true; };
  fails = make "fails" "echo it-breaks; exit 3" { };
  odd = make "odd" "echo > $out" { system = "vax-bsd"; };
  floating = make "floating" "echo floating > $out" { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
}
`;

/** Stores below folders of their own: one that things are wanted in, and those of machines. */
class Places implements Disposable {
  readonly #folder = temporaryFolder();
  readonly here = join(this.#folder.path, 'here');

  constructor() {
    writeFileSync(this.file, expression);
  }

  get file(): string {
    return join(this.#folder.path, 'default.nix');
  }

  of(machine: string): string {
    return join(this.#folder.path, machine);
  }

  /** A line of a machines file: the store in the folder of that name, by a program of ours or on this machine's disk. */
  machine(name: string, columns = '- - 1', scheme: 'ssh' | 'ssh-ng' | 'local' = 'ssh-ng'): string {
    if (scheme === 'local') return `${this.of(name)} ${columns}`;
    const program = join(binDir, scheme === 'ssh' ? 'nix-store' : 'nix-daemon');
    const [, , , , features] = columns.split(' ');
    const inner = `${this.of(name)}${features === undefined ? '' : `?system-features=${features}`}`;
    return `${scheme}://localhost?remote-store=${encodeURIComponent(inner)}&remote-program=${program} ${columns}`;
  }

  build(attribute: string, builders: string, ...flags: string[]): CliResult {
    return runCli('nix-build', this.arguments(attribute, builders, ...flags), { env: this.env });
  }

  arguments(attribute: string, builders: string, ...flags: string[]): string[] {
    return [this.file, '-A', attribute, '--no-out-link', '--store', this.here, '--builders', builders, ...flags];
  }

  get env(): Record<string, string> {
    const features = 'experimental-features = nix-command ca-derivations';
    return {
      HOME: this.#folder.path,
      NIX_CONFIG: `${features}\nsubstituters =\nbuild-users-group =\nsandbox-fallback = false`,
    };
  }

  /** The contents of what is printed as a path of the store `here`. */
  read({ status, stdout, stderr }: CliResult): string {
    assert.equal(status, 0, stderr);
    return readFileSync(join(this.here, stdout.toString().trim()), 'utf8').trim();
  }

  has(machine: string, name: string): boolean {
    const folder = join(this.of(machine), 'nix/store');
    return existsSync(folder) && readdirSync(folder).some(each => each.endsWith(`-${name}`));
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

for (const scheme of ['ssh', 'ssh-ng', 'local'] as const) {
  test(`${scheme}: inputs go there, outputs and logs come back`, () => {
    using places = new Places();
    const built = places.build('top', places.machine('m', '- - 2', scheme), '-j0');
    assert.equal(places.read(built), 'base top');
    assert.ok(places.has('m', 'top') && places.has('m', 'base'));
    assert.match(built.stderr, /^building '.*-top.drv' on '/m);
    assert.match(built.stderr, /^building-top$/m);
    const log = runCli('nix-store', ['--store', places.here, '--read-log', built.stdout.toString().trim()], {
      env: places.env,
    });
    if (scheme !== 'local') assert.match(log.stdout.toString(), /^building-top$/m);
  });

  test(`${scheme}: what fails there is told here`, () => {
    using places = new Places();
    const { status, stderr } = places.build('fails', places.machine('m', '- - 1', scheme), '-j0');
    assert.notEqual(status, 0);
    assert.match(stderr, /error: build of '.*-fails.drv' on '.*' failed: .*Cannot build '.*-fails.drv'/);
    assert.match(stderr, /Reason: builder failed with exit code 3/);
    assert.match(stderr, /it-breaks/);
  });

  test(`${scheme}: outputs known by their content come back with their realisations`, () => {
    using places = new Places();
    const machine = places.machine('m', '- - 1 1 ca-derivations', scheme);
    assert.equal(places.read(places.build('floating', machine, '-j0')), 'floating');
    // Nothing is left to be done.
    assert.equal(places.read(places.build('floating', '', '-j0')), 'floating');
  });
}

test('features and systems choose the machine; what prefers it is built here', () => {
  using places = new Places();
  const builders = [places.machine('m1', '- - 1 1 slow'), places.machine('m2', '- - 1 1 fast')].join(' ; ');
  assert.equal(places.read(places.build('fast', builders)), 'fast');
  assert.equal(places.read(places.build('slow', builders)), 'slow');
  assert.deepEqual(
    [places.has('m1', 'slow'), places.has('m2', 'fast'), places.has('m1', 'fast'), places.has('m2', 'slow')],
    [true, true, false, false],
  );
  assert.equal(places.read(places.build('here', builders)), 'here');
  assert.deepEqual([places.has('m1', 'here'), places.has('m2', 'here')], [false, false]);
});

test('what nobody builds is told with what each machine has', () => {
  using places = new Places();
  const { status, stderr } = places.build('odd', places.machine('m', 's1,s2 - 3 1 kvm,big benchmark'), '-j0');
  assert.notEqual(status, 0);
  assert.match(stderr, /^Failed to find a machine for remote build!$/m);
  assert.match(stderr, /^derivation: .*-odd.drv\nrequired \(system, features\): \(vax-bsd, \[\]\)$/m);
  assert.match(stderr, /^1 available machines:\n\(systems, maxjobs, supportedFeatures, mandatoryFeatures\)$/m);
  assert.match(stderr, /^\(\[s1, s2\], 3, \[big, kvm\], \[benchmark\]\)$/m);
  assert.match(stderr, /error: Cannot build '.*-odd.drv'.\n\s*Reason: local builds are disabled \(max-jobs = 0\)/);
  assert.match(stderr, /Reason: platform mismatch/);
});

test('a machine that is gone is avoided, with the reason', () => {
  using places = new Places();
  const gone = 'ssh-ng://localhost?remote-program=/nonexistent/nix-daemon - - 4 9';
  const built = places.build('top', `${gone} ; ${places.machine('m')}`, '-j0');
  assert.equal(places.read(built), 'base top');
  const reasons = built.stderr.match(/cannot build on 'ssh-ng:.*': unable to execute '\/nonexistent\/nix-daemon'/g);
  assert.equal(reasons?.length, 1, built.stderr);
  const alone = places.build('here', gone);
  assert.equal(places.read(alone), 'here');
});

test('a line that describes no machine is an error once something is to be built', () => {
  using places = new Places();
  const { status, stderr } = places.build('top', 'm - - many');
  assert.equal(status, 1);
  assert.match(stderr, /bad machine specification: failed to convert column #3 in a row: 'm - - many'/);
});

/** Speaks to `nix __build-remote` as a daemon of C++ Nix does. */
class HookDriver implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #said = '';
  #log = '';
  #wake: () => void = () => {};

  constructor(settings: Readonly<Record<string, string>>, env: Readonly<Record<string, string>>) {
    this.#child = spawn(join(binDir, 'nix'), ['__build-remote', '3'], {
      env: { PATH: process.env['PATH'], NIX_CONF_DIR: '/nonexistent', NIX_USER_CONF_FILES: '', ...env },
      stdio: ['pipe', 'ignore', 'pipe', 'ignore', 'pipe'],
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString();
      this.#wake();
    });
    this.#child.stdio[4]?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    this.#ended = new Promise(resolve => {
      this.#child.once('close', status => {
        resolve(status);
        this.#wake();
      });
    });
    const writer = new WireWriter();
    for (const [name, value] of Object.entries(settings)) {
      writer.number(1);
      writer.string(byteStringFromText(name));
      writer.string(byteStringFromText(value));
    }
    writer.number(0);
    this.#child.stdin?.write(writer.take());
  }

  send(write: (writer: WireWriter) => void): void {
    const writer = new WireWriter();
    write(writer);
    this.#child.stdin?.write(writer.take());
  }

  try(isWilling: boolean, system: string, path: string, features: readonly string[] = []): void {
    this.send(writer => {
      writer.string(byteStringFromText('try'));
      writer.boolean(isWilling);
      writer.string(byteStringFromText(system));
      writer.string(byteStringFromText(path));
      writer.list(features, feature => writer.string(byteStringFromText(feature)));
    });
  }

  /** The next line that begins with `# `, and what follows that. */
  async answer(): Promise<string> {
    for (;;) {
      const match = /^# (.*)\n/m.exec(this.#said);
      if (match !== null) {
        this.#said = this.#said.slice(match.index + match[0].length);
        return match[1] ?? '';
      }
      if (this.#child.exitCode !== null) assert.fail(`the hook ended: ${this.#said}`);
      await new Promise<void>(resolve => (this.#wake = resolve));
    }
  }

  async end(): Promise<{ readonly status: number | null; readonly log: string; readonly said: string }> {
    this.#child.stdin?.end();
    const status = await this.#ended;
    return { status, log: this.#log, said: this.#said };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

describe('nix __build-remote', () => {
  const env = { HOME: '/nonexistent' };

  test('declines for ever where there are no machines', async () => {
    await using hook = new HookDriver({ builders: '', 'not-a-setting': 'x' }, env);
    assert.equal(await hook.answer(), 'decline-permanently');
    assert.equal((await hook.end()).status, 0);
  });

  test('is refused without the verbosity', () => {
    const { status, stderr } = runCli('nix', ['__build-remote'], { input: '' });
    assert.equal(status, 1);
    assert.match(stderr, /called without required arguments/);
  });

  test('postpones, declines, accepts and builds', async () => {
    using places = new Places();
    const instantiated = runCli('nix-instantiate', [places.file, '-A', 'top', '--store', places.here], {
      env: places.env,
    });
    const derivation = instantiated.stdout.toString().trim();
    assert.match(derivation, /-top.drv$/);
    const base = places.build('base', '').stdout.toString().trim();
    assert.match(base, /-base$/);
    const system = runCli('nix', ['config', 'show', 'system'], { env: places.env }).stdout.toString().trim();
    const settings = {
      store: places.here,
      builders: places.machine('m', '- - 1', 'ssh'),
      'sandbox-fallback': 'false',
      'max-jobs': '1',
    };
    await using hook = new HookDriver(settings, places.env);
    hook.try(false, 'vax-bsd', derivation);
    assert.equal(await hook.answer(), 'decline');
    hook.try(false, system, derivation, ['no-such-feature']);
    assert.equal(await hook.answer(), 'decline');
    hook.try(false, system, derivation);
    assert.equal(await hook.answer(), 'accept');
    // Its slot is taken now.
    await using second = new HookDriver(settings, places.env);
    second.try(false, system, derivation);
    assert.equal(await second.answer(), 'postpone');
    second.try(true, system, derivation);
    assert.equal(await second.answer(), 'decline');
    hook.send(writer => {
      writer.list([base], path => writer.string(byteStringFromText(path)));
      writer.list(['out'], name => writer.string(byteStringFromText(name)));
    });
    const { status, log, said } = await hook.end();
    assert.equal(status, 0, said);
    assert.match(log, /^building-top$/m);
    assert.ok(places.has('m', 'top') && places.has('here', 'top'));
  });
});

describe('a build hook of the user’s', () => {
  /** Ours, under a name that is taken for somebody else's. */
  function hook(places: Places): string[] {
    const script = places.of('hook.sh');
    writeFileSync(script, `#!/bin/sh\nexec ${join(binDir, 'nix')} __build-remote "$@"\n`, { mode: 0o755 });
    return ['--option', 'build-hook', script];
  }

  test('has derivations built, with their inputs and logs', () => {
    using places = new Places();
    const built = places.build('top', places.machine('m', '- - 2'), '-j0', ...hook(places));
    assert.equal(places.read(built), 'base top');
    assert.ok(places.has('m', 'top') && places.has('m', 'base'));
    assert.match(built.stderr, /^building '.*-top.drv' on 'ssh-ng:/m);
    assert.match(built.stderr, /^building-top$/m);
    const log = runCli('nix-store', ['--store', places.here, '--read-log', built.stdout.toString().trim()], {
      env: places.env,
    });
    assert.match(log.stdout.toString(), /^building-top$/m);
  });

  test('fails with what fails there, and leaves to us what it does not take', () => {
    using places = new Places();
    const failed = places.build('fails', places.machine('m'), '-j0', ...hook(places));
    assert.notEqual(failed.status, 0);
    assert.match(failed.stderr, /Reason: builder failed with exit code/);
    assert.match(failed.stderr, /it-breaks/);
    assert.equal(
      places.read(places.build('top', places.machine('m', '- - 1 1 - special'), ...hook(places))),
      'base top',
    );
    assert.equal(places.has('m', 'base'), false);
    // What was built here is there for the hook at once.
    const both = places.build('onFast', places.machine('m', '- - 1 1 fast fast'), ...hook(places));
    assert.equal(places.read(both), 'plain fast');
    assert.ok(places.has('m', 'on-fast') && places.has('m', 'plain'));
    const absent = places.build('floating', '', '--option', 'build-hook', '/nonexistent/hook');
    assert.match(absent.stderr, /cannot run '\/nonexistent\/hook', the setting 'build-hook'/);
    const alone = places.build('floating', places.machine('m'), '--option', 'build-hook', '');
    assert.equal(places.read(alone), 'floating');
  });

  test('tells what outputs are that are known by their content', () => {
    using places = new Places();
    const machine = places.machine('m', '- - 1 1 ca-derivations');
    assert.equal(places.read(places.build('floating', machine, '-j0', ...hook(places))), 'floating');
    assert.equal(places.read(places.build('floating', '', '-j0')), 'floating');
  });
});
