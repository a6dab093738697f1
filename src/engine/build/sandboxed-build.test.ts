import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { byteStringFromText, displayBytes } from '../../base/index.ts';
import type { Action, Executor, Mount, Outcome, Sandbox } from '../../exec/index.ts';
import { hashBytes, printStorePath } from '../../nix-compat/index.ts';
import { BuildRig, addTestPath } from '../../testing/index.ts';
import type { BuildSettings } from './build-settings.ts';

/** Runs nothing: makes the outputs where the builder would have, and remembers what it was told. */
class RecordingExecutor implements Executor {
  readonly actions: Action[] = [];
  obstacle: string | undefined;

  async run(action: Action): Promise<Outcome> {
    this.actions.push(action);
    const out = displayBytes(action.environment.get(byteStringFromText('out')) ?? byteStringFromText(''));
    writeFileSync(placeOf(sandboxOf(action), out), 'x');
    return { kind: 'exited', status: 0 };
  }

  async sandboxObstacle(): Promise<string | undefined> {
    return this.obstacle;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function sandboxOf({ place }: Action): Sandbox {
  assert.ok(place.kind === 'sandbox');
  return place;
}

/** Where on this machine what the sandbox calls `path` is. */
function placeOf({ mounts }: Sandbox, path: string): string {
  const mount = mounts.findLast(({ to }) => path === to || path.startsWith(`${to}/`));
  assert.ok(mount?.kind === 'bind', path);
  return mount.from + path.slice(mount.to.length);
}

function record(settings: Partial<BuildSettings> = {}) {
  const executor = new RecordingExecutor();
  const rig = new BuildRig({ executor, settings: { sandbox: 'true', ...settings } });
  return { executor, rig, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}

const mountAt = (sandbox: Sandbox, to: string): Mount | undefined => sandbox.mounts.find(mount => mount.to === to);

test('a sandbox shows the inputs, the folder, and nothing else of the machine', async () => {
  await using recorded = record();
  const { rig, executor } = recorded;
  const lower = await addTestPath(rig.store, 'lower');
  const input = await addTestPath(rig.store, 'input', [lower]);
  const { out } = await rig.built({ inputs: [input] });
  const [action] = executor.actions;
  assert.ok(action !== undefined && out !== undefined);
  const sandbox = sandboxOf(action);
  const { storeDir } = rig.store;
  assert.equal(sandbox.network, 'private');
  assert.equal(sandbox.hostName, 'localhost');
  assert.deepEqual(sandbox.user, { user: 1000, group: 100 });
  assert.equal(action.workingFolder, '/build');
  const shown = sandbox.mounts.flatMap(mount => (mount.kind === 'bind' ? [[mount.to, mount.writable] as const] : []));
  assert.deepEqual(
    new Map(shown.filter(([to]) => to !== '/dev/kvm')),
    new Map([
      ['/tmp', true],
      [String(storeDir), true],
      ['/build', true],
      [displayBytes(printStorePath(storeDir, lower)), false],
      [displayBytes(printStorePath(storeDir, input)), false],
    ]),
  );
  assert.deepEqual(mountAt(sandbox, '/etc'), { kind: 'folder', to: '/etc', mode: 0o555 });
  const hosts = mountAt(sandbox, '/etc/hosts');
  assert.ok(hosts?.kind === 'file');
  assert.equal(Buffer.from(hosts.contents).toString(), '127.0.0.1 localhost\n::1 localhost\n');
});

test('a fixed output has the network, and what names hosts', async () => {
  await using recorded = record();
  const { rig, executor } = recorded;
  const address = { method: 'flat', hash: hashBytes('sha256', Buffer.from('x')) } as const;
  await rig.built({ outputs: { out: { kind: 'fixed', address } } });
  const [action] = executor.actions;
  assert.ok(action !== undefined);
  const sandbox = sandboxOf(action);
  assert.equal(sandbox.network, 'host');
  assert.equal(mountAt(sandbox, '/etc/nsswitch.conf')?.kind, 'file');
  assert.equal(mountAt(sandbox, '/etc/hosts')?.kind, 'bind');
});

test('sandbox-paths: places, symlinks as they are, the closure of what is in the store, optional ones', async () => {
  await using other = new BuildRig();
  const folder = join(other.folder.path, 'host');
  mkdirSync(folder);
  symlinkSync('target', join(folder, 'link'));
  const paths = new Map([
    ['/data', { source: folder, optional: false }],
    ['/link', { source: join(folder, 'link'), optional: false }],
    ['/none', { source: join(folder, 'none'), optional: true }],
  ]);
  await using recorded = record({ sandboxPaths: paths });
  await recorded.rig.built({});
  const sandbox = sandboxOf(recorded.executor.actions[0] ?? assert.fail());
  const data = { kind: 'bind', from: folder, to: '/data', writable: true, is: 'folder' };
  assert.deepEqual(mountAt(sandbox, '/data'), data);
  assert.deepEqual(mountAt(sandbox, '/link'), { kind: 'symlink', to: '/link', target: 'target' });
  assert.equal(mountAt(sandbox, '/none'), undefined);
  const missing = new Map([['/none', { source: join(folder, 'none'), optional: false }]]);
  await using strict = record({ sandboxPaths: missing });
  const { status, message } = await strict.rig.failure({});
  assert.equal(status, 'MiscFailure');
  assert.equal(message, `getting attributes of path "${join(folder, 'none')}": No such file or directory`);
});

test('what a derivation wants of the machine must be allowed', async () => {
  const allowedImpureHostDeps = new Set(['/usr/lib']);
  await using recorded = record({ allowedImpureHostDeps });
  const { rig, executor } = recorded;
  await rig.built({ env: { __impureHostDeps: '/usr/lib' } });
  const sandbox = sandboxOf(executor.actions[0] ?? assert.fail());
  assert.equal(mountAt(sandbox, '/usr/lib')?.kind, 'bind');
  const { status, message } = await rig.failure({ name: 'other', env: { __impureHostDeps: '/usr/libexec' } });
  assert.equal(status, 'InputRejected');
  assert.match(message, /requested impure path '\/usr\/libexec', but it was not in allowed-impure-host-deps$/);
});

test('the pre-build hook adds paths', async () => {
  await using other = new BuildRig();
  const hook = join(other.folder.path, 'hook');
  writeFileSync(hook, '#!/bin/sh\necho extra-sandbox-paths\necho /shown=/usr\necho /etc/hostname\necho\n');
  chmodSync(hook, 0o755);
  await using recorded = record({ preBuildHook: hook });
  await recorded.rig.built({});
  const sandbox = sandboxOf(recorded.executor.actions[0] ?? assert.fail());
  const shown = { kind: 'bind', from: '/usr', to: '/shown', writable: true, is: 'folder' };
  assert.deepEqual(mountAt(sandbox, '/shown'), shown);
  writeFileSync(hook, '#!/bin/sh\necho something\n');
  await using wrong = record({ preBuildHook: hook });
  assert.equal((await wrong.rig.failure({})).message, "unknown pre-build hook command 'something'");
});

test('__noChroot is refused, or heeded where the sandbox is relaxed', async () => {
  await using strict = record();
  const { message } = await strict.rig.failure({ env: { __noChroot: '1' } });
  assert.match(message, /has '__noChroot' set, but that's not allowed when 'sandbox' is 'true'$/);
  await using relaxed = new BuildRig({ settings: { sandbox: 'relaxed' } });
  await relaxed.built({ env: { __noChroot: '1' } });
});

test('builders that may use Nix need the experimental feature, a service and outputs that are named by their contents', async () => {
  const env = { requiredSystemFeatures: 'recursive-nix' };
  const systemFeatures = new Set(['recursive-nix', 'builder-rpc-v0']);
  await using disabled = record({ systemFeatures });
  const { status, message } = await disabled.rig.failure({ env });
  assert.equal(status, 'InputRejected');
  assert.match(message, /^experimental Nix feature 'recursive-nix' is disabled/);
  const nestedModes = new Set(['build', 'submit'] as const);
  await using alone = record({ systemFeatures, nestedModes });
  assert.match((await alone.rig.failure({ env })).message, /^builders cannot use Nix here, as that of '.*' is to$/);
  const submitting = await alone.rig.failure({ env: { requiredSystemFeatures: 'builder-rpc-v0' } });
  assert.match(submitting.message, /^The builder-rpc-v0 feature may only be used with content-addressing derivations/);
});

test('where there can be no sandbox, builds go without or fail, as the settings say', async () => {
  const none = 'there is no room for one';
  await using recorded = record({ sandboxFallback: false });
  recorded.executor.obstacle = none;
  const { status, message } = await recorded.rig.failure({});
  assert.equal(status, 'MiscFailure');
  assert.ok(message.startsWith('this system does not support the kernel namespaces'), message);
  assert.ok(message.includes(none));
});
