import assert from 'node:assert/strict';
import { copyFileSync, globSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { findBusybox, mountObstacle, temporaryFolder } from '../../src/testing/index.ts';
import { ServedFirn } from '../clients/served-firn.ts';
import { addPath } from './added-paths.ts';
import { RemoteShell } from './remote-shell.ts';
import { runCli, startCli } from './run-cli.ts';

const skip = (await mountObstacle()) ?? false;

describe('an action that wants a daemon', { skip }, () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let server: ServedFirn;
  let shell: RemoteShell;
  let busybox: string;

  before(async () => {
    folder = temporaryFolder();
    const config = join(folder.path, 'firn.toml');
    writeFileSync(config, '[execution]\nnix-daemon = true\n');
    server = await ServedFirn.start({
      isHere: true,
      flags: ['--config', config],
      env: { NIX_CONFIG: 'build-users-group =\nsubstituters =' },
    });
    shell = new RemoteShell(server.grpc);
    const put = (into: string) => copyFileSync(findBusybox(), join(into, 'busybox'));
    busybox = addPath(join(server.folder, 'data'), 'base', put);
  });

  after(async () => {
    await shell?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  });

  const properties = () => ({ 'nix-closure': busybox, 'nix-daemon': '1' });
  const run = (script: string, wanted: Record<string, string> = properties()) =>
    shell.run({ arguments: [`${busybox}/busybox`, 'sh', '-c', script], properties: wanted });

  test('finds it where clients of Nix look', async () => {
    const ran = await run('ls -l /nix/var/nix/daemon-socket/socket | cut -c1; echo $NIX_REMOTE');
    assert.deepEqual([ran.code, ran.message, ran.exitCode, ran.stderr], [0, '', 0, '']);
    assert.equal(ran.stdout, 's\ndaemon\n');
  });

  test('sees what is added and built by it, and nothing else of the store', async () => {
    const data = join(server.folder, 'data');
    const secret = join(folder.path, 'secret');
    writeFileSync(secret, 'secret\n');
    const hidden = runCli('nix-store', ['--add', secret], { env: { FIRN_DATA: data } })
      .stdout.toString()
      .trim();
    const waiting = run(
      'until ls /nix/store | grep -q -e -built$; do sleep 0.1; done; cat /nix/store/*-built; ls /nix/store | cut -c34-',
    );
    // Clients are inside; here one that runs outside uses the same socket.
    let socket: string | undefined;
    while (socket === undefined) {
      [socket] = globSync(join(data, 'tmp/*/actions/*.view/daemon/socket'));
      await delay(20);
    }
    const env = { NIX_REMOTE: `unix://${socket}`, NIX_CONFIG: 'experimental-features = nix-command' };
    const through = (program: string, ...args: string[]) => startCli(program, args, { cwd: folder.path, env });
    const name = `/nix/store/${basename(hidden)}`;
    assert.match((await through('nix-store', '--query', '--references', name)).stderr, /is not valid/);
    const expression = `derivation {
      name = "built"; system = "${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-linux";
      builder = "\${builtins.storePath ${busybox}}/busybox"; args = [ "sh" "-c" "echo by an action > $out" ];
    }`;
    writeFileSync(join(folder.path, 'built.nix'), expression);
    const built = await through('nix-build', 'built.nix', '--no-out-link');
    assert.equal(built.status, 0, built.stderr);
    const ran = await waiting;
    assert.deepEqual([ran.exitCode, ran.stderr], [0, '']);
    assert.match(ran.stdout, /^by an action\nbase\nbuilt(\.drv)?\n/);
    assert.ok(!ran.stdout.includes('secret'));
    const again = await run('ls /nix/store | cut -c34-');
    assert.equal(again.stdout, 'base\n');
  });

  test('is refused it where the server gives none', async () => {
    await using other = await ServedFirn.start({ isHere: true });
    await using elsewhere = new RemoteShell(other.grpc);
    const refused = elsewhere.run({ arguments: ['/bin/true'], properties: { 'nix-daemon': '1' } });
    await assert.rejects(refused, {
      code: 'failedPrecondition',
      message: /no executor offers the platform property 'nix-daemon'/,
    });
  });
});
