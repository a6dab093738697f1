import assert from 'node:assert/strict';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText, byteStringOf } from '../../base/index.ts';
import { type FileSystem, removeTree } from '../../castore/index.ts';
import {
  type FaultPlan,
  type TestTree,
  faultyFileSystem,
  injectNodeFaults,
  noise,
  offerTree,
  recordReports,
  temporaryFolder,
} from '../../testing/index.ts';
import type { PathAddition, TreeSource } from '../store.ts';
import { LocalStore, type LocalStoreOptions } from './local-store.ts';

const text = byteStringFromText;

function tree(seed: number): TestTree {
  const file = (size: number, executable = false) =>
    ({ type: 'file', executable, contents: byteStringOf(noise(size, seed + size)) }) as const;
  const sub = [
    [text('large'), file(40_000)],
    [text('run'), file(17_000, true)],
  ] as const;
  return {
    type: 'directory',
    entries: [
      [text('empty'), file(0)],
      [text('link'), { type: 'symlink', target: text('sub/run') }],
      [text('small'), file(100)],
      [text('sub'), { type: 'directory', entries: sub }],
    ],
  };
}

const below = offerTree(tree(1), { name: 'below' });

/** Two paths, of which one refers to the other. */
const additions = [offerTree(tree(2), { name: 'above', references: [below.path] }), below];

/** With sources that end together, so that both paths are committed in one group and every round makes the same calls. */
function inOneGroup(): PathAddition[] {
  const staged = Promise.withResolvers<void>();
  let count = 0;
  return additions.map(({ path, offers: [offer] }) => {
    const source: TreeSource = async (sink, drain, signal) => {
      await offer.source(sink, drain, signal);
      signal?.addEventListener('abort', () => staged.resolve());
      if (++count === additions.length || signal?.aborted === true) staged.resolve();
      await staged.promise;
    };
    return { path, offers: [{ ...offer, source }] };
  });
}

/** In memory where there is such a place: every round syncs several times. */
function roundsFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'firn-test-'));
}

async function assertSound(options: LocalStoreOptions): Promise<number> {
  const { reporter, reports } = recordReports();
  await using store = new LocalStore({ ...options, reporter });
  assert.equal(await store.upkeep.verify({ checkContents: true }), false, JSON.stringify(reports));
  const valid = store.paths.infos();
  for (const { references } of valid.values()) assert.ok(references.every(reference => valid.has(reference)));
  return valid.size;
}

const scenarios: Pick<FaultPlan, 'errno' | 'stays'>[] = [{ errno: 'EIO' }, { errno: 'ENOSPC', stays: true }];

/** Where the store directory is on another file system than the castore, as far as links go. */
function withoutLinks(fileSystem: FileSystem): FileSystem {
  const linkSync: FileSystem['linkSync'] = (from, to) => {
    if (!String(to).includes('/.links/')) return fileSystem.linkSync(from, to);
    throw Object.assign(new Error('EXDEV: cross-device link not permitted'), {
      code: 'EXDEV',
      errno: -18,
      syscall: 'link',
    });
  };
  return new Proxy(fileSystem, {
    get: (target, property, receiver): unknown =>
      property === 'linkSync' ? linkSync : Reflect.get(target, property, receiver),
  });
}

const always = ['mkdirSync', 'openSync', 'renameSync', 'symlinkSync', 'linkSync'];
const ways = [
  {
    by: 'drafts',
    adapt: (fileSystem: FileSystem) => fileSystem,
    calls: [...always, 'lutimesSync', 'writeSync', 'chmodSync', 'utimesSync', 'fdatasyncSync', 'fsyncSync'],
  },
  { by: 'blobs', adapt: withoutLinks, calls: [...always, 'open', 'syncFileSystem'] },
];

describe('an addition whose n-th file-system call fails', () => {
  for (const { by, adapt, calls } of ways) {
    for (const scenario of scenarios) {
      test(`with ${scenario.errno}${scenario.stays === true ? ', as all do from then on' : ''}, by ${by}`, async () => {
        const folder = roundsFolder();
        try {
          const failed = new Set<string>();
          let succeeded = false;
          for (let failAt = 0; !succeeded; failAt++) {
            const place = join(folder, String(failAt));
            const options = { dataFolder: join(place, 'data'), realStoreDir: join(place, 'store') };
            const plan: FaultPlan = { ...scenario, calls: 0, failAt };
            const fileSystem = adapt(faultyFileSystem(plan));
            let added = false;
            {
              using _faults = injectNodeFaults(plan);
              try {
                await using store = new LocalStore({ ...options, fileSystem });
                await store.writer.add(inOneGroup(), { checkSignatures: false });
                added = true;
              } catch (error) {
                assert.ok(plan.failed !== undefined, String(error));
              }
            }
            if (plan.failed === undefined) succeeded = true;
            else failed.add(plan.failed);
            const valid = await assertSound(options);
            if (added) assert.equal(valid, additions.length);
            // What the failure left behind stands in nobody's way.
            {
              await using store = new LocalStore(options);
              await store.writer.add(additions, { checkSignatures: false });
            }
            assert.equal(await assertSound(options), additions.length);
            removeTree(place);
          }
          for (const call of calls) assert.ok(failed.has(call), `${call} did not fail`);
        } finally {
          removeTree(folder);
        }
      });
    }
  }
});

test('a repair that does not get to the disk says so, though the path was valid before', async () => {
  using folder = temporaryFolder();
  const options = { dataFolder: join(folder.path, 'data'), realStoreDir: join(folder.path, 'store') };
  const only = new Set(['syncFileSystem']);
  const plan: FaultPlan = { errno: 'EIO', stays: true, calls: 0, failAt: Infinity, only };
  await using store = new LocalStore({ ...options, fileSystem: withoutLinks(faultyFileSystem(plan)) });
  await store.writer.add([below], { checkSignatures: false });
  plan.failAt = 0;
  await assert.rejects(store.writer.add([below], { checkSignatures: false, repair: true }), /EIO/);
  plan.failAt = Infinity;
  assert.ok(store.paths.isValid(below.path));
});
