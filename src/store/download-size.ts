import type { PathInfo } from '../nix-compat/index.ts';

/** In bytes; 0 if nobody says. */
export function downloadSizeOf(info: PathInfo): number {
  return 'fileSize' in info && typeof info.fileSize === 'number' ? info.fileSize : 0;
}
