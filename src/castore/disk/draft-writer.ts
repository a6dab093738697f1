import {
  type ByteString,
  type Sha256Hasher,
  type TreeSink,
  bytesOf,
  displayBytes,
  errnoOf,
  sha256Hasher,
  toHex,
} from '../../base/index.ts';
import { canonicalTime } from '../canonical-time.ts';
import { type Digest, type Sha256, digestOf, emptyDigest, sha256FromHex } from '../digest.ts';
import { encodeDirectory, maxDirectoryEntries, maxDirectorySize } from '../directory.ts';
import { checkEntryName, checkSymlinkTarget } from '../entry-name.ts';
import { CastoreError } from '../error.ts';
import type { DirectoryEntry, Node } from '../node.ts';
import { type FsPath, joinFsPath } from '../tree/fs-path.ts';
import { blobFileMode, blobPath, isUntouched } from './blob-file.ts';
import type { FileSystem } from './file-system.ts';
import { sealFile } from './make-file.ts';

/** A file of a draft. */
export interface DraftFile extends Digest {
  readonly executable: boolean;
  readonly path: FsPath;
  /** Whether it is a link of the blob's file already. */
  readonly isLinked: boolean;
}

/** A tree that was written as a checkout is, but for its root, which is not sealed yet so that it can be moved. */
export interface DraftTree {
  readonly path: string;
  readonly root: Node;
  /** Those that are not empty. */
  readonly files: readonly DraftFile[];
  /** Those below the root. */
  readonly folders: readonly FsPath[];
  /** Encoded, each once. */
  readonly directories: readonly Uint8Array[];
}

/** Where the files of blobs are. */
export interface BlobPlaces {
  readonly root: string;
  /**
   * A file of more bytes than this becomes a link of the blob's file where there is one. A smaller one is a file of its
   * own, as many links to one inode would save little.
   */
  readonly smallFile: number;
}

interface Frame {
  readonly path: FsPath;
  readonly entries: DirectoryEntry[];
  /** The entry whose node is to come. */
  name: ByteString | undefined;
  /** Bytes of names and targets, which the encoded directory has too. */
  textSize: number;
}

interface OpenFile {
  readonly path: FsPath;
  readonly executable: boolean;
  readonly size: number;
  received: number;
  /** Where contents come in several pieces. */
  pieces: { readonly fd: number; readonly hash: Sha256Hasher } | undefined;
  digest: Digest | undefined;
}

/**
 * Writes a tree to `path` as its events come, hashing its blobs. Each file is written once: it is a checkout's, and gets
 * the blob's name by a link when the draft is placed (`placeDraft`). After any throw all that is left to do is to discard it.
 */
export class DraftWriter implements TreeSink {
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #blobs: BlobPlaces;
  readonly #frames: Frame[] = [];
  #file: OpenFile | undefined;
  #root: Node | undefined;
  readonly #files: DraftFile[] = [];
  readonly #folders: FsPath[] = [];
  readonly #directories = new Map<Sha256, Uint8Array>();
  /** Files that others of the same contents in this tree are linked to. */
  readonly #large = new Map<string, FsPath>();

  constructor(fs: FileSystem, path: string, blobs: BlobPlaces) {
    this.#fs = fs;
    this.path = path;
    this.#blobs = blobs;
  }

  startDirectory(): void {
    const path = this.#takePlace('a directory');
    this.#fs.mkdirSync(path, 0o755);
    this.#frames.push({ path, entries: [], name: undefined, textSize: 0 });
  }

