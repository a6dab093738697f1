import { dirname } from 'node:path';
import { errnoOf } from '../../base/index.ts';
import type { FsPath } from '../tree/fs-path.ts';
import { blobFileMode, blobPath, isUntouched } from './blob-file.ts';
import { type BlobPlaces, type DraftFile, type DraftTree, linkFallbacks, sealDirectory } from './draft-writer.ts';
import type { FileSystem } from './file-system.ts';
import { sealFile } from './make-file.ts';
import { makeFolder } from './make-folder.ts';

/** Where a draft belongs. */
export interface Placing {
  readonly target: string;
  /**
   * Where what is at `target` goes, to be removed by the caller; nothing may be there unless given. With it, what the draft
   * has takes the place of blobs' files that are there.
   */
  readonly old?: string | undefined;
  /** Whether each file and folder is synced by itself; else the caller syncs the contents before and the names afterwards. */
  readonly durably: boolean;
}

/**
 * Gives the files of a draft the names of their blobs, and the draft its own. Its contents are made durable before, so that
 * a name that survives a crash stands for whole contents.
 *
 * The blob of a small file may be a file already, of another checkout: then both stay what they are.
 */
export function placeDraft(fs: FileSystem, draft: DraftTree, placing: Placing, blobs: BlobPlaces): void {
  const { target, old, durably } = placing;
  if (durably) for (const file of draft.files) if (!file.isLinked) sync(fs, file.path, 'fdatasyncSync');
  const linking = { blobs, renew: old !== undefined, beside: `${draft.path}.link`, madeShard: false };
  for (const file of draft.files) if (!file.isLinked) linkBlob(fs, file, linking);
  if (durably) for (const folder of draft.folders) sync(fs, folder, 'fsyncSync');
  if (old !== undefined && fs.lstatSync(target, { throwIfNoEntry: false }) !== undefined) fs.renameSync(target, old);
  fs.renameSync(draft.path, target);
  // Not before: to move a folder from one into another, its owner must be allowed to write to it.
  if (draft.root.kind === 'directory') sealDirectory(fs, target);
  if (!durably) return;
  if (draft.root.kind === 'directory') sync(fs, target, 'fsyncSync');
  const folders = new Set([dirname(target)]);
  for (const { hash, isLinked } of draft.files) if (!isLinked) folders.add(`${blobs.root}/${hash.slice(0, 2)}`);
  // Of a shard that is new, the name.
  if (linking.madeShard) folders.add(blobs.root);
  for (const folder of folders) sync(fs, folder, 'fsyncSync');
}

/** Moves a draft to where it belongs, where nothing is, without making anything durable. Returns what is there then. */
export function moveDraft(fs: FileSystem, draft: DraftTree, target: string): DraftTree {
  fs.renameSync(draft.path, target);
  if (draft.root.kind === 'directory') sealDirectory(fs, target);
  const moved = (path: FsPath): FsPath => {
    if (typeof path === 'string') return target + path.slice(draft.path.length);
    return Buffer.concat([Buffer.from(target), path.subarray(Buffer.byteLength(draft.path))]);
  };
  const files = draft.files.map(file => ({ ...file, path: moved(file.path) }));
  return { ...draft, path: target, files, folders: draft.folders.map(moved) };
}

/**
 * Makes a draft durable that was moved to where it belongs, file by file, and gives its files the names of their blobs,
 * which stand for whole contents as with `placeDraft`. The disk is waited for by others than this thread.
 */
export async function settleDraft(
  fs: FileSystem,
  tree: DraftTree,
  { blobs, beside }: { readonly blobs: BlobPlaces; readonly beside: string },
): Promise<void> {
  const files = tree.files.filter(file => !file.isLinked);
  await Promise.all(files.map(({ path }) => syncLater(fs, path, 'fdatasync')));
  const linking = { blobs, renew: false, beside, madeShard: false };
  for (const file of files) linkBlob(fs, file, linking);
  const folders = new Set<FsPath>([...tree.folders, dirname(tree.path)]);
  if (tree.root.kind === 'directory') folders.add(tree.path);
  for (const { hash } of files) folders.add(`${blobs.root}/${hash.slice(0, 2)}`);
  if (linking.madeShard) folders.add(blobs.root);
  await Promise.all(Array.from(folders, folder => syncLater(fs, folder, 'fsync')));
}

function syncLater(fs: FileSystem, path: FsPath, call: 'fsync' | 'fdatasync'): Promise<void> {
  return new Promise((resolve, reject) => {
    const fd = fs.openSync(path, 'r');
    fs[call](fd, error => {
      fs.closeSync(fd);
      if (error === null) resolve();
      else reject(error);
    });
  });
}

function sync(fs: FileSystem, path: FsPath, call: 'fsyncSync' | 'fdatasyncSync'): void {
  const fd = fs.openSync(path, 'r');
  try {
    fs[call](fd);
  } finally {
    fs.closeSync(fd);
  }
}

interface Linking {
  readonly blobs: BlobPlaces;
  /** Whether a file that is there already is replaced, whatever it looks like. */
  readonly renew: boolean;
  /** A name of nobody else's, for what replaces a file. */
  readonly beside: string;
  madeShard: boolean;
}

function linkBlob(fs: FileSystem, file: DraftFile, linking: Linking): void {
  const { blobs, renew, beside } = linking;
  const blob = blobPath(blobs.root, file.hash, file.executable);
  try {
    if (linkInto(fs, file, blob)) linking.madeShard = true;
  } catch (error) {
    const code = errnoOf(error) ?? '';
    if (code === 'EEXIST') {
      if (!renew && isUntouched(fs, blob, file)) return;
      linkInto(fs, file, beside);
      fs.renameSync(beside, blob);
    } else if (linkFallbacks.has(code)) {
      copyTo(fs, file, beside);
      fs.renameSync(beside, blob);
    } else throw error;
  }
}

/** Whether the folder had to be made. */
function linkInto(fs: FileSystem, { path }: DraftFile, blob: string): boolean {
  try {
    fs.linkSync(path, blob);
    return false;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    makeFolder(fs, blob.slice(0, blob.lastIndexOf('/')));
    fs.linkSync(path, blob);
    return true;
  }
}

/** Where the system does not want a link. */
function copyTo(fs: FileSystem, file: DraftFile, beside: string): void {
  fs.copyFileSync(file.path, beside);
  const fd = fs.openSync(beside, 'r');
  try {
    fs.fchmodSync(fd, blobFileMode(file));
    sealFile(fs, fd, blobFileMode(file));
    fs.fdatasyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
