import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { countProcesses, mountObstacle, temporaryFolder, uniqueName } from '../../src/testing/index.ts';
import { ServedFirn } from '../clients/served-firn.ts';
import { addTool } from './added-paths.ts';
import { RemoteShell, type ShellCommand } from './remote-shell.ts';

const skip = (await mountObstacle()) ?? false;

/** Of actions in the test of what they leave; 1,000 take some time. */
const manyActions = Number(process.env['FIRN_MANY_ACTIONS'] ?? '200');

const controlGroups = ['/sys/fs/cgroup', ...['cpu', 'memory', 'pids', 'unified'].map(name => `/sys/fs/cgroup/${name}`)];

function groupsOf(pid: number): string[] {
  const own = new RegExp(`^firn-${pid}-`);
  return controlGroups.flatMap(parent =>
    existsSync(parent) ? readdirSync(parent).filter(name => own.test(name)) : [],
  );
}

function hasGroups(): boolean {
  return controlGroups.some(parent => existsSync(join(parent, 'cgroup.procs')));
}

function mountsBelow(folder: string): string[] {
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return lines.map(line => line.split(' ')[1] ?? '').filter(place => place.startsWith(`${folder}/`));
}

/** What the server has of actions, at this moment. */
function holdingsOf({ pid, folder }: ServedFirn): Record<string, unknown> {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  const temporary = join(folder, 'data/tmp');
  return {
    descriptors: [String(pid), ...children].map(each => readdirSync(`/proc/${each}/fd`).length),
    childrenOfChildren: children.flatMap(each =>
      readFileSync(`/proc/${each}/task/${each}/children`, 'utf8').split(' ').filter(Boolean),
    ),
    views: readdirSync(join(folder, 'data/views', String(pid))).toSorted(),
    mounts: mountsBelow(folder),
    mountsSeen: readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
      .split('\n')
      .filter(line => line.includes(folder)).length,
    temporary: readdirSync(temporary).map(name => readdirSync(join(temporary, name)).toSorted()),
    actions: readdirSync(temporary).flatMap(name => {
      const actions = join(temporary, name, 'actions');
      return existsSync(actions) ? readdirSync(actions) : [];
    }),
    groups: groupsOf(pid),
  };
}

/** Looks until it is so; what is not, when the test has no time left. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(10);
}

describe('actions that see store paths', { skip }, () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let server: ServedFirn;
  let shell: RemoteShell;
  let tool: string;

  before(async () => {
    folder = temporaryFolder();
    const config = join(folder.path, 'firn.toml');
    writeFileSync(config, '[execution]\nslots = 20\n');
    const start = () => ServedFirn.start({ isHere: true, folder: folder.path, flags: ['--config', config] });
    server = await start();
    shell = new RemoteShell(server.grpc);
    tool = addTool(join(folder.path, 'data'));
    restart = async () => {
      await server.stop('SIGKILL');
      await shell[Symbol.asyncDispose]();
      const killed = server.pid;
      server = await start();
      shell = new RemoteShell(server.grpc);
      return killed;
    };
  });

  let restart: () => Promise<number>;

  after(async () => {
    await shell?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  });

  const limits: Record<string, string> = hasGroups() && process.geteuid?.() === 0 ? { pids: '50', memory: '64M' } : {};

  function command(script: string, properties: Record<string, string> = {}): ShellCommand {
    return { arguments: [`${tool}/bin/sh`, '-c', script], properties: { 'nix-closure': tool, ...properties } };
  }

  test(`${manyActions} of them leave nothing`, { timeout: 60_000 + manyActions * 1000 }, async () => {
    const name = uniqueName();
    const box = `${tool}/bin/busybox`;
    const stray = `(${box} setsid ${box} sh -c '${box} sleep 1000; : ${name}' </dev/null >/dev/null 2>&1 &)`;
    const kinds: (readonly [script: string, exitCode: number, properties?: Record<string, string>])[] = [
      [`${box} cat ${tool}/message`, 0],
      ['exit 3', 3],
      [`${box} sh -c 'kill -SEGV $$'; exit $?`, 139],
      [`echo x > ${tool}/new && ${box} rm ${tool}/message`, 0, { 'nix-writable': tool }],
      [`echo x > /new && ${box} rm /message`, 0, { 'nix-rootfs': tool }],
      [`${stray}; exit 4`, 4, limits],
      [`echo x > /tmp/x`, 0, { ...limits, disk: '1M', 'nix-writable': tool, 'nix-rootfs': tool }],
    ];
    const runKind = async (at: number) => {
      const [script, exitCode, properties] = kinds[at % kinds.length]!;
      const result = await shell.run(command(script, properties));
      assert.deepEqual([result.exitCode, result.message], [exitCode, ''], `${script}: ${result.stderr}`);
    };
    // Each once at least, several at a time: what is kept for the next is there then.
    await Promise.all(Array.from({ length: 3 * kinds.length }, (_, at) => runKind(at)));
    await until(() => countProcesses(name) === 0 && JSON.stringify(holdingsOf(server)['actions']) === '[]');
    const held = holdingsOf(server);
    let left = manyActions;
    const one = async () => {
      while (left > 0) await runKind(left--);
    };
    await Promise.all([one(), one(), one(), one()]);
    await until(() => JSON.stringify(holdingsOf(server)['actions']) === '[]');
    assert.equal(countProcesses(name), 0);
    assert.deepEqual(holdingsOf(server), held);
    assert.deepEqual(groupsOf(server.pid), []);
  });

  test(
    'leave nothing either where their server is killed, and the next one goes on',
    { timeout: 120_000 },
    async () => {
      const name = uniqueName();
      const script = `echo started; ${tool}/bin/busybox sleep 1000; : ${name}`;
      const kinds: Record<string, string>[] = [{}, limits, { 'nix-writable': tool }, { 'nix-rootfs': tool, ...limits }];
      const running = Array.from({ length: 20 }, (_, at) =>
        shell.run(command(script, kinds[at % kinds.length])).then(
          () => assert.fail('it ended'),
          () => undefined,
        ),
      );
      await until(() => countProcesses(`: ${name}`) === 20);
      const killed = await restart();
      await Promise.all(running);
      // Before any action: nobody may come.
      const data = join(folder.path, 'data');
      assert.deepEqual(mountsBelow(data), []);
      assert.deepEqual(readdirSync(join(data, 'views')), []);
      await until(() => countProcesses(`: ${name}`) === 0);
      const again = await shell.run(
        command(`${tool}/bin/busybox cat ${tool}/message`, { ...limits, 'nix-rootfs': tool }),
      );
      assert.deepEqual([again.stdout, again.stderr, again.message], ['as it was\n', '', '']);
      assert.deepEqual(mountsBelow(data), [join(data, 'views', String(server.pid))]);
      assert.deepEqual(readdirSync(join(data, 'views')), [String(server.pid)]);
      assert.deepEqual(groupsOf(killed), []);
      const temporary = join(data, 'tmp');
      assert.equal(readdirSync(temporary).length, 1, readdirSync(temporary).join(' '));
      assert.ok(readdirSync(temporary)[0]?.startsWith(`${server.pid}-`), readdirSync(temporary).join(' '));
    },
  );
});
