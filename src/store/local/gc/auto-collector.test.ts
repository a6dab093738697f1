import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { recordReports, temporaryFolder } from '../../../testing/index.ts';
import type { CollectOptions } from '../../store.ts';
import { type AutoCollectOptions, AutoCollector } from './auto-collector.ts';

const variable = '_NIX_TEST_FREE_SPACE_FILE';
afterEach(() => delete process.env[variable]);

/** On a disk that pretends, with a clock that is set by hand. */
function makeRig(options: Partial<AutoCollectOptions> = {}, freeAfter = 1900) {
  const folder = temporaryFolder();
  const file = join(folder.path, 'free');
  const setFree = (bytes: number) => writeFileSync(file, `${bytes}\n`);
  process.env[variable] = file;
  const { reporter, reports } = recordReports();
  const clock = { now: 1_000_000 };
  const asked: (number | undefined)[] = [];
  let ending = Promise.withResolvers<void>();
  ending.resolve();
  const collector = {
    async collect({ maxFreed }: CollectOptions) {
      asked.push(maxFreed);
      await ending.promise;
      setFree(freeAfter);
      return { paths: [], bytesFreed: 0 };
    },
  };
  const auto = new AutoCollector(
    { collector, folder: folder.path, reporter, now: () => clock.now },
    { minFree: 1024, maxFree: 2048, checkInterval: 1000, keepOutputs: false, keepDerivations: true, ...options },
  );
  return {
    auto,
    asked,
    clock,
    setFree,
    said: () => reports.flatMap(report => (report.kind === 'log' ? [report.text] : [])),
    hold: () => (ending = Promise.withResolvers<void>()).resolve,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe('an automatic collection', () => {
  test('begins when less is free than wanted, and not sooner than the interval after the last look', async () => {
    using rig = makeRig();
    rig.setFree(1100);
    await rig.auto.check();
    rig.setFree(100);
    await rig.auto.check();
    assert.deepEqual(rig.asked, []);
    rig.clock.now += 1000;
    await rig.auto.check();
    assert.deepEqual(rig.asked, [1948]);
    assert.deepEqual(rig.said(), ['running auto-GC to free 1948 bytes']);
  });

  test('does not begin again where the last one could not free more', async () => {
    using rig = makeRig({}, 110);
    rig.setFree(100);
    await rig.auto.check();
    rig.clock.now += 5000;
    await rig.auto.check();
    assert.equal(rig.asked.length, 1);
    rig.setFree(50);
    rig.clock.now += 5000;
    await rig.auto.check();
    assert.equal(rig.asked.length, 2);
  });

  test('is one for all who ask meanwhile', async () => {
    using rig = makeRig();
    rig.setFree(100);
    const end = rig.hold();
    const all = [rig.auto.check(), rig.auto.check()];
    end();
    await Promise.all(all);
    assert.equal(rig.asked.length, 1);
  });

  test('never begins unless asked for, nor where more is free than is to be', async () => {
    for (const options of [{ minFree: 0 }, { maxFree: 50 }]) {
      using rig = makeRig(options);
      rig.setFree(100);
      await rig.auto.check();
      assert.deepEqual(rig.asked, []);
    }
  });

  test('that fails is warned of', async () => {
    using rig = makeRig();
    await rig.auto.check();
    assert.match(rig.said().join('\n'), /automatic garbage collection failed: .*ENOENT/);
  });
});
