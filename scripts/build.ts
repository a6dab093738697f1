/**
 * Compiles src/core (build-core.ts), bundles src/cli and everything it imports into dist/firn.cjs (where a process starts) and
 * dist/firn-run.cjs, and makes a snapshot of a process that has loaded it, dist/firn.snapshot (docs/adr/0009). The folder is written beside and renamed into place, so
 * that a process that starts meanwhile sees the old files or the new ones.
 *
 * One CommonJS file, because start-up is a feature: the loader of ES modules costs 5 ms and every further file about
 * 1 ms, whereas functions of a single file that are not called cost next to nothing (V8 compiles them lazily, and the
 * compile cache keeps those that were). Modules behind an `import()` still run only when that is reached.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildCore } from './build-core.ts';
import { bundle } from './bundle.ts';

const started = new Date();
const root = dirname(import.meta.dirname);
const target = join(root, 'dist');
const cache = join(root, '.cache');
mkdirSync(cache, { recursive: true });
const staging = mkdtempSync(join(cache, 'dist-'));
try {
  await buildCore();
  const snapshot = 'firn-snapshot';
  const loader = 'load-for-snapshot';
  const onlyForSnapshot = { [snapshot]: 'src/cli/snapshot.ts', [loader]: `scripts/${loader}.ts` };
  const entries = { ...onlyForSnapshot, 'firn-run': 'src/cli/run.ts', firn: 'src/cli/main.ts' };
  const names = (await bundle(entries, staging)).filter(name => !Object.hasOwn(onlyForSnapshot, name));
  makeSnapshot({ loader: join(staging, `${loader}.cjs`), script: join(staging, `${snapshot}.cjs`) });
  // File by file, the bundle last: whoever starts meanwhile finds the old one or the new one. Its time stands for that of
  // everything in dist, and is that of the start, so that a source that was changed meanwhile is newer.
  mkdirSync(target, { recursive: true });
  const made = names.flatMap(name => [`${name}.cjs.map`, `${name}.cjs`]);
  for (const file of ['firn.snapshot', ...made]) {
    if (!existsSync(join(staging, file))) continue;
    utimesSync(join(staging, file), started, started);
    renameSync(join(staging, file), join(target, file));
  }
} finally {
  rmSync(staging, { recursive: true, force: true });
}

/** Where this Node cannot make one, the launcher does without: start-up takes a little longer. */
function makeSnapshot({ loader, script }: { readonly loader: string; readonly script: string }): void {
  const snapshot = join(staging, 'firn.snapshot');
  rmSync(join(target, 'firn.snapshot'), { force: true });
  try {
    // Without compiled code of all of Node's own modules, of which few are ever loaded: it is half of the file.
    const config = { builder: loader, withoutCodeCache: true };
    const configFile = `${script}.json`;
    writeFileSync(configFile, JSON.stringify(config));
    // Warnings as in the launcher: which are shown is kept in the snapshot once there was one, as there is of node:vm.
    const options = ['--disable-warning=ExperimentalWarning', `--snapshot-blob=${snapshot}`];
    execFileSync(process.execPath, [...options, '--build-snapshot-config', configFile, script], { stdio: 'pipe' });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`firn: no start-up snapshot, the commands start slower: ${reason.slice(0, 300)}\n`);
    rmSync(snapshot, { force: true });
  }
}
