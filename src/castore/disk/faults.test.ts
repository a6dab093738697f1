import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type FaultPlan, faultyFileSystem, noise, temporaryFolder } from '../../testing/index.ts';
import type { Node } from '../node.ts';
import { checkoutTree } from '../tree/checkout.ts';
import { importTree } from '../tree/import-tree.ts';
import { DiskBlobStore } from './disk-blob-store.ts';
import { verifyBlobs } from './verify-blobs.ts';

/** Inline blobs, files that are read whole, files that are streamed; more of them than are synced one by one. */
function makeSource(path: string): void {
  mkdirSync(join(path, 'sub'), { recursive: true });
  for (let i = 0; i < 10; i++) writeFileSync(join(path, `file${i}`), noise(20_000 + i, i));
  writeFileSync(join(path, 'sub', 'small'), 'small');
  writeFileSync(join(path, 'sub', 'streamed'), noise(600_000, 20));
}

async function addTree(store: DiskBlobStore, source: string): Promise<Node> {
  await using batch = store.batch();
  const node = await importTree(source, batch);
  await batch.commit();
  return node;
}

/** Whatever was interrupted, the store says the truth: only orphans, which repair removes, and it can be used at once. */
async function assertSound(data: string, source: string): Promise<void> {
  {
    await using store = new DiskBlobStore(data);
    await assertSoundStore(store, source);
  }
  // A folder that was made and could not be locked is removed by whoever opens the store a minute later.
  for (const left of readdirSync(join(data, 'tmp'))) assert.deepEqual(readdirSync(join(data, 'tmp', left)), []);
}

async function assertSoundStore(store: DiskBlobStore, source: string): Promise<void> {
  const problems = await Array.fromAsync(verifyBlobs(store, { repair: true }));
  assert.deepEqual(
    problems.filter(({ kind }) => kind !== 'orphan'),
    [],
  );
  const node = await addTree(store, source);
  await checkoutTree(store, node, join(store.folder.path, 'out'), { files: store });
  assert.deepEqual(await Array.fromAsync(verifyBlobs(store)), []);
}

const scenarios: Pick<FaultPlan, 'errno' | 'stays'>[] = [
  { errno: 'EIO' },
  { errno: 'ENOSPC', stays: true },
  { errno: 'EROFS', stays: true },
];

describe('an import whose n-th file-system call fails', () => {
  for (const scenario of scenarios) {
    test(`with ${scenario.errno}${scenario.stays === true ? ', as all do from then on' : ''}`, async () => {
      using folder = temporaryFolder();
      const source = join(folder.path, 'source');
      makeSource(source);
      let succeeded = 0;
      const failed = new Set<string>();
      for (let failAt = 0; succeeded === 0; failAt++) {
        const data = join(folder.path, String(failAt));
        const plan: FaultPlan = { ...scenario, calls: 0, failAt };
        try {
          await using store = new DiskBlobStore(data, { fileSystem: faultyFileSystem(plan) });
          const node = await addTree(store, source);
          if (node.kind === 'directory')
            await store.prepareFiles([{ kind: 'file', digest: node.digest, executable: true }]);
          if (plan.failed === undefined) succeeded++;
        } catch (error) {
          assert.ok(plan.failed !== undefined, String(error));
          assert.match(
            String(error),
            new RegExp(`${scenario.errno}|cannot use the data folder|Input/output|No space|Read-only`),
          );
          failed.add(plan.failed);
        }
        await assertSound(data, source);
      }
      for (const call of ['mkdirSync', 'open', 'write', 'syncFileSystem', 'renameSync'])
        assert.ok(failed.has(call), `${call} did not fail`);
    });
  }
});
