import { constants } from 'node:fs';
import { errnoOf } from '../../base/index.ts';
import { maxChunkSize } from '../chunks.ts';
import { type Digest, Digester, checkDigest, formatDigest, sha256ToBytes } from '../digest.ts';
import { CastoreError } from '../error.ts';
import type { FileNode } from '../node.ts';
import { isUntouched } from './blob-file.ts';
import type { BlobFiles, NewFile, TemporaryFile } from './blob-files.ts';
import { executableFile, plainFile } from './blob-schema.ts';
import type { DataFolder } from './data-folder.ts';
import { lockAgainstCollection } from './gc-lock.ts';

interface Stored {
  readonly files: number;
  readonly data: Uint8Array | undefined;
}

/** What this needs of its store. */
export interface VariantsOwner {
  readonly folder: DataFolder;
  readonly files: BlobFiles;
  find(digest: Digest): Stored | undefined;
}

/**
 * Makes the files that checkouts link to. A blob has a row, a plain file, an executable file, or several of them; it gets
 * the file that a checkout wants when it is first wanted. A file that is gone, or that does not bear the canonical time
 * and mode, is made again from what else holds the blob, or from itself if it has the digest (else `digest/mismatch`).
 */
export async function prepareFiles(
  owner: VariantsOwner,
  nodes: Iterable<FileNode>,
  signal?: AbortSignal,
): Promise<void> {
  using lock = await lockAgainstCollection(owner.folder, 'shared', signal);
  const wanted = new Map<string, { readonly node: FileNode; readonly stored: Stored }>();
  for (const node of nodes) {
    const key = `${node.digest.hash}${node.executable}`;
    if (wanted.has(key)) continue;
    const stored = owner.find(node.digest);
    if (stored === undefined) {
      throw new CastoreError('blob/missing', `the blob ${formatDigest(node.digest)} is not in the store`);
    }
    if ((stored.files & bitOf(node)) === 0 || !hasUntouched(owner, node)) wanted.set(key, { node, stored });
  }
  if (wanted.size === 0) return;
  const made: NewFile[] = [];
  try {
    for (const { node, stored } of wanted.values()) {
      signal?.throwIfAborted();
      made.push(await makeFile(owner, node, stored));
    }
    await owner.files.publish(made, lock);
  } catch (error) {
    for (const { temporary } of made) owner.files.remove(temporary);
    throw error;
  }
  owner.folder.database.transaction(() => {
    for (const { node } of wanted.values()) {
      owner.folder.database.run(upsert, sha256ToBytes(node.digest.hash), node.digest.size, bitOf(node));
    }
  });
}

// A row is there already but for the empty blob, which every store has without one.
const upsert = `INSERT INTO blobs (hash, size, files, data) VALUES (?, ?, ?, x'')
  ON CONFLICT (hash) DO UPDATE SET files = files | excluded.files`;

function bitOf(node: FileNode): number {
  return node.executable ? executableFile : plainFile;
}

function hasUntouched({ folder, files }: VariantsOwner, { digest, executable }: FileNode): boolean {
  return isUntouched(folder.fileSystem, files.path(digest.hash, executable), { size: digest.size, executable });
}

async function makeFile(owner: VariantsOwner, node: FileNode, stored: Stored): Promise<NewFile> {
  const { digest, executable } = node;
  using file = await owner.files.create(executable);
  if (stored.data !== undefined) await file.append(stored.data);
  else {
    const hasOther = (stored.files & ~bitOf(node)) !== 0;
    await copyFile(owner, { digest, executable: hasOther !== executable }, file);
  }
  file.finish();
  return { hash: digest.hash, executable, temporary: file.path };
}

/** Copies the file of `from`. That of the other mode is not shared, since a mode belongs to the file and not to its names. */
async function copyFile(
  owner: VariantsOwner,
  { digest, executable }: Pick<FileNode, 'digest' | 'executable'>,
  file: TemporaryFile,
): Promise<void> {
  const fs = owner.folder.fileSystem;
  const path = owner.files.path(digest.hash, executable);
  let fd: number;
  try {
    fd = fs.openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    const message = `the file '${path}' of the blob ${formatDigest(digest)} is gone: verify the store`;
    throw new CastoreError('blob/missing', message, { cause });
  }
  try {
    const digester = new Digester();
    const buffer = new Uint8Array(Math.min(maxChunkSize, digest.size));
    for (let left = digest.size; left > 0;) {
      const count = fs.readSync(fd, buffer, 0, Math.min(left, buffer.byteLength), null);
      if (count === 0)
        throw new CastoreError(
          'digest/mismatch',
          `the file of the blob ${formatDigest(digest)} is cut short: verify the store`,
        );
      digester.update(buffer.subarray(0, count), digest);
      await file.append(buffer.subarray(0, count));
      left -= count;
    }
    checkDigest(digester.finish(), digest);
  } finally {
    fs.closeSync(fd);
  }
}
