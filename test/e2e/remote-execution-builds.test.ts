import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ActionFarm, type FarmClient } from './action-farm.ts';
import { binDir } from './run-cli.ts';
import { SlowBuild, built, clientOf, failure, run } from './farm-builds.ts';

describe('a server of remote execution that builds', () => {
  let farm: ActionFarm;
  let client: FarmClient;

  before(async () => {
    farm = await ActionFarm.start();
    client = clientOf(farm, 'client');
  });
  after(() => farm?.[Symbol.asyncDispose]());

  test('gives back what builds are made of, with references and logs', () => {
    const { status, stdout, stderr } = run(client, 'top');
    assert.equal(status, 0, stderr);
    const top = stdout.toString().trim();
    assert.equal(client.read(top), 'base\nbase\n');
    assert.match(stderr, /^building '.*-top.drv' on 'reapi:\/\//m);
    assert.match(stderr, /^building-base$/m);
    assert.match(stderr, /^building-middle$/m);
    const middle = built(client, 'middle');
    assert.equal(client.expect('nix-store', ['-q', '--references', middle]), built(client, 'base'));
    assert.equal(client.expect('nix-store', ['-q', '--references', top]), '');
    assert.equal(client.expect('nix-store', ['--read-log', built(client, 'base')]), 'building-base');
    client.expect('nix-store', ['--verify', '--check-contents']);
  });

  test('makes several outputs that refer to each other', () => {
    const out = built(client, 'several');
    assert.equal(client.read(`${out}/lib/file`), 'in out\n');
    assert.equal(client.read(built(client, 'usesDev')), `${out}\n`);
    const doc = built(client, 'several.doc');
    assert.equal(client.expect('nix-store', ['-q', '--references', doc]), built(client, 'several.dev'));
  });

  test('gives builders attributes as files, and graphs', () => {
    assert.equal(client.read(built(client, 'structured')), 'two words');
    assert.equal(client.read(built(client, 'passed')), 'as a file');
    const [base, middle] = [built(client, 'base'), built(client, 'middle')];
    const graph = client.read(built(client, 'graph'));
    assert.ok(graph.includes(`${base}\n\n0\n`) && graph.includes(`${middle}\n\n1\n${base}\n`), graph);
  });

  test('makes outputs that are known by their content, also where they name themselves', () => {
    const path = built(client, 'floating');
    assert.equal(client.read(`${path}/self`), `${path}/self\n`);
    assert.equal(client.read(built(client, 'onFloating')), `base\n${path}\n`);
    assert.match(client.expect('nix-store', ['-q', '--references', path]), new RegExp(`^${path}$`, 'm'));
    client.expect('nix-store', ['--verify', '--check-contents']);
  });

  test('tells what becomes of builders that fail', () => {
    const failed = failure(client, 'fails');
    assert.match(failed, /^it-breaks$/m);
    assert.match(failed, /Cannot build '.*-fails.drv'.\n\s+Reason: builder failed with exit code 3\./);
    const derivation = client.expect('nix-instantiate', ['default.nix', '-A', 'fails']);
    assert.equal(client.expect('nix-store', ['--read-log', derivation]), 'it-breaks');
    assert.match(
      failure(client, 'nothing'),
      /builder for '.*-nothing.drv' failed to produce output path for output 'out'/,
    );
    const absent = failure(client, 'absent');
    assert.match(absent, /^cannot execute '\/bin\/no-such-program': No such file or directory$/m);
    assert.match(absent, /Reason: builder failed with exit code 127\./);
  });

  test('tells of a builder that is killed', async () => {
    await using slow = new SlowBuild(client);
    for (const each of await slow.processes()) process.kill(each, 'SIGKILL');
    assert.equal(await slow.client.end(), 1);
    assert.match(slow.client.said, /Reason: builder failed with exit code 137\./);
  });

  test('ends what takes too long', async () => {
    await using slow = new SlowBuild(client, '--timeout', '1');
    assert.notEqual(await slow.client.end(), 0);
    assert.match(slow.client.said, /timed out after 1 seconds/);
    await slow.whenGone();
  });

  test('takes nothing that may need the network, and why is told', () => {
    const fixed = failure(client, 'fixed');
    assert.match(fixed, /^Failed to find a machine for remote build!$/m);
    const obstacle =
      /^'reapi:\/\/.*' runs actions, which it cannot be: it has a fixed output, for which it may use the network$/m;
    assert.match(fixed, obstacle);
    assert.match(fixed, /Reason: local builds are disabled \(max-jobs = 0\)/);
    assert.match(
      failure(client, 'fetched'),
      /^'reapi:.* runs actions, which it cannot be: it has a builder that is built in$/m,
    );
    // Elsewhere it is built, with what the server builds.
    assert.equal(client.read(built(client, 'fixed', '--max-jobs', '1', '--option', 'sandbox', 'false')), 'fixed');
  });

  test('is reached by a socket, too', () => {
    const nearby = clientOf(farm, 'nearby', [`builders = ${farm.machineNearby()}`]);
    const { status, stdout, stderr } = run(nearby, 'top');
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^building '.*-top.drv' on 'reapi\+unix:\/\/\//m);
    assert.equal(nearby.read(stdout.toString().trim()), 'base\nbase\n');
  });

  test('is found by the hook of another daemon', () => {
    const hooked = clientOf(farm, 'hooked');
    const hook = join(hooked.folder, 'hook.sh');
    // Under a name that is not taken for our own.
    writeFileSync(hook, `#!/bin/sh\nexec ${join(binDir, 'nix')} __build-remote "$@"\n`, { mode: 0o755 });
    const { status, stdout, stderr } = run(hooked, 'top', '--option', 'build-hook', hook);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^building '.*-top.drv' on 'reapi:\/\//m);
    assert.match(stderr, /^building-middle$/m);
    assert.equal(hooked.read(stdout.toString().trim()), 'base\nbase\n');
  });

  test('executes what several clients want once', async () => {
    const [one, two, three] = ['one', 'two', 'three'].map(name => clientOf(farm, name));
    assert.ok(one !== undefined && two !== undefined && three !== undefined);
    const args = ['default.nix', '-A', 'random', '--no-out-link'];
    const both = await Promise.all([one.start('nix-build', args), two.start('nix-build', args)]);
    const [first, second] = both.map(({ status, stdout, stderr }) => {
      assert.equal(status, 0, stderr);
      return stdout.toString().trim();
    });
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(one.read(first), two.read(second));
    assert.equal(three.read(built(three, 'random')), one.read(first));
  });

  test('has nothing left of a client that is interrupted', async () => {
    await using slow = new SlowBuild(client);
    await slow.processes();
    slow.client.kill('SIGINT');
    assert.notEqual(await slow.client.end(), 0);
    await slow.whenGone();
  });
});
