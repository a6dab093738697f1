/** Substitutes argv[4...] from the binary cache argv[3] into the local store below argv[2], and says what it added. */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../src/base/index.ts';
import { parseStorePath } from '../../src/nix-compat/index.ts';
import { LocalStore, Substituters, realisePaths } from '../../src/store/index.ts';
import { openTestStore, recordReports } from '../../src/testing/index.ts';

const [folder = '', uri = '', ...paths] = process.argv.slice(2);
const { reporter, reports } = recordReports();
await using store = new LocalStore({
  dataFolder: join(folder, 'data'),
  realStoreDir: join(folder, 'store'),
  requireSignatures: false,
  reporter,
});
await using cache = await openTestStore(uri);
const substituters = new Substituters([cache], { storeDir: store.storeDir, trust: store, reporter });
writeSync(1, 'begin\n');
try {
  const failures = await realisePaths(store, substituters, paths.map(parseStorePath), { reporter });
  for (const { error } of failures) writeSync(1, `failed: ${error.message}\n`);
} catch (error) {
  writeSync(1, `failed: ${messageOf(error)}\n`);
}
for (const report of reports) if (report.kind === 'log') writeSync(1, `${report.text}\n`);
writeSync(1, 'end\n');
