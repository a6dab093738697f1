/**
 * Builds on machines behind a real sshd of the loopback interface: Firn on Firn and, where PEER_BINDIR names the folder of its
 * programs, Firn on C++ Nix and C++ Nix on Firn.
 *
 *     PEER_BINDIR=/path/to/nix/bin scripts/test test/e2e/remote-builders-ssh.test.ts
 */
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SshServer, sshServerObstacle, temporaryFolder } from '../../src/testing/index.ts';
import { binDir } from './run-cli.ts';

const peer = process.env['PEER_BINDIR'];
const skip = sshServerObstacle ?? false;
const needsPeer =
  skip || (peer === undefined ? 'PEER_BINDIR is not set: it names the folder of C++ Nix’s programs' : false);

const expression = `
let
  make = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" script ];
  };
in rec {
  base = make "base" "echo building-base; echo base > $out";
  top = make "top" "echo building-top; read x < \${base}; echo $x top > $out";
  fails = make "fails" "echo it-breaks; exit 3";
  endless = make "endless" "echo it-runs; while :; do read x < /dev/zero; done";
}
`;

// Not in a folder that all may write to: C++ Nix refuses to build there as root.
const folder = temporaryFolder(process.getuid?.() === 0 ? homedir() : undefined);
const at = (name: string) => join(folder.path, name);
let server: SshServer;
let serial = 0;

before(async () => {
  if (skip !== false) return;
  mkdirSync(at('conf'));
  // Which shell C++ Nix has for sandboxes depends on where it was built.
  const shell = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  writeFileSync(
    at('conf/nix.conf'),
    `experimental-features = nix-command\nsubstituters =\nbuild-users-group =\nsandbox-paths = /bin/sh=${shell}\nsandbox-fallback = false\n`,
  );
  writeFileSync(at('default.nix'), expression);
  server = await SshServer.start({ variables: { NIX_CONF_DIR: at('conf'), NIX_USER_CONF_FILES: at('none') } });
});

after(async () => {
  if (skip === false) await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Machine {
  readonly root: string;
  /** Of a machines file. */
  readonly line: string;
}

/** A machine whose programs are in `bin`. */
function machine(scheme: 'ssh' | 'ssh-ng', bin: string, hostKey = server.hostKey): Machine {
  const root = at(`machine-${serial++}`);
  const remoteProgram = join(bin, scheme === 'ssh' ? 'nix-store' : 'nix-daemon');
  const uri = `${scheme}://${server.user}@127.0.0.1:${server.port}?remote-store=${root}&remote-program=${remoteProgram}`;
  return { root, line: `${uri} - ${server.key} 2 1 - - ${hostKey}` };
}

const environment = () => ({
  PATH: process.env['PATH'],
  HOME: at('home'),
  NIX_CONF_DIR: at('conf'),
  NIX_USER_CONF_FILES: at('none'),
  // Nothing of the user's own, and no questions.
  NIX_SSHOPTS: '-F none -oIdentitiesOnly=yes -oBatchMode=yes -oGlobalKnownHostsFile=none',
});

function argumentsFor(attribute: string, { line }: Pick<Machine, 'line'>, root: string): string[] {
  return [at('default.nix'), '-A', attribute, '--no-out-link', '--store', root, '--builders', line, '-j0'];
}

function build(bin: string, attribute: string, on: Pick<Machine, 'line'>): SpawnSyncReturns<string> & { root: string } {
  const root = at(`here-${serial++}`);
  const args = argumentsFor(attribute, on, root);
  return { ...spawnSync(join(bin, 'nix-build'), args, { env: environment(), encoding: 'utf8' }), root };
}

function hasBuilt({ root }: Machine, name: string): boolean {
  return (
    existsSync(join(root, 'nix/store')) && readdirSync(join(root, 'nix/store')).some(each => each.endsWith(`-${name}`))
  );
}

const pairs = [
  { name: 'Firn on Firn', from: binDir, to: binDir, skip },
  { name: 'Firn on C++ Nix', from: binDir, to: peer ?? '', skip: needsPeer },
  { name: 'C++ Nix on Firn', from: peer ?? '', to: binDir, skip: needsPeer },
];

for (const pair of pairs) {
  for (const scheme of ['ssh', 'ssh-ng'] as const) {
    describe(`${pair.name} by ${scheme}`, { skip: pair.skip }, () => {
      test('what is built there is here, and so is its log', () => {
        const on = machine(scheme, pair.to);
        const { status, stdout, stderr, root } = build(pair.from, 'top', on);
        assert.equal(status, 0, stderr);
        assert.equal(readFileSync(join(root, stdout.trim()), 'utf8'), 'base top\n');
        assert.ok(hasBuilt(on, 'top') && hasBuilt(on, 'base'));
        assert.match(stderr, /^building '.*-top.drv' on '/m);
        const log = spawnSync(join(pair.from, 'nix-store'), ['--store', root, '--read-log', stdout.trim()], {
          env: environment(),
          encoding: 'utf8',
        });
        assert.match(log.stdout, /^building-top$/m, log.stderr);
      });

      test('what fails there is told here', () => {
        const { status, stderr } = build(pair.from, 'fails', machine(scheme, pair.to));
        assert.notEqual(status, 0);
        assert.match(stderr, /build of '.*-fails.drv' on 'ssh.*' failed:/);
        assert.match(stderr, /exit code 3/);
        assert.match(stderr, /it-breaks/);
      });
    });
  }
}

for (const scheme of ['ssh', 'ssh-ng'] as const) {
  test(`${scheme}: a host with another key than it should have gets nothing`, { skip }, () => {
    const other = readFileSync(`${server.key}.pub`).toString('base64');
    const on = machine(scheme, binDir, other);
    const { status, stderr } = build(binDir, 'top', on);
    assert.notEqual(status, 0);
    assert.match(stderr, /cannot build on 'ssh.*': /);
    assert.match(stderr, /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/);
    assert.ok(!existsSync(on.root));
  });

  test(`${scheme}: whoever is interrupted ends the build there`, { skip }, async () => {
    const on = machine(scheme, binDir);
    const child = spawn(join(binDir, 'nix-build'), argumentsFor('endless', on, at(`here-${serial++}`)), {
      env: environment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const runs = Promise.withResolvers<void>();
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('it-runs')) runs.resolve();
    });
    const ended = once(child, 'close');
    await Promise.race([runs.promise, ended]);
    assert.match(said, /it-runs/);
    assert.ok(processesOf(on) > 0);
    child.kill('SIGINT');
    await ended;
    // The other side notices that nobody is there any more.
    while (processesOf(on) > 0) await new Promise(resolve => setImmediate(resolve));
  });
}

/** Processes that serve a machine's store, or build in it. */
function processesOf({ root }: Machine): number {
  return readdirSync('/proc').filter(id => {
    if (!/^[0-9]+$/.test(id)) return false;
    try {
      const line = readFileSync(`/proc/${id}/cmdline`, 'latin1');
      return line.includes(root) && line.includes('nix-') && !line.includes('nix-build') && !line.startsWith('ssh\0');
    } catch {
      return false;
    }
  }).length;
}
