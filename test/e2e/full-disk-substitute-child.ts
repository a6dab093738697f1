/** With a file system of 4 MiB at argv[2]: fills it by a substitution, then shows that the store is sound and goes on. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree } from '../../src/castore/index.ts';
import { LocalStore, Substituters, realisePaths } from '../../src/store/index.ts';
import { openTestStore, recordReports, temporaryFolder } from '../../src/testing/index.ts';
import { makeClosureCache } from './closure-cache.ts';

const [disk = ''] = process.argv.slice(2);
const { blocks, bsize } = statfsSync(disk);
assert.ok(blocks * bsize <= 4 * 1024 * 1024, 'the small file system is not there');
using folder = temporaryFolder();

/** With a closure of ten paths whose files have these sizes. */
async function fill(place: string, fileSizes: readonly number[]): Promise<void> {
  mkdirSync(place);
  const ballast = join(place, 'ballast');
  writeFileSync(ballast, Buffer.alloc(500_000));
  const { reporter, reports } = recordReports();
  await using store = new LocalStore({
    dataFolder: join(place, 'data'),
    realStoreDir: join(place, 'store'),
    requireSignatures: false,
    reporter,
  });
  const substitute = async (name: string, paths: number, sizes: readonly number[]) => {
    const made = await makeClosureCache(mkdtempSync(join(folder.path, name)), { paths, fileSizes: sizes });
    await using cache = await openTestStore(made.uri);
    const substituters = new Substituters([cache], { storeDir: store.storeDir, trust: store, reporter });
    const failures = await realisePaths(store, substituters, made.paths.slice(-1), { reporter });
    return failures.map(({ error }) => error.code);
  };

  assert.equal((await substitute('large', 10, fileSizes)).length, 1);
  const said = reports.flatMap(report => (report.kind === 'log' ? [report.text] : []));
  const isFull = said.some(text => /ENOSPC|no space|disk is full/i.test(text));
  assert.ok(isFull, said.join('\n'));
  assert.equal(await store.upkeep.verify({ checkContents: true }), false, JSON.stringify(reports));
  rmSync(ballast);
  assert.deepEqual(await substitute('small', 2, [10_000, 300]), []);
}

for (const fileSizes of [[900_000], Array.from({ length: 120 }, () => 7000)]) {
  const place = join(disk, 'place');
  await fill(place, fileSizes);
  removeTree(place);
}
process.stdout.write('sound\n');