  entry(name: ByteString): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || frame.name !== undefined || this.#file !== undefined) throw this.#badEvent('an entry');
    checkEntryName(name);
    const previous = frame.entries.at(-1)?.name;
    if (previous !== undefined && name <= previous) {
      const message = `the entry '${displayBytes(name)}' comes after ${this.#place()}`;
      throw new CastoreError('directory/unsorted', message);
    }
    if (frame.entries.length === maxDirectoryEntries) {
      const message = `the directory of ${this.#place()} has more than ${maxDirectoryEntries} entries, which is the limit`;
      throw new CastoreError('directory/too-many-entries', message);
    }
    this.#countText(frame, name);
    frame.name = name;
  }

  endDirectory(): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || frame.name !== undefined || this.#file !== undefined)
      throw this.#badEvent('the end of a directory');
    const bytes = encodeDirectory(frame);
    const digest = digestOf(bytes);
    if (digest.size > 0) this.#directories.set(digest.hash, bytes);
    this.#frames.pop();
    if (this.#frames.length > 0) {
      sealDirectory(this.#fs, frame.path);
      this.#folders.push(frame.path);
    }
    this.#addNode({ kind: 'directory', digest });
  }

  startFile(executable: boolean, size: number): void {
    const path = this.#takePlace('a file');
    this.#file = { path, executable, size, received: 0, pieces: undefined, digest: undefined };
  }

  fileData(chunk: Uint8Array): void {
    const file = this.#file;
    if (file === undefined) throw this.#badEvent('contents');
    if (chunk.byteLength > file.size - file.received) throw this.#wrongSize(file, 'more');
    if (chunk.byteLength === 0) return;
    if (file.received === 0 && chunk.byteLength === file.size) this.#addWhole(file, chunk);
    else {
      file.pieces ??= { fd: this.#create(file), hash: sha256Hasher() };
      file.pieces.hash.update(chunk);
      write(this.#fs, file.pieces.fd, chunk);
    }
    file.received += chunk.byteLength;
  }

  #addWhole(file: OpenFile, bytes: Uint8Array): void {
    const digest = digestOf(bytes);
    file.digest = digest;
    if (this.#link({ ...digest, path: file.path, executable: file.executable })) return;
    const fd = this.#create(file);
    try {
      write(this.#fs, fd, bytes);
      sealFile(this.#fs, fd, blobFileMode(file));
    } finally {
      this.#fs.closeSync(fd);
    }
    this.#addFile({ ...digest, path: file.path, executable: file.executable });
  }

  endFile(): void {
    const file = this.#file;
    if (file === undefined) throw this.#badEvent('the end of a file');
    if (file.received < file.size) throw this.#wrongSize(file, `only ${file.received}`);
    if (file.size === 0) this.#makeEmpty(file);
    this.#file = undefined;
    if (file.pieces !== undefined) file.digest = this.#finishPieces(file, file.pieces);
    this.#addNode({ kind: 'file', digest: file.digest ?? emptyDigest, executable: file.executable });
  }

  #makeEmpty(file: OpenFile): void {
    const fd = this.#create(file);
    try {
      sealFile(this.#fs, fd, blobFileMode(file));
    } finally {
      this.#fs.closeSync(fd);
    }
  }

  #finishPieces(file: OpenFile, { fd, hash }: { readonly fd: number; readonly hash: Sha256Hasher }): Digest {
    try {
      sealFile(this.#fs, fd, blobFileMode(file));
    } finally {
      this.#fs.closeSync(fd);
    }
    const digest = { hash: sha256FromHex(toHex(hash.digest())), size: file.size };
    const written = { ...digest, path: file.path, executable: file.executable };
    if (!this.#replaceByLink(written)) this.#addFile(written);
    return digest;
  }

  /** What a file of many chunks contains is known when it is written: then it gives way to one that has the same. */
  #replaceByLink(file: Omit<DraftFile, 'isLinked'>): boolean {
    const aside = `${this.path}.link`;
    if (!this.#link(file, aside)) return false;
    this.#fs.renameSync(aside, file.path);
    return true;
  }

  symlink(target: ByteString): void {
    const path = this.#takePlace('a symlink');
    checkSymlinkTarget(target);
    const frame = this.#frames.at(-1);
    if (frame !== undefined) this.#countText(frame, target);
    this.#fs.symlinkSync(bytesOf(target), path);
    this.#fs.lutimesSync(path, canonicalTime, canonicalTime);
    this.#addNode({ kind: 'symlink', target });
  }

  /** After the last event. */
  finish(): DraftTree {
    if (this.#root === undefined) throw this.#badEvent('the end of the tree');
    const directories = [...this.#directories.values()];
    return { path: this.path, root: this.#root, files: this.#files, folders: this.#folders, directories };
  }

  /** Closes what a failure left open. What was written stays, to be removed. */
  [Symbol.dispose](): void {
    const pieces = this.#file?.pieces;
    this.#file = undefined;
    if (pieces !== undefined) this.#fs.closeSync(pieces.fd);
  }

  /** Links a large file whose contents are there already, at first as `name`; false where they are not. */
  #link(file: Omit<DraftFile, 'isLinked'>, name = file.path): boolean {
    if (file.size <= this.#blobs.smallFile) return false;
    const blob = blobPath(this.#blobs.root, file.hash, file.executable);
    const known = this.#large.get(blob);
    const isBlob = known === undefined && isUntouched(this.#fs, blob, file);
    if (known === undefined && !isBlob) return false;
    try {
      this.#fs.linkSync(known ?? blob, name);
    } catch (error) {
      if (!linkFallbacks.has(errnoOf(error) ?? '')) throw error;
      return false;
    }
    if (isBlob) {
      this.#large.set(blob, file.path);
      this.#files.push({ ...file, isLinked: true });
    }
    return true;
  }

  #addFile(file: Omit<DraftFile, 'isLinked'>): void {
    if (file.size > this.#blobs.smallFile)
      this.#large.set(blobPath(this.#blobs.root, file.hash, file.executable), file.path);
    this.#files.push({ ...file, isLinked: false });
  }

  #create(file: OpenFile): number {
    return this.#fs.openSync(file.path, 'wx', blobFileMode(file));
  }

  /** Where the node is to be made that comes now. */
  #takePlace(event: string): FsPath {
    if (this.#file !== undefined) throw this.#badEvent(event);
    const frame = this.#frames.at(-1);
    if (frame === undefined) {
      if (this.#root !== undefined) throw this.#badEvent(event);
      return this.path;
    }
    if (frame.name === undefined) throw this.#badEvent(event);
    return joinFsPath(frame.path, frame.name);
  }

  #addNode(node: Node): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) this.#root = node;
    else if (frame.name !== undefined) {
      frame.entries.push({ name: frame.name, node });
      frame.name = undefined;
    }
  }

  /** Refuses at once what would be found too large when the directory ends. */
  #countText(frame: Frame, text: ByteString): void {
    frame.textSize += text.length;
    if (frame.textSize <= maxDirectorySize) return;
    const message = `the directory of ${this.#place()} is larger than ${maxDirectorySize} bytes, which is the limit`;
    throw new CastoreError('directory/too-large', message);
  }

  #wrongSize(file: OpenFile, received: string): CastoreError {
    const message = `${this.#place()} was announced with ${file.size} bytes and has ${received}`;
    return new CastoreError('tree/bad-event', message);
  }

  #badEvent(event: string): CastoreError {
    return new CastoreError('tree/bad-event', `${event} cannot come at ${this.#place()}`);
  }

  /** The path of the newest entry, for messages. */
  #place(): string {
    const names = this.#frames.flatMap(frame => frame.name ?? frame.entries.at(-1)?.name ?? []);
    return names.length === 0 ? 'the root of the tree' : `'${names.map(name => displayBytes(name)).join('/')}'`;
  }
}

/** With these a link is refused for a reason that does not stand in the way of a copy. */
export const linkFallbacks: ReadonlySet<string> = new Set(['EPERM', 'EXDEV', 'EMLINK']);

/** Gives a folder whose entries are complete its canonical metadata. */
export function sealDirectory(fs: FileSystem, path: FsPath): void {
  fs.chmodSync(path, 0o555);
  fs.utimesSync(path, canonicalTime, canonicalTime);
}

function write(fs: FileSystem, fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength;) at += fs.writeSync(fd, bytes, at, bytes.byteLength - at);
}
