import assert from 'node:assert/strict';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { removeTree } from '../../castore/index.ts';
import { type FaultPlan, MemoryStore, faultyFileSystem, injectNodeFaults, recordReports } from '../../testing/index.ts';
import { LocalStore, type LocalStoreOptions } from '../local/local-store.ts';
import { realisePaths } from './realise-paths.ts';
import { Substituters } from './substituters.ts';

/** In memory where there is such a place: every round syncs several times. */
function roundsFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'firn-test-'));
}

/** Two substituters that both have a closure of three paths. */
function makeSubstituters(): { stores: MemoryStore[]; top: ReturnType<MemoryStore['put']> } {
  const stores = [1, 2].map(priority => new MemoryStore({ uri: `memory://${priority}`, priority }));
  const tops = stores.map(store => store.put('top', [store.put('a'), store.put('b')]));
  const [top] = tops;
  if (top === undefined) throw new TypeError('there are two');
  return { stores, top };
}

async function realise(options: LocalStoreOptions, count: number): Promise<boolean> {
  const { stores, top } = makeSubstituters();
  await using store = new LocalStore({ ...options, requireSignatures: false });
  const substituters = new Substituters(stores.slice(0, count), { storeDir: store.storeDir, trust: store });
  return (await realisePaths(store, substituters, [top])).length === 0;
}

async function countSound(options: LocalStoreOptions): Promise<number> {
  const { reporter, reports } = recordReports();
  await using store = new LocalStore({ ...options, reporter });
  assert.equal(await store.upkeep.verify({ checkContents: true }), false, JSON.stringify(reports));
  const valid = store.paths.infos();
  for (const { references } of valid.values()) assert.ok(references.every(reference => valid.has(reference)));
  return valid.size;
}

const scenarios: (Pick<FaultPlan, 'errno' | 'stays'> & { readonly substituters: number })[] = [
  { errno: 'EIO', substituters: 1 },
  { errno: 'EIO', substituters: 2 },
  { errno: 'ENOSPC', stays: true, substituters: 2 },
];

describe('a substitution whose n-th file-system call fails', () => {
  for (const { substituters, ...scenario } of scenarios) {
    const name = `with ${scenario.errno}${scenario.stays === true ? ', as all do from then on' : ''}`;
    test(`${name}, from ${substituters} substituter(s)`, async () => {
      const folder = roundsFolder();
      try {
        for (let failAt = 0, succeeded = false; !succeeded; failAt++) {
          const place = join(folder, String(failAt));
          const options = { dataFolder: join(place, 'data'), realStoreDir: join(place, 'store') };
          const plan: FaultPlan = { ...scenario, calls: 0, failAt };
          let realised = false;
          {
            using _faults = injectNodeFaults(plan);
            try {
              realised = await realise({ ...options, fileSystem: faultyFileSystem(plan) }, substituters);
            } catch (error) {
              assert.ok(plan.failed !== undefined, String(error));
            }
          }
          succeeded = plan.failed === undefined;
          const valid = await countSound(options);
          if (realised) assert.equal(valid, 3);
          if (succeeded) assert.ok(realised);
          // What the failure left behind stands in nobody's way.
          assert.ok(await realise(options, 1));
          assert.equal(await countSound(options), 3);
          removeTree(place);
        }
      } finally {
        removeTree(folder);
      }
    });
  }
});
