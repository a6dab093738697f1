import {
  type CallOptions,
  type CheckoutOptions,
  type Digest,
  CastoreError,
  type DiskBlobStore,
  type ForeignDigest,
  checkoutTree,
  decodeForeignDirectory,
  findMissingForeign,
  formatForeignDigest,
  importForeignDirectory,
  importGitDirectory,
  lockAgainstCollection,
  maxDirectorySize,
} from '../../castore/index.ts';
import type { UserIds } from '../../exec/index.ts';
import { foreignStoreOf } from '../action-cache/resolve-blobs.ts';
import { ReapiError } from '../error.ts';
import { applyNodeProperties } from './node-properties.ts';

export interface StageOptions extends CallOptions {
  /** Where the input root is to be; nothing is there. */
  readonly path: string;
  /** Whose it is to be. */
  readonly owner: UserIds | undefined;
  /** Files, directories and symlinks beyond which an input root is refused. */
  readonly maxNodes: number;
}

/**
 * Makes an input root that its owner may write to. If that is somebody else than we are, files are links of blobs, which he
 * may replace and remove but not change; we ourselves could make them writable, so that they are copies then.
 *
 * Returns its digest as ours. Throws `blobs/missing` with all that is absent, and `action/malformed` for what is no tree or too large a one.
 */
export async function stageInputs(store: DiskBlobStore, root: ForeignDigest, options: StageOptions): Promise<Digest> {
  const { path, owner, maxNodes, signal } = options;
  using _lock = await lockAgainstCollection(store.folder, 'shared', signal);
  try {
    const digest = await importRoot(store, root, signal);
    const style = stagingStyle(store, owner);
    await checkoutTree(store, { kind: 'directory', digest }, path, { signal, maxNodes, ...style });
    if (mayHaveProperties(root, digest)) await applyNodeProperties(store, root, { path, owner, signal });
    return digest;
  } catch (error) {
    if (!(error instanceof CastoreError) || error.code.startsWith('data-folder/')) throw error;
    if (error.code === 'blob/missing') throw await missingInputs(store, root, error);
    throw new ReapiError('action/malformed', `the input root cannot be made: ${error.message}`, { cause: error });
  }
}

/** How trees are made that an action's `owner` may write to: see `stageInputs`. */
export function stagingStyle(
  store: DiskBlobStore,
  owner: UserIds | undefined,
): Pick<CheckoutOptions, 'files' | 'folderOwner' | 'style'> {
  const areLinks = owner !== undefined && owner.user !== process.geteuid?.();
  return { files: store, ...(areLinks ? { folderOwner: owner } : { style: 'writable' }) };
}

/** What is as we would write it has none. */
function mayHaveProperties(root: ForeignDigest, digest: Digest): boolean {
  return root.function !== 'gittree' && !(root.function === 'sha256' && root.hash === digest.hash);
}

async function importRoot(store: DiskBlobStore, root: ForeignDigest, signal: AbortSignal | undefined): Promise<Digest> {
  const foreign = foreignStoreOf(store);
  if (root.function === 'gittree') return (await importGitDirectory(root, foreign, { signal })).directory;
  return importForeignDirectory(root, foreign, { signal, maxDepth: 64 });
}

/** Absent blobs that a client is told of at once; it asks again for the rest. */
const maxMissing = 10_000;

/** What of an input root is absent, as far as its messages that are there say. */
async function missingInputs(store: DiskBlobStore, root: ForeignDigest, cause: CastoreError): Promise<ReapiError> {
  const message = `the input root ${formatForeignDigest(root)} is not whole: ${cause.message}`;
  // Who speaks of git's trees knows all of theirs.
  if (root.function === 'gittree') return new ReapiError('blobs/missing', message, { cause, missing: [root] });
  const seen = new Set<string>();
  const missing: ForeignDigest[] = [];
  let level: ForeignDigest[] = [root];
  while (level.length > 0 && missing.length < maxMissing) {
    const fresh = level.filter(digest => {
      const key = formatForeignDigest(digest);
      return !seen.has(key) && seen.add(key);
    });
    const below: ForeignDigest[] = [];
    for (const directory of fresh) {
      const entries = await readEntries(store, directory);
      if (entries === undefined) {
        missing.push(directory);
        continue;
      }
      const files: ForeignDigest[] = [];
      for (const { node } of entries) {
        if (node.kind === 'symlink') continue;
        const digest = { function: root.function, ...node.digest };
        if (node.kind === 'directory') below.push(digest);
        else if (!seen.has(formatForeignDigest(digest))) files.push(digest);
      }
      for (const digest of files) seen.add(formatForeignDigest(digest));
      missing.push(...(await findMissingForeign(store, store.blobAliases, files)));
    }
    level = below;
  }
  return new ReapiError('blobs/missing', message, { cause, missing: missing.length > 0 ? missing : [root] });
}

async function readEntries(store: DiskBlobStore, directory: ForeignDigest) {
  const [digest] = await store.blobAliases.find([directory]);
  const bytes = digest && (await store.get(digest, { limit: maxDirectorySize }));
  if (bytes === undefined) return undefined;
  try {
    return decodeForeignDirectory(bytes, directory.function).entries;
  } catch (error) {
    // What is wrong with it is said by whoever reads all of it.
    if (error instanceof CastoreError) return [];
    throw error;
  }
}
