import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { DiskBlobStore, digestOf } from '../../src/castore/index.ts';
import { processesNamed, uniqueName } from '../../src/testing/index.ts';
import { ActionFarm } from './action-farm.ts';
import { SlowBuild, built, clientOf, run } from './farm-builds.ts';
import { runCli } from './run-cli.ts';

/** Nobody is there. */
const gone = 'reapi://127.0.0.1:1 - - 4 9';

describe('a server of remote execution that builds, and', () => {
  test('forgets what it was sent', async () => {
    await using farm = await ActionFarm.start({ config: 'lease = 0' });
    const client = clientOf(farm, 'client', ['max-jobs = 1']);
    const name = uniqueName();
    const args = ['default.nix', '-A', 'behind', '--no-out-link'];
    await using going = client.spawn('nix-build', args, { PROCESS_NAME: name });
    await going.whenSaid(/^gate-waits$/m);
    const source = digestOf(Buffer.from('what the server forgets\n'));
    const data = join(farm.server.folder, 'data');
    // To ask the server for it would be a reason to keep it.
    await using blobs = new DiskBlobStore(data);
    do {
      const collected = runCli('nix-store', ['--gc'], { env: { FIRN_DATA: data } });
      assert.equal(collected.status, 0, collected.stderr);
    } while ((await blobs.get(source)) !== undefined);
    for (const each of processesNamed(name)) process.kill(each, 'SIGTERM');
    assert.equal(await going.end(), 0, going.said);
    assert.match(going.said, /^building '.*-behind.drv' on 'reapi:/m);
    assert.notEqual(await blobs.get(source), undefined);
    const text = '1\nopened\nwhat the server forgets\n';
    assert.equal(client.read(/^\/nix\/store\/.*-behind$/m.exec(going.said)?.[0] ?? ''), text);
  });

  test('is not there: others build', async () => {
    await using farm = await ActionFarm.start();
    const client = clientOf(farm, 'client', [`builders = ${gone} ; ${farm.machine()}`]);
    const { status, stderr } = run(client, 'top');
    assert.equal(status, 0, stderr);
    assert.equal(stderr.match(/^cannot build on 'reapi:\/\/127.0.0.1:1': cannot reach/gm)?.length, 1, stderr);
    const alone = clientOf(farm, 'alone', [`builders = ${gone}`, 'max-jobs = 1']);
    const here = run(alone, 'top');
    assert.equal(here.status, 0, here.stderr);
    assert.match(here.stderr, /^cannot build on 'reapi:\/\/127.0.0.1:1': cannot reach/m);
    const nobody = run(clientOf(farm, 'nobody', [`builders = ${gone}`]), 'top');
    assert.notEqual(nobody.status, 0);
    assert.match(nobody.stderr, /Reason: local builds are disabled \(max-jobs = 0\)/);
  });

  test('is killed: another one builds', async () => {
    await using first = await ActionFarm.start();
    await using second = await ActionFarm.start();
    const builders = `builders = ${first.machine('- - 1 9')} ; ${second.machine('- - 1 1')}`;
    await using slow = new SlowBuild(clientOf(second, 'client', [builders]));
    const before = await slow.processes();
    await first.server.stop('SIGKILL');
    await slow.client.whenSaid(new RegExp(`^building '.*' on 'reapi://${second.server.grpc}'[^]*^slow-begins$`, 'm'));
    for (const each of processesNamed(slow.name)) assert.ok(!before.includes(each));
    slow.client.kill('SIGINT');
    await slow.client.end();
    await slow.whenGone();
  });

  test('whose only slot an interrupted client had, has it again', async () => {
    await using farm = await ActionFarm.start({ execution: 'slots = 1' });
    const client = clientOf(farm, 'client', [`builders = ${farm.machine('- - 1')}`]);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      await using slow = new SlowBuild(client);
      await slow.processes();
      slow.client.kill(signal);
      await slow.client.end();
      await slow.whenGone();
    }
    built(client, 'base');
  });

  test('lets actions take less time than builds', async () => {
    await using farm = await ActionFarm.start({ execution: 'slots = 2\ndefault-timeout = 1' });
    await using slow = new SlowBuild(clientOf(farm, 'client'));
    assert.notEqual(await slow.client.end(), 0);
    assert.match(slow.client.said, /timed out on the server: the action took longer .*; it was told no 'timeout'/);
    assert.doesNotMatch(slow.client.said, /after 0 seconds/);
  });
});
