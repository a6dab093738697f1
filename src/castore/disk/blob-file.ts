import { canonicalTime } from '../canonical-time.ts';
import type { Sha256 } from '../digest.ts';
import type { FsPath } from '../tree/fs-path.ts';
import type { FileSystem } from './file-system.ts';

/** What the file of a blob is to be. */
export interface BlobFileTraits {
  /** In bytes. */
  readonly size: number;
  readonly executable: boolean;
}

/** Where the file of a blob is below the folder `root`. */
export function blobPath(root: string, hash: Sha256, executable: boolean): string {
  return `${root}/${hash.slice(0, 2)}/${hash.slice(2)}${executable ? '.x' : ''}`;
}

/** 0444 or 0555. */
export function blobFileMode({ executable }: Pick<BlobFileTraits, 'executable'>): number {
  return executable ? 0o555 : 0o444;
}

/** Whether a file is at `path` that looks as the blob's was made to: who wrote to it since has changed its time. */
export function isUntouched(fs: Pick<FileSystem, 'lstatSync'>, path: FsPath, traits: BlobFileTraits): boolean {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true || (stats.mode & 0o777) !== blobFileMode(traits)) return false;
  return stats.size === traits.size && stats.mtimeMs === canonicalTime * 1000;
}
