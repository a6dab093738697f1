/**
 * Bundles src/cli and everything it imports into dist/firn.js and its lazily loaded chunks. The folder is written
 * beside and renamed into place, so that a process that starts meanwhile sees the old bundle or the new one.
 */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = dirname(import.meta.dirname);
const version = /"version": "([^"]+)"/.exec(readFileSync(join(root, 'package.json'), 'utf8'))?.[1];
const target = join(root, 'dist');
const staging = mkdtempSync(join(root, '.dist-'));
await build({
  absWorkingDir: root,
  entryPoints: { firn: 'src/cli/main.ts' },
  outdir: staging,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  sourcemap: 'linked',
  define: { FIRN_VERSION: JSON.stringify(version) },
  logLevel: 'warning',
});
writeFileSync(join(staging, 'package.json'), '{"type":"module"}\n');
const old = `${staging}-old`;
if (existsSync(target)) renameSync(target, old);
renameSync(staging, target);
rmSync(old, { recursive: true, force: true });
