import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { LocalExecutor, findControllers } from '../../exec/index.ts';
import { ActionRig } from '../../testing/index.ts';
import { wantedResources } from './wanted-resources.ts';

const executor = new LocalExecutor();
after(() => executor[Symbol.asyncDispose]());

const controllers = findControllers();

function platform(properties: Readonly<Record<string, string>>) {
  return { platform: { properties: Object.entries(properties).map(([name, value]) => ({ name, value })) } };
}

describe('what an action may take', () => {
  test('is read from its properties', () => {
    const read = (properties: Record<string, string[]>) => wantedResources(new Map(Object.entries(properties)));
    assert.deepEqual(read({}), { resources: undefined, disk: undefined });
    assert.deepEqual(read({ memory: ['512M', '1GiB'], cpu: ['0.5'], pids: ['20'], disk: ['10'] }), {
      resources: { memory: 512 * 2 ** 20, processors: 0.5, processes: 20 },
      disk: 10,
    });
    for (const [name, value] of [
      ['memory', '1.5G'],
      ['memory', '-1'],
      ['cpu', '0'],
      ['pids', 'many'],
      ['disk', '9999999999T'],
    ])
      assert.throws(() => read({ [name ?? '']: [value ?? ''] }), { code: 'action/malformed' }, value);
  });

  const skipMemory = controllers.memory === undefined && 'no control groups of memory here';
  test('of memory: who wants more is killed, and it is said why', { skip: skipMemory }, async () => {
    await using rig = new ActionRig(executor);
    const script = 'echo begun; head -c 300m /dev/zero | tail >/dev/null; echo "status $?"';
    const { stdoutDigest, stderrDigest } = await rig.ended(script, { action: platform({ memory: '64M' }) });
    assert.equal(await rig.read(stdoutDigest), 'begun\nstatus 137\n');
    assert.match(await rig.read(stderrDigest), /was killed, since all of it may take 67108864 bytes of memory\n$/);
  });

  const skipPids = controllers.pids === undefined && 'no control groups of processes here';
  test('of processes: who wants more gets none', { skip: skipPids }, async () => {
    await using rig = new ActionRig(executor);
    const script = 'for i in 1 2 3 4 5 6 7 8 9; do sleep 60 & done; echo all';
    const { exitCode, stderrDigest } = await rig.ended(script, { action: platform({ pids: '5' }) });
    assert.notEqual(exitCode, 0);
    assert.match(await rig.read(stderrDigest), /could not start a process, since it may have 5 at a time\n$/);
  });

  test('of the disk: who fills more is killed', async () => {
    await using rig = new ActionRig(executor);
    const fill = 'head -c 3m /dev/zero > /tmp/x; ls -s /tmp/x | grep -q ^1024; echo "tmp $?"';
    const action = platform({ disk: '1M' });
    const { stdoutDigest } = await rig.ended(fill, { action });
    assert.equal(await rig.read(stdoutDigest), 'tmp 0\n');
    await assert.rejects(rig.run('head -c 3m /dev/zero > x; sleep 60', { action }), { code: 'action/too-much-disk' });
  });

  test('of the network: a loopback interface of its own', async () => {
    await using rig = new ActionRig(executor, 'sha256', { network: true });
    const action = platform({ network: 'loopback' });
    const { stdoutDigest } = await rig.ended('cat /proc/net/dev | wc -l', { action });
    assert.equal(await rig.read(stdoutDigest), '3\n');
  });
});
