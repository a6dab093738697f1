import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { removeTree } from '../../castore/index.ts';
import { type StorePath, parseStoreDir } from '../../nix-compat/index.ts';
import { LocalStore } from '../../store/index.ts';
import {
  type FaultPlan,
  faultyFileSystem,
  finishTestBuild,
  floating,
  injectNodeFaults,
  noise,
  recordReports,
  testPath,
} from '../../testing/index.ts';
import { registerOutputs } from './register-outputs.ts';

const scenarios: Pick<FaultPlan, 'errno' | 'stays'>[] = [{ errno: 'EIO' }, { errno: 'ENOSPC', stays: true }];

/** In memory where there is such a place: every round syncs several times. */
function roundsFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'firn-test-'));
}

/** Two outputs, one of which refers to the other. */
function leave(folder: string, [out, lib]: readonly [out: StorePath, lib: StorePath]): void {
  mkdirSync(join(folder, 'out', 'sub'), { recursive: true });
  writeFileSync(join(folder, 'out', 'large'), noise(40_000, 1));
  writeFileSync(join(folder, 'out', 'sub', 'run'), `uses ${lib}`, { mode: 0o755 });
  symlinkSync(out, join(folder, 'out', 'self'));
  writeFileSync(join(folder, 'lib'), noise(17_000, 2));
}

const addressings = {
  'input-addressed': { out: {}, lib: {} },
  floating: {
    out: { output: floating(), scratch: testPath('scratch') },
    lib: { output: floating(), scratch: testPath('scratch-lib') },
  },
};

describe('registering outputs when the n-th file-system call fails', () => {
  for (const [kind, outputs] of Object.entries(addressings)) {
    for (const scenario of scenarios) {
      test(`${kind}: ${scenario.errno}${scenario.stays === true ? ', as all do from then on' : ''}`, async () => {
        const folder = roundsFolder();
        try {
          let succeeded = false;
          for (let failAt = 0; !succeeded; failAt++) {
            const place = join(folder, String(failAt));
            const build = join(place, 'build');
            mkdirSync(build, { recursive: true });
            const finished = finishTestBuild(build, { outputs });
            const [lib, out] = Array.from(finished.outputs.values(), ({ scratch }) => scratch).toReversed();
            if (out === undefined || lib === undefined) throw new TypeError('there are two outputs');
            leave(build, [out, lib]);
            const storeDir = join(place, 'store');
            const options = {
              dataFolder: join(place, 'data'),
              storeDir: parseStoreDir(storeDir),
              realStoreDir: storeDir,
            };
            const register = { signal: new AbortController().signal, realisations: true };
            const plan: FaultPlan = { ...scenario, calls: 0, failAt };
            const fileSystem = faultyFileSystem(plan);
            let registered = false;
            {
              using _faults = injectNodeFaults(plan);
              try {
                await using store = new LocalStore({ ...options, fileSystem });
                await registerOutputs(store, finished, register);
                registered = true;
              } catch (error) {
                assert.ok(plan.failed !== undefined, String(error));
              }
            }
            succeeded = plan.failed === undefined;
            const valid = await assertSound(options);
            // All or none; a lock that could not be removed is no failure.
            assert.ok(registered ? valid === 2 : valid === 0 || valid === 2, `${valid} of 2 are valid`);
            // What the failure left behind stands in nobody's way.
            {
              await using store = new LocalStore(options);
              await registerOutputs(store, finished, register);
            }
            assert.equal(await assertSound(options), 2);
            removeTree(place);
          }
        } finally {
          removeTree(folder);
        }
      });
    }
  }
});

/** The number of valid paths. */
async function assertSound(options: ConstructorParameters<typeof LocalStore>[0]): Promise<number> {
  const { reporter, reports } = recordReports();
  await using store = new LocalStore({ ...options, reporter });
  assert.equal(await store.upkeep.verify({ checkContents: true }), false, JSON.stringify(reports));
  return store.paths.all().length;
}
