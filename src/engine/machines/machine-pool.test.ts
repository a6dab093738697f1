import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseMachines } from '../../nix-compat/index.ts';
import { recordReports, temporaryFolder } from '../../testing/index.ts';
import type { BuildNeeds } from './build-needs.ts';
import { MachineHealth } from './machine-health.ts';
import { type MachineLease, MachinePool } from './machine-pool.ts';
import { SlotLocks } from './slot-locks.ts';

const needs: BuildNeeds = { system: 'test', features: new Set(), actionObstacle: undefined };
const never = new AbortController().signal;

/** Pools of two processes that know the same machine, which takes one build at a time. */
class Rig implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly here = this.#open();
  readonly there = this.#open();

  #open(): MachinePool {
    const context = { systems: new Set(['test']), workingDirectory: '/', readFile: () => undefined };
    return new MachinePool({
      machines: parseMachines('reapi://m - - 1', context),
      connect: () =>
        Promise.resolve({
          kind: 'actions',
          isReusable: false,
          build: () => Promise.reject(new Error('not asked for')),
          [Symbol.asyncDispose]: () => Promise.resolve(),
        }),
      locks: new SlotLocks(join(this.#folder.path, 'current-load')),
      health: new MachineHealth(),
      pollInterval: 100,
    });
  }

  /** Connected, as a build has it. */
  async lease(signal = never): Promise<MachineLease> {
    const lease = this.here.tryAcquire(needs);
    assert.ok(typeof lease === 'object');
    await lease.connect({ signal, reporter: recordReports().reporter });
    return lease;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.here[Symbol.asyncDispose]();
    await this.there[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

describe('a lease whose build waits for others', () => {
  test('gives them its slot, and has it again afterwards', async () => {
    await using rig = new Rig();
    using lease = await rig.lease();
    assert.equal(rig.there.tryAcquire(needs), 'busy');
    const waiting = rig.here.acquire({ needs, weight: 0, signal: never });
    await lease.yieldWhile(async () => {
      using other = await waiting;
      assert.ok(other !== undefined);
      assert.equal(rig.there.tryAcquire(needs), 'busy');
    });
    assert.equal(rig.there.tryAcquire(needs), 'busy');
    lease[Symbol.dispose]();
    const free = rig.there.tryAcquire(needs);
    assert.ok(typeof free === 'object');
    free[Symbol.dispose]();
  });

  test('waits for the slot where another process has it', async () => {
    await using rig = new Rig();
    using lease = await rig.lease();
    let other: MachineLease | 'none' | 'busy' = 'none';
    const goesOn = lease.yieldWhile(() => {
      other = rig.there.tryAcquire(needs);
      return Promise.resolve();
    });
    await Promise.resolve();
    assert.ok(typeof other === 'object');
    (other as MachineLease)[Symbol.dispose]();
    await goesOn;
    assert.equal(rig.there.tryAcquire(needs), 'busy');
  });

  test('has it again before builds that are to begin', async () => {
    await using rig = new Rig();
    using lease = await rig.lease();
    const [first, second] = [0, 0].map(weight => rig.here.acquire({ needs, weight, signal: never }));
    const goesOn = lease.yieldWhile(async () => void (await first));
    const other = await first;
    // By then it wants the slot again.
    await new Promise(resolve => setImmediate(resolve));
    other?.[Symbol.dispose]();
    const next = await Promise.race([goesOn.then(() => 'goes on'), second?.then(() => 'begins')]);
    assert.equal(next, 'goes on');
    lease[Symbol.dispose]();
    using last = await second;
    assert.ok(last !== undefined);
  });

  test('waits no more once its build is called off, or has ended', async () => {
    for (const ends of ['signal', 'end'] as const) {
      await using rig = new Rig();
      const stop = new AbortController();
      using lease = await rig.lease(stop.signal);
      using others = new DisposableStack();
      const goesOn = lease.yieldWhile(() => {
        const other = rig.there.tryAcquire(needs);
        assert.ok(typeof other === 'object');
        others.use(other);
        return Promise.resolve();
      });
      const rejected = assert.rejects(goesOn, ends === 'signal' ? /enough/ : /the build has ended/);
      if (ends === 'signal') stop.abort(new Error('enough'));
      else lease[Symbol.dispose]();
      await rejected;
      others.dispose();
      using free = rig.there.tryAcquire(needs) as MachineLease;
      assert.ok(typeof free === 'object');
    }
  });

  test('has no slot where waiting has failed', async () => {
    await using rig = new Rig();
    using lease = await rig.lease();
    await assert.rejects(
      lease.yieldWhile(() => Promise.reject(new Error('failed'))),
      /failed/,
    );
    const free = rig.there.tryAcquire(needs);
    assert.ok(typeof free === 'object');
    free[Symbol.dispose]();
  });
});
