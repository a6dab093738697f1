import { statfsSync } from 'node:fs';
import { type ByteString, bold, displayBytes, normal } from '../../base/index.ts';
import { type StoreDir, printStorePath } from '../../nix-compat/index.ts';
import type { BuildSettings } from './build-settings.ts';
import { type Unbuildable, cannotBuild } from './cannot-build.ts';

export interface BuilderFailure extends Unbuildable {
  /** `failed with exit code 1`. */
  readonly end: string;
  /** Last lines of its log; none where they have been shown. */
  readonly tail: readonly ByteString[];
  /** Lines that come last. */
  readonly notes: readonly string[];
}

/** Why a build failed whose builder did: how it ended, the end of its log, and how to see the rest. */
export function describeBuilderFailure(
  storeDir: StoreDir,
  failure: BuilderFailure,
  { hasNixCommand }: Pick<BuildSettings, 'hasNixCommand'>,
): string {
  const { tail, path } = failure;
  const lines = [cannotBuild(storeDir, failure, `builder ${failure.end}`)];
  if (tail.length > 0) {
    lines.push(`Last ${tail.length} log lines:`, ...tail.map(line => `> ${displayBytes(line)}`));
    const command = hasNixCommand ? 'nix log' : 'nix-store -l';
    lines.push('For full logs, run:', `  ${bold}${command} ${displayBytes(printStorePath(storeDir, path))}${normal}`);
  }
  return [...lines, ...failure.notes].join('\n');
}

/** Bytes. With less a builder may have failed for want of space: C++ Nix's guess. */
const littleSpace = 8 * 1024 * 1024;

/** Whether one of the file systems of `folders` is (nearly) full. */
export function isDiskFull(folders: readonly string[]): boolean {
  return folders.some(folder => {
    try {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize < littleSpace;
    } catch {
      return false;
    }
  });
}
