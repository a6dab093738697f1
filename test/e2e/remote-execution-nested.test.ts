import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { processesNamed, uniqueName } from '../../src/testing/index.ts';
import { ActionFarm, type FarmClient, type RunningClient } from './action-farm.ts';
import { addCommands, filesOfCommands } from './nix-for-builders.ts';

const expressions = readFileSync(join(import.meta.dirname, 'remote-execution-nested.nix'), 'utf8');

/** A builder that waits for another one, which goes on until it is ended. */
class WaitingBuild implements AsyncDisposable {
  readonly inner = uniqueName();
  readonly outer = uniqueName();
  readonly client: RunningClient;

  constructor(client: FarmClient, commands: string) {
    const env = { COMMANDS: commands, PROCESS_NAME: this.inner, OUTER_NAME: this.outer };
    this.client = client.spawn('nix-build', ['default.nix', '-A', 'waits', '--no-out-link'], env);
  }

  /** Resolves when both run. */
  async begun(): Promise<void> {
    await this.client.whenSaid(/^slow-begins$/m);
    for (const name of [this.inner, this.outer]) assert.notEqual(processesNamed(name).length, 0);
  }

  /** Resolves when nothing is left of either. */
  async gone(): Promise<void> {
    while ([this.inner, this.outer].some(name => processesNamed(name).length > 0)) await delay(20);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    for (const name of [this.inner, this.outer]) for (const each of processesNamed(name)) process.kill(each, 'SIGKILL');
  }
}

describe('builders that use Nix, at a server of remote execution with one slot', () => {
  let farm: ActionFarm;
  let client: FarmClient;
  let commands: string;

  before(async () => {
    farm = await ActionFarm.start({ execution: 'slots = 1' });
    const machine = farm.machine('- - 1 1 recursive-nix,builder-rpc-v0,ca-derivations');
    client = farm.client('client', [`builders = ${machine}`, `extra-sandbox-paths = ${filesOfCommands().join(' ')}`]);
    client.write('default.nix', expressions);
    commands = addCommands(client.folder, folder => client.expect('nix-store', ['--add', folder]));
  });
  after(() => farm?.[Symbol.asyncDispose]());

  const run = (attribute: string, name = '') =>
    client.run('nix-build', ['default.nix', '-A', attribute, '--no-out-link'], {
      env: { COMMANDS: commands, PROCESS_NAME: name },
    });
  const built = (attribute: string, name?: string): string => {
    const { status, stdout, stderr } = run(attribute, name);
    assert.equal(status, 0, stderr);
    return stdout.toString().trim();
  };

  /** The slot is free. */
  const another = (): void => {
    const name = uniqueName();
    assert.equal(client.read(built('again', name)), `${name}\n`);
  };

  test('add and build, and give their slots to what they wait for', () => {
    const outer = built('outer');
    const names = client.expect('nix-store', ['-qR', outer]).replaceAll(/^.*\/[^-]*-/gm, '');
    assert.deepEqual(names.split('\n').toSorted(), ['inner', 'one', 'outer']);
    assert.equal(client.read(built('two')), 'inner\ninner\n');
  });

  test('are told what has failed, and so is whoever wants them', () => {
    const { status, stderr } = run('fails');
    assert.equal(status, 1);
    assert.match(stderr, /^words of the inner builder$/m);
    assert.match(stderr, /Cannot build '.*-failing.drv'/);
    assert.match(stderr, /Cannot build '.*-fails.drv'.\n\s*Reason: builder failed with exit code 1\./);
  });

  test('submit outputs that they have added', () => {
    const path = built('submits');
    assert.match(client.expect('nix-store', ['-q', '--references', path]), /^[^\n]*-base$/);
  });

  test('end what they have begun when they end', async () => {
    await using waiting = new WaitingBuild(client, commands);
    await waiting.begun();
    for (const each of processesNamed(waiting.outer)) process.kill(each, 'SIGKILL');
    assert.notEqual(await waiting.client.end(), 0);
    assert.match(waiting.client.said, /Cannot build '.*-waits.drv'.\n\s*Reason: builder failed with exit code 137\./);
    await waiting.gone();
    another();
  });

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    test(`leave nothing when ${signal} ends their client`, async () => {
      await using waiting = new WaitingBuild(client, commands);
      await waiting.begun();
      waiting.client.kill(signal);
      await waiting.client.end();
      // What the inner builder is executed for is known to the server alone where its client was killed.
      if (signal === 'SIGKILL') for (const each of processesNamed(waiting.inner)) process.kill(each, 'SIGKILL');
      await waiting.gone();
      another();
    });
  }
});
