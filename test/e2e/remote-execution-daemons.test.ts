import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findBusybox, mountObstacle } from '../../src/testing/index.ts';
import { ActionFarm } from './action-farm.ts';
import { addPath } from './added-paths.ts';
import { addCommands, filesOfCommands } from './nix-for-builders.ts';
import { RemoteShell } from './remote-shell.ts';
import { runCli } from './run-cli.ts';

const skip = (await mountObstacle()) ?? false;

/** A shell's line that fails where there is a network. */
const isAlone = "if grep : /proc/net/dev | grep -v ' *lo:'; then exit 1; fi";

/** What is in it is known to whoever executes it alone. */
const expression = `derivation {
  name = "random"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/bin";
  args = [ "-euc" "${isAlone}; cat /proc/sys/kernel/random/uuid > $out" ];
}`;

/** A server whose actions have daemons, and which builds nothing itself. */
async function startServer(builders: string): Promise<ActionFarm> {
  const config = [
    `builders = ${builders}`,
    'max-jobs = 0',
    'substituters =',
    'build-users-group =',
    `sandbox-paths = /bin/sh=${findBusybox()}`,
  ];
  return ActionFarm.start({ execution: 'nix-daemon = true', env: { NIX_CONFIG: config.join('\n') } });
}

/** A root file system with a shell and what our commands need. */
function addRoot(data: string): string {
  return addPath(data, 'root', folder => {
    const put = (file: string, source: string) => {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      copyFileSync(source, join(folder, file));
    };
    put('bin/busybox', findBusybox());
    symlinkSync('busybox', join(folder, 'bin/sh'));
    for (const file of filesOfCommands()) put(file, file);
  });
}

describe('servers whose actions have things built by another server', { skip }, () => {
  let third: ActionFarm;
  let servers: readonly ActionFarm[];

  before(async () => {
    third = await ActionFarm.start();
    servers = [await startServer(third.machine()), await startServer(third.machine())];
  });
  after(async () => {
    for (const server of servers ?? []) await server[Symbol.asyncDispose]();
    await third?.[Symbol.asyncDispose]();
  });

  test('share what is built once for all of them, by actions without network', async () => {
    const dataOf = ({ server }: ActionFarm) => join(server.folder, 'data');
    const file = join(third.server.folder, 'random.nix');
    writeFileSync(file, expression);
    const output = (data: string, program: string, args: readonly string[]): string => {
      const { status, stdout, stderr } = runCli(program, args, { env: { FIRN_DATA: data } });
      assert.equal(status, 0, stderr);
      return `/nix/store/${basename(stdout.toString().trim())}`;
    };
    const commands = addCommands(third.server.folder, folder => {
      const [first, second] = servers.map(server => output(dataOf(server), 'nix-store', ['--add', folder]));
      assert.equal(first, second);
      return first ?? '';
    });
    const prepared = servers.map(server => {
      const data = dataOf(server);
      return { server, root: addRoot(data), derivation: output(data, 'nix-instantiate', [file]) };
    });
    const results = await Promise.all(
      prepared.map(async ({ server, root, derivation }) => {
        await using shell = new RemoteShell(server.server.grpc);
        return await shell.run({
          arguments: ['/bin/sh', '-euc', `${isAlone}; cat $(${commands}/bin/nix-store -r ${derivation})`],
          environment: { HOME: '/build' },
          properties: {
            'nix-closure': `${commands} ${derivation}`,
            'nix-rootfs': root,
            'nix-daemon': '1',
            network: 'private',
          },
        });
      }),
    );
    for (const { message, exitCode, stderr } of results) assert.deepEqual([message, exitCode], ['', 0], stderr);
    const [first, second] = results.map(({ stdout }) => stdout);
    assert.match(first ?? '', /^[-0-9a-f]{36}\n$/);
    assert.equal(first, second);
  });
});
