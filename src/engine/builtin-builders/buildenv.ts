import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, brandAs, bytesOf } from '../../base/index.ts';
import { EngineError } from '../error.ts';
import type { BuiltinBuild } from './builtin-builder.ts';
import { requireOut, requireVariable } from './derivation-variable.ts';
import { type LinkedPackage, linkPackages } from './link-packages.ts';

/** `builtin:buildenv`: an environment of the packages that the variable `derivations` lists, and its manifest. */
export function buildenv(build: BuiltinBuild): void {
  const { view, reporter, signal } = build;
  const out = requireOut(build);
  const packages = parsePackages(requireVariable(build, 'derivations'));
  const manifest = requireVariable(build, 'manifest');
  mkdirSync(out, { mode: 0o755, recursive: true });
  linkPackages(out, packages, { view, reporter, signal });
  symlinkSync(bytesOf(manifest), join(out, 'manifest.nix'));
}

/** Of each package: whether it is active, its priority, how many paths it has, and these. */
function parsePackages(text: ByteString): LinkedPackage[] {
  const words = text.split(/[ \t\n\r]+/).filter(word => word !== '');
  const packages: LinkedPackage[] = [];
  for (let at = 0; at < words.length;) {
    const [active, priority = '', count = ''] = words.slice(at, at + 3);
    const paths = words.slice(at + 3, at + 3 + Number(count));
    if (!/^-?[0-9]+$/.test(priority) || !/^[0-9]+$/.test(count) || paths.length < Number(count)) {
      const message = `attribute 'derivations' is no list of packages (each with 'true' or 'false', priority, number of paths and paths)`;
      throw new EngineError('builtin/bad-attribute', message);
    }
    for (const path of paths) {
      packages.push({ path: brandAs<ByteString>(path), active: active !== 'false', priority: Number(priority) });
    }
    at += 3 + paths.length;
  }
  return packages;
}
