import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { bytesOf, errnoOf } from '../../base/index.ts';
import type { BlobStore } from '../blob-store.ts';
import { formatDigest } from '../digest.ts';
import { CastoreError } from '../error.ts';
import type { FileNode, Node } from '../node.ts';
import { canonicalTime } from '../canonical-time.ts';
import { type FsPath, displayFsPath } from './fs-path.ts';
import { removeTree } from './remove-tree.ts';
import { surveyTree } from './survey-tree.ts';
import { walkNodes } from './walk-nodes.ts';

/** A store whose blobs are files that can be linked: `DiskBlobStore`. */
export interface LinkableFiles {
  prepareFiles(nodes: Iterable<FileNode>, signal?: AbortSignal): Promise<void>;
  pathOf(node: FileNode): string;
}

export interface CheckoutOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * `canonical` (unless given): as a store path is on disk, modes 0444 and 0555, every time one second after the epoch.
   * `writable`: modes 0644 and 0755 less the umask, times of now.
   */
  readonly style?: 'canonical' | 'writable';
  /**
   * Where blobs are files. Canonical checkouts get hard links to them, so give it only where nobody can write through a
   * link; EPERM, EXDEV and EMLINK fall back to copies. Writable checkouts copy (sharing blocks where the system can).
   */
  readonly files?: LinkableFiles;
  /**
   * Who may write to the directories of a canonical checkout, whose files nobody may: they are his, mode 0755. He must be
   * another user than the one that blobs belong to, or could make links to blobs writable.
   */
  readonly folderOwner?: { readonly user: number; readonly group: number } | undefined;
  /** Files, directories and symlinks beyond which a tree is refused; 10 million unless given. */
  readonly maxNodes?: number;
}

/**
 * Writes the tree of `node` to `path`, which must not exist (`EEXIST` as the system reports it). On failure what was
 * made is removed. The result is not synced: a caller that records it as valid syncs first. Throws `blob/missing`,
 * `tree/too-deep` and `tree/too-many-nodes`: a tree of few blobs can have very many nodes, each blob many times.
 */
export async function checkoutTree(
  store: BlobStore,
  node: Node,
  path: FsPath,
  options: CheckoutOptions = {},
): Promise<void> {
  const { signal, files, style = 'canonical', folderOwner } = options;
  const survey = await surveyTree(store, node, options);
  await files?.prepareFiles(survey.files, signal);
  const canonical = style === 'canonical';
  let begun = false;
  try {
    for await (const visit of walkNodes(store, node, path, { signal })) {
      if (visit.step === 'leave') {
        if (folderOwner !== undefined) chownSync(visit.path, folderOwner.user, folderOwner.group);
        else if (canonical) sealDirectory(visit.path);
        continue;
      }
      await place(visit.path, visit.node);
      begun = true;
    }
  } catch (error) {
    if (begun) removeTree(path);
    throw error;
  }

  async function place(at: FsPath, what: Node): Promise<void> {
    switch (what.kind) {
      case 'directory':
        mkdirSync(at, 0o755);
        break;
      case 'symlink':
        symlinkSync(bytesOf(what.target), at);
        if (canonical) lutimesSync(at, canonicalTime, canonicalTime);
        break;
      case 'file':
        if (files !== undefined && canonical && tryLink(files.pathOf(what), at)) return;
        if (files === undefined) await writeBlob(store, what, at, signal);
        else copyFileSync(files.pathOf(what), at, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
        if (canonical) sealFile(what, at);
        else chmodSync(at, (what.executable ? 0o777 : 0o666) & ~ownUmask());
    }
  }
}

let umask: number | undefined;

/** Asked for once: the system tells it only by setting another one for a moment. */
function ownUmask(): number {
  return (umask ??= process.umask());
}

const linkFallbacks = new Set(['EPERM', 'EXDEV', 'EMLINK']);

/** False where the system refuses the link for a reason that does not stand in the way of a copy. */
function tryLink(from: string, to: FsPath): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (linkFallbacks.has(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

async function writeBlob(
  store: BlobStore,
  { digest }: FileNode,
  to: FsPath,
  signal: AbortSignal | undefined,
): Promise<void> {
  const chunks = await store.open(digest, { signal });
  if (chunks === undefined) {
    throw new CastoreError(
      'blob/missing',
      `the file '${displayFsPath(to)}' (${formatDigest(digest)}) is not in the store`,
    );
  }
  const fd = openSync(to, 'wx', 0o644);
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.byteLength;) at += writeSync(fd, chunk, at);
    }
  } catch (error) {
    rmSync(to, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function sealFile({ executable }: FileNode, path: FsPath): void {
  chmodSync(path, executable ? 0o555 : 0o444);
  utimesSync(path, canonicalTime, canonicalTime);
}

function sealDirectory(path: FsPath): void {
  chmodSync(path, 0o555);
  utimesSync(path, canonicalTime, canonicalTime);
}
