import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { processesNamed, uniqueName } from '../../src/testing/index.ts';
import type { ActionFarm, FarmClient, RunningClient } from './action-farm.ts';
import type { CliResult } from './run-cli.ts';

const expressions = readFileSync(join(import.meta.dirname, 'remote-execution-builds.nix'), 'utf8');

export function run(client: FarmClient, attribute: string, ...flags: string[]): CliResult {
  return client.run('nix-build', ['default.nix', '-A', attribute, '--no-out-link', ...flags]);
}

/** Where it is. */
export function built(client: FarmClient, attribute: string, ...flags: string[]): string {
  const { status, stdout, stderr } = run(client, attribute, ...flags);
  assert.equal(status, 0, stderr);
  return stdout.toString().trim();
}

/** What is said of a build that fails. */
export function failure(client: FarmClient, attribute: string, ...flags: string[]): string {
  const { status, stderr } = run(client, attribute, ...flags);
  assert.notEqual(status, 0, stderr);
  return stderr;
}

export function clientOf(farm: ActionFarm, name: string, settings: readonly string[] = []): FarmClient {
  const client = farm.client(name, settings);
  client.write('default.nix', expressions);
  return client;
}

/** A build that goes on until it is ended. */
export class SlowBuild implements AsyncDisposable {
  readonly name = uniqueName();
  readonly client: RunningClient;

  constructor(client: FarmClient, ...flags: string[]) {
    const args = ['default.nix', '-A', 'slow', '--no-out-link', ...flags];
    this.client = client.spawn('nix-build', args, { PROCESS_NAME: this.name });
  }

  /** Those of its builder, once it runs. */
  async processes(): Promise<readonly number[]> {
    await this.client.whenSaid(/^slow-begins$/m);
    const found = processesNamed(this.name);
    assert.notEqual(found.length, 0);
    return found;
  }

  async whenGone(): Promise<void> {
    while (processesNamed(this.name).length > 0) await delay(20);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    for (const each of processesNamed(this.name)) process.kill(each, 'SIGKILL');
  }
}
