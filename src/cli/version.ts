import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Replaced by the bundler; not defined when run from source. */
declare const FIRN_VERSION: string | undefined;

/** The release of Nix that Firn behaves as. Scripts compare it to know what they may use. */
export const nixVersion = '2.34.8';

export function firnVersion(): string {
  if (typeof FIRN_VERSION === 'string') return FIRN_VERSION;
  const manifest = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  return /"version": "([^"]+)"/.exec(manifest)?.[1] ?? 'unknown';
}

/** The line that `program --version` prints. */
export function versionLine(program: string): string {
  return program === 'firn' ? `firn ${firnVersion()} (Nix ${nixVersion})` : `${program} (Nix) ${nixVersion}`;
}
