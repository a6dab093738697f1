/**
 * Writes lib/: what the package exports for use as a library, one ES module a folder (sharing chunks), what they start
 * threads from, and the types.
 * Only a published package needs it; the command line has its own bundle (build.ts).
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleLibrary } from './bundle.ts';
import { buildCore } from './build-core.ts';

const root = dirname(import.meta.dirname);
const target = join(root, 'lib');
const exported = [...readFileSync(join(root, 'package.json'), 'utf8').matchAll(/"default": "\.\/lib\/([a-z-]+)\.js"/g)];
const folders = exported.map(([, folder = '']) => folder);

rmSync(target, { recursive: true, force: true });
await buildCore();
await bundleLibrary(folders, target);
execFileSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-b', ...folders.map(folder => `src/${folder}`)],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
for (const core of ['core.wasm', 'core-observed.wasm']) cpSync(join(root, 'dist', core), join(target, core));
mkdirSync(join(target, 'types'));
for (const folder of folders)
  cpSync(join(root, '.cache/types', folder), join(target, 'types', folder), { recursive: true });
