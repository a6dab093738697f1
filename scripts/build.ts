/**
 * Compiles src/core (build-core.ts), and bundles src/cli and everything it imports into dist/firn.cjs. The folder is written beside and renamed into place, so
 * that a process that starts meanwhile sees the old bundle or the new one.
 *
 * One CommonJS file, because start-up is a feature: the loader of ES modules costs 5 ms and every further file about
 * 1 ms, whereas functions of a single file that are not called cost next to nothing (V8 compiles them lazily, and the
 * compile cache keeps those that were). Modules behind an `import()` still run only when that is reached.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync } from 'node:fs';
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
  // The bundle comes last: its time stands for that of everything in dist.
  await buildCore();
  const names = await bundle({ firn: 'src/cli/main.ts' }, staging);
  // File by file, the bundle last: whoever starts meanwhile finds the old one or the new one. Its time is that of the
  // start, so that a source that was changed meanwhile is newer.
  mkdirSync(target, { recursive: true });
  for (const file of names.flatMap(name => [`${name}.cjs.map`, `${name}.cjs`])) {
    utimesSync(join(staging, file), started, started);
    renameSync(join(staging, file), join(target, file));
  }
} finally {
  rmSync(staging, { recursive: true, force: true });
}
