import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { EngineError } from '../error.ts';
import { BuildRig, findBusybox, temporaryFolder } from '../../testing/index.ts';
import { ControlGroup } from './control-group.ts';

/** Why this process can make no control group; undefined where it can. */
async function obstacle(): Promise<string | undefined> {
  using folder = temporaryFolder();
  try {
    await using _group = await ControlGroup.make({ owner: undefined, dataFolder: folder.path });
    return undefined;
  } catch (error) {
    if (error instanceof EngineError) return error.message;
    throw error;
  }
}

const skip = (await obstacle()) ?? false;

describe('a control group', () => {
  test('is what a builder sees as the root of all, and gone afterwards', { skip }, async () => {
    const sandboxPaths = new Map([['/bin/sh', { source: findBusybox(), optional: false }]]);
    const settings = {
      sandbox: 'true',
      sandboxFallback: false,
      sandboxPaths,
      usesControlGroups: true,
      allowsControlGroups: true,
    } as const;
    await using rig = new BuildRig({ settings });
    const script = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; grep ^0: /proc/self/cgroup > $out';
    const result = await rig.build({ script });
    assert.ok('builtOutputs' in result.outcome);
    const [out] = result.outcome.builtOutputs.values();
    assert.ok(out !== undefined);
    assert.equal(readFileSync(rig.store.realPath(out.path), 'utf8'), '0::/\n');
    assert.ok(result.cpuUser !== undefined && result.cpuUser > 0n);
    await using group = await ControlGroup.make({ owner: undefined, dataFolder: rig.folder.path });
    const left = readdirSync(dirname(group.folder)).filter(name => name.startsWith(`nix-build-pid-${process.pid}-`));
    assert.deepEqual(left, [group.folder.split('/').at(-1)]);
  });

  test('of a user that was left is removed when the user has the next one', { skip }, async () => {
    using folder = temporaryFolder();
    const owner = { user: process.geteuid?.() ?? 0, group: process.getegid?.() ?? 0 };
    const left = await ControlGroup.make({ owner, dataFolder: folder.path });
    mkdirSync(join(left.folder, 'below'));
    await using group = await ControlGroup.make({ owner, dataFolder: folder.path });
    assert.equal(group.folder, left.folder);
    assert.ok(!existsSync(join(group.folder, 'below')));
  });

  test('cannot be had where there is no file system of them, or no feature', async () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'self'));
    writeFileSync(join(folder.path, 'self/mounts'), 'none /sys/fs/cgroup/cpu cgroup rw 0 0\n');
    const made = ControlGroup.make({ owner: undefined, dataFolder: folder.path, proc: folder.path });
    await assert.rejects(made, {
      code: 'build/no-control-group',
      message: /^cannot determine the cgroups file system/,
    });
    const sandboxPaths = new Map([['/bin/sh', { source: findBusybox(), optional: false }]]);
    await using rig = new BuildRig({ settings: { sandbox: 'true', sandboxPaths, usesControlGroups: true } });
    await assert.rejects(rig.build({}), { message: /^experimental Nix feature 'cgroups' is disabled/ });
  });
});
