import { setImmediate as turn } from 'node:timers/promises';
import {
  type CallOptions,
  type Digest,
  type DiskBlobStore,
  CastoreError,
  decodeDirectory,
  formatDigest,
  maxDirectorySize,
} from '../../castore/index.ts';

export interface CheckedTree {
  /** Of the directories and files of the tree, each once, in bytes. */
  readonly size: number;
  /** Those that are absent: not what is below absent directories. */
  readonly missing: readonly Digest[];
}

/** How many directories are read before others have the thread. */
const directoriesAtOnce = 64;

/** How many files are looked for at once. */
const filesAtOnce = 1000;

/** Whether all of a tree of ours is in the store. Each directory is read once, however often it occurs. */
export async function checkTree(store: DiskBlobStore, root: Digest, options: CallOptions = {}): Promise<CheckedTree> {
  const seen = new Set<string>();
  const missing: Digest[] = [];
  let size = 0;
  let files: Digest[] = [];
  const isNew = (digest: Digest) => {
    const key = formatDigest(digest);
    if (seen.has(key)) return false;
    seen.add(key);
    size += digest.size;
    return true;
  };
  const lookForFiles = async () => {
    missing.push(...(await store.findMissing(files, options)));
    files = [];
  };
  const pending = [root];
  for (let digest = pending.pop(); digest !== undefined; digest = pending.pop()) {
    if (!isNew(digest)) continue;
    if (seen.size % directoriesAtOnce === 0) await turn(undefined, { signal: options.signal });
    const bytes = readIfThere(store, digest);
    if (bytes === undefined) {
      missing.push(digest);
      continue;
    }
    for (const { node } of decodeDirectory(bytes).entries) {
      if (node.kind === 'directory') pending.push(node.digest);
      else if (node.kind === 'file' && isNew(node.digest)) files.push(node.digest);
    }
    if (files.length >= filesAtOnce) await lookForFiles();
  }
  await lookForFiles();
  return { size, missing };
}

/** A directory whose file is damaged is as good as absent. */
function readIfThere(store: DiskBlobStore, digest: Digest): Uint8Array | undefined {
  try {
    return store.getSync(digest, { limit: maxDirectorySize });
  } catch (error) {
    if (error instanceof CastoreError && error.code === 'digest/mismatch') return undefined;
    throw error;
  }
}
