import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, renameSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Daemon } from './daemon-process.ts';

test('clients add, build, ask and collect, each on its own', async () => {
  await using daemon = await new Daemon(['--force-trusted']).whenListening();
  const added = daemon.client('nix-store', ['--add', daemon.file('text', 'hello\n')]);
  const expression = `derivation { name = "made"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo made > $out" ]; }`;
  const built = daemon.client('nix-build', ['--no-out-link', '--expr', expression]);
  assert.equal(daemon.client('nix-store', ['--query', '--references', built]), '');
  assert.deepEqual(daemon.client('nix-store', ['--check-validity', '--print-invalid', added, built]), '');
  // A client that keeps nothing leaves nothing kept.
  daemon.client('nix-store', ['--gc']);
  assert.equal(daemon.client('nix-store', ['--check-validity', '--print-invalid', added, built]), `${added}\n${built}`);
  await daemon.whenSaid(/accepted connection from pid \d+, user <unknown> \(trusted\)/);
});

test('who connects is known', async () => {
  await using daemon = await new Daemon([]).whenListening();
  const info = daemon.client('nix', ['store', 'info', '--json']);
  const isRoot = process.getuid?.() === 0;
  assert.match(info, new RegExp(`"trusted":${isRoot}`));
  await daemon.whenSaid(/accepted connection from pid \d+, user /);
});

test('clients that vanish or talk nonsense leave nothing behind', async () => {
  await using daemon = await new Daemon([]).whenListening();
  daemon.client('nix', ['store', 'info']);
  const before = daemon.descriptors();
  for (let round = 0; round < 50; round++) {
    const socket = connect(daemon.socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    if (round % 3 === 1) socket.write('nonsense and more of it');
    if (round % 3 === 2) socket.write(Buffer.from('6378696e00000000', 'hex'));
    socket.destroy();
  }
  while (daemon.descriptors() > before || daemon.temporaryRoots().length > 0) await delay(20);
  daemon.client('nix', ['store', 'info']);
});

test('it ends in order, with clients waiting, and takes its socket with it', async () => {
  await using first = await new Daemon([]).whenListening();
  const waiting = connect(first.socket);
  await once(waiting, 'connect');
  assert.equal(await first.stop(), 0);
  assert.equal(existsSync(first.socket), false);
  waiting.destroy();
});

test('who was told of no store is its client, as long as it answers', async () => {
  await using daemon = await new Daemon([]).whenListening();
  const added = daemon.neighbour('nix-store', ['--add', daemon.file('text', 'hello\n')]);
  await daemon.whenSaid(/accepted connection/);
  const info = daemon.neighbour('nix', ['store', 'info', '--json']);
  // Whose the data folder is, is trusted.
  assert.match(info, new RegExp(`"trusted":true,"url":"unix://${daemon.data}/socket"`));
  assert.equal(daemon.neighbour('nix-store', ['--query', '--hash', added]).slice(0, 7), 'sha256:');
  // What no daemon does is done all the same.
  assert.equal(daemon.neighbour('firn', ['store', 'repair', added]), '');
  assert.equal(daemon.neighbour('nix-store', ['--verify', '--check-contents']), '');
  const other = daemon.neighbour('nix-store', ['--add', daemon.file('other', 'other\n')]);
  daemon.neighbour('nix-store', ['--delete', '--ignore-liveness', other]);
  assert.equal(daemon.neighbour('nix-store', ['--check-validity', '--print-invalid', other]), other);
  await daemon.stop();
  assert.equal(existsSync(join(daemon.data, 'socket')), false);
  assert.match(daemon.neighbour('nix', ['store', 'info', '--json']), /"url":"local"/);
  assert.equal(daemon.neighbour('nix-store', ['--check-validity', '--print-invalid', added]), '');
  // What a daemon that was killed leaves.
  const dead = createServer().listen(join(daemon.data, 'dead'));
  await once(dead, 'listening');
  renameSync(join(daemon.data, 'dead'), join(daemon.data, 'socket'));
  await new Promise(resolve => dead.close(resolve));
  assert.match(daemon.neighbour('nix', ['store', 'info', '--json']), /"url":"local"/);
});
