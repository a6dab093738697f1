/**
 * Builds on machines behind a real sshd of the loopback interface: Firn on Firn, and Firn on unmodified releases of C++ Nix and
 * these on Firn, where variables name the folders of their programs.
 *
 *     PEER_BINDIR=/path/to/nix/bin PEER_2_8_BINDIR=$(scripts/install-nix-2.8) scripts/test test/e2e/remote-builders-ssh.test.ts
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sshServerObstacle } from '../../src/testing/index.ts';
import {
  type Machine,
  NixRig,
  type NixRun,
  type NixSide,
  derivationsWith,
  firn,
  nixPairs,
  nixPeers,
} from './nix-peers.ts';

const skip = sshServerObstacle ?? false;

const expression = derivationsWith(`endless = make "endless" "echo it-runs; while :; do read x < /dev/zero; done";`);

let rig: NixRig;
let file: string;

before(async () => {
  rig = await NixRig.start();
  file = rig.write('default.nix', expression);
});

after(() => rig[Symbol.asyncDispose]());

function commandFor(attribute: string, { line }: Pick<Machine, 'line'>, root: string): string[] {
  return ['nix-build', file, '-A', attribute, '--no-out-link', '--store', root, '--builders', line, '-j0'];
}

function build(client: NixSide, attribute: string, on: Pick<Machine, 'line'>): NixRun & { readonly root: string } {
  const root = rig.place('here');
  return { ...rig.run(client, commandFor(attribute, on, root)), root };
}

function hasBuilt({ root }: Machine, name: string): boolean {
  return (
    existsSync(join(root, 'nix/store')) && readdirSync(join(root, 'nix/store')).some(each => each.endsWith(`-${name}`))
  );
}

for (const { client, server, skip: lacksPeer } of nixPairs) {
  for (const scheme of ['ssh', 'ssh-ng'] as const) {
    const newMachine = () => rig.machine({ scheme, client, server, root: rig.place('machine') });

    describe(`${client.name} on ${server.name} by ${scheme}`, { skip: lacksPeer || skip }, () => {
      test('what is built there is here, and so is its log', () => {
        const on = newMachine();
        const { status, stdout, stderr, root } = build(client, 'top', on);
        assert.equal(status, 0, stderr);
        assert.equal(readFileSync(join(root, stdout.trim()), 'utf8'), 'base top\n');
        assert.ok(hasBuilt(on, 'top') && hasBuilt(on, 'base'));
        assert.match(stderr, /^building '.*-top.drv' on '/m);
        const log = rig.succeed(client, ['nix-store', '--store', root, '--read-log', stdout.trim()]);
        assert.match(log, /^building-top$/m);
      });

      test('what fails there is told here', () => {
        const { status, stderr } = build(client, 'fails', newMachine());
        assert.notEqual(status, 0);
        assert.match(stderr, /build of '.*-fails.drv' on 'ssh.*' failed:/);
        assert.match(stderr, /exit code 3/);
        assert.match(stderr, /it-breaks/);
      });
    });
  }
}

// 2.8 has hooks without arguments.
for (const peer of nixPeers.slice(0, 1)) {
  test(`${peer.name} builds on Firn with our program as its hook`, { skip: peer.skip || skip }, () => {
    const on = rig.machine({ scheme: 'ssh-ng', client: peer, server: firn, root: rig.place('machine') });
    const root = rig.place('here');
    const hook = `${join(firn.bin, 'nix')} __build-remote`;
    const built = rig.succeed(peer, [...commandFor('top', on, root), '--option', 'build-hook', hook]);
    assert.equal(readFileSync(join(root, built), 'utf8'), 'base top\n');
    assert.ok(hasBuilt(on, 'top') && hasBuilt(on, 'base'));
  });
}

for (const scheme of ['ssh', 'ssh-ng'] as const) {
  test(`${scheme}: a host with another key than it should have gets nothing`, { skip }, () => {
    const on = rig.machine({ scheme, client: firn, server: firn, root: rig.place('machine') });
    const other = readFileSync(`${rig.ssh.key}.pub`).toString('base64');
    const { status, stderr } = build(firn, 'top', { line: on.line.replace(rig.ssh.hostKey, other) });
    assert.notEqual(status, 0);
    assert.match(stderr, /cannot build on 'ssh.*': /);
    assert.match(stderr, /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/);
    assert.ok(!existsSync(on.root));
  });

  test(`${scheme}: whoever is interrupted ends the build there`, { skip }, async () => {
    const on = rig.machine({ scheme, client: firn, server: firn, root: rig.place('machine') });
    const [program = '', ...args] = commandFor('endless', on, rig.place('here'));
    const child = spawn(join(firn.bin, program), args, {
      env: rig.environment,
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
