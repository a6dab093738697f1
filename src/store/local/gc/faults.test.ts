import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { silentReporter } from '../../../base/index.ts';
import { DiskBlobStore, verifyBlobs } from '../../../castore/index.ts';
import { type StorePath, joinStorePath } from '../../../nix-compat/index.ts';
import {
  type FaultPlan,
  addTestPath,
  addTestRoot,
  faultyFileSystem,
  listTestStore,
  openLocalStoreIn,
  temporaryFolder,
} from '../../../testing/index.ts';
import type { LocalStore } from '../local-store.ts';
import { TemporaryRoots } from '../roots/temporary-roots.ts';
import { storeSchema } from '../store-schema.ts';
import { LocalCollector } from './local-collector.ts';

/** Adds what is missing of some live and some dead paths, and what others may leave; the live ones. */
async function fill(store: LocalStore, folder: string): Promise<StorePath[]> {
  const a = await addTestPath(store, 'a');
  const b = await addTestPath(store, 'b', [a]);
  const c = await addTestPath(store, 'c', [a]);
  await addTestPath(store, 'd', [c]);
  rmSync(join(folder, 'data', 'gcroots'), { recursive: true, force: true });
  addTestRoot(folder, b);
  mkdirSync(join(folder, 'data', 'gcroots', 'auto'));
  symlinkSync(join(folder, 'gone'), join(folder, 'data', 'gcroots', 'auto', 'stale'));
  writeFileSync(join(folder, 'data', 'temproots', '1'), '');
  writeFileSync(join(folder, 'store', '.links', 'unused'), '');
  writeFileSync(join(folder, 'store', `${a}.lock`), '');
  const leftover = join(folder, 'store', joinStorePath('l'.repeat(32), 'x'));
  mkdirSync(join(leftover, 'sub'), { recursive: true });
  chmodSync(leftover, 0o555);
  return [a, b].toSorted();
}

async function collectWith(folder: string, plan: FaultPlan): Promise<void> {
  const storeDir = join(folder, 'store');
  const failAt = plan.failAt;
  plan.failAt = Infinity;
  const fileSystem = faultyFileSystem(plan);
  await using blobs = new DiskBlobStore(join(folder, 'data'), { schemas: [storeSchema], fileSystem });
  await using plain = openLocalStoreIn(folder);
  using temporaryRoots = new TemporaryRoots(join(folder, 'data', 'temproots'), plain.storeDir, fileSystem);
  const collector = new LocalCollector({
    blobs,
    storeDir: plain.storeDir,
    realStoreDir: storeDir,
    temporaryRoots,
    derivations: plain.derivations,
    realisations: plain.realisations,
    reporter: silentReporter,
    requireWritable: () => {},
  });
  plan.calls = 0;
  plan.failAt = failAt;
  await collector.collect();
}

/** Whatever failed: what is live is whole, and what is valid is there. */
async function assertSound(store: LocalStore, live: readonly StorePath[]): Promise<void> {
  const valid = await store.index.allPaths();
  for (const path of live) assert.ok(valid.includes(path), `${path} is lost`);
  assert.equal(await store.upkeep.verify({ checkContents: true }), false);
  const problems = await Array.fromAsync(verifyBlobs(store.blobs));
  assert.deepEqual(
    problems.filter(({ kind }) => kind !== 'orphan'),
    [],
  );
}

const scenarios: Pick<FaultPlan, 'errno' | 'stays'>[] = [
  { errno: 'EIO' },
  { errno: 'ENOSPC', stays: true },
  { errno: 'EROFS', stays: true },
];

describe('a collection whose n-th file-system call fails', () => {
  for (const scenario of scenarios) {
    test(`with ${scenario.errno}${scenario.stays === true ? ', as all do from then on' : ''}`, async () => {
      using folder = temporaryFolder();
      const failed = new Set<string>();
      let live: StorePath[] = [];
      let isOver = false;
      for (let failAt = 0; !isOver; failAt++) {
        {
          await using store = openLocalStoreIn(folder.path);
          live = await fill(store, folder.path);
        }
        const plan: FaultPlan = { ...scenario, calls: 0, failAt };
        try {
          await collectWith(folder.path, plan);
          isOver = plan.failed === undefined;
        } catch (error) {
          assert.ok(plan.failed !== undefined, String(error));
          assert.match(String(error), new RegExp(scenario.errno));
        }
        if (plan.failed !== undefined) failed.add(plan.failed);
        await using store = openLocalStoreIn(folder.path);
        await assertSound(store, live);
      }
      const calls =
        scenario.stays === true
          ? ['openSync', 'chmodSync', 'mkdirSync', 'renameSync']
          : ['readlinkSync', 'readdirSync', 'lstatSync', 'renameSync', 'unlinkSync', 'rmdirSync', 'rmSync'];
      for (const call of calls) assert.ok(failed.has(call), `${call} did not fail, but ${[...failed].join(', ')}`);
      assert.deepEqual(listTestStore(folder.path), live);
    });
  }
});
