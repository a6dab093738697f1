import { type ByteString, brandAs, unreachable } from '../../base/index.ts';
import type { BlobBatch, CallOptions } from '../blob-store.ts';
import { gatherChunks } from '../chunks.ts';
import { checkSymlinkTarget, displayName } from '../entry-name.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';
import type { Node } from '../node.ts';
import { Additions } from './additions.ts';
import { DraftDirectory, type DraftFile, type DraftLeaf, type DraftNode } from './draft-tree.ts';
import { defaultMaxDepth } from './walk.ts';

/** What an entry of an archive is. */
export type ArchiveEntryKind =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hard link'
  | 'character device'
  | 'block device'
  | 'FIFO';

export interface ArchiveEntry {
  readonly kind: ArchiveEntryKind;
  readonly path: ByteString;
  readonly linkPath: ByteString;
  /** As POSIX has it; of files the owner's right to execute counts. */
  readonly mode: number;
  /** Of the contents, in bytes. */
  readonly size: number;
  /** In seconds of Unix time. */
  readonly mtime: number;
  /** Of its header in the archive, in bytes. */
  readonly offset: number;
}

/** What gives the contents of the entry that came last. */
export interface ArchiveContents {
  /** Each piece is lent until the next is asked for. */
  readonly contents: () => AsyncIterable<Uint8Array>;
}

export interface ArchiveLimits {
  /** Entries, and directories that are only implied by their paths; 4 million unless given. */
  readonly entries: number;
  /** Bytes of one file; 1 TiB unless given. */
  readonly fileSize: number;
  /** Bytes of all files; 1 TiB unless given. */
  readonly totalSize: number;
  /** Bytes of all names and symlink targets, which are held in memory; 256 MiB unless given. */
  readonly nameBytes: number;
  /** Directories within directories, as in `walkTree`; 64 unless given. */
  readonly depth: number;
}

const defaultLimits: ArchiveLimits = {
  entries: 4_000_000,
  fileSize: 2 ** 40,
  totalSize: 2 ** 40,
  nameBytes: 256 * 1024 * 1024,
  depth: defaultMaxDepth,
};

export interface ArchiveImportOptions extends CallOptions {
  /** Leading components of every path to leave out, as `tar --strip-components`; entries with no more are passed over. */
  readonly stripComponents?: number;
  /** Passes over symlinks, special files and directories without files. */
  readonly onlyFiles?: boolean;
  readonly limits?: Partial<ArchiveLimits>;
}

/** What of an archive is a layer of several, which `layOver` puts upon each other. */
export interface ArchiveDraftOptions extends ArchiveImportOptions {
  /** What hard links may name beside what stands before them. */
  readonly below?: DraftDirectory;
  /** Is told of devices and FIFOs, which are left out then. */
  readonly onSpecial?: (special: SpecialEntry) => void;
}

/** What no tree can hold. */
export interface SpecialEntry {
  readonly path: ByteString;
  readonly kind: 'character device' | 'block device' | 'FIFO';
}

export interface ImportedArchive {
  readonly root: Node;
  /** Of all entries, the latest time of modification in seconds of Unix time; undefined for an archive without entries. */
  readonly lastModified: number | undefined;
}

/** Files up to this many bytes are read whole, and added while the next ones are read. */
const wholeFileLimit = 256 * 1024;

/** The tree that the entries of an archive make, one after the other; its files are added to a batch. */
export class ArchiveImport implements AsyncDisposable {
  readonly #batch: BlobBatch;
  readonly #options: ArchiveDraftOptions;
  readonly #limits: ArchiveLimits;
  readonly #additions: Additions;
  readonly #root = new DraftDirectory();
  #entries = 0;
  #totalSize = 0;
  #nameBytes = 0;
  #lastModified: number | undefined;

  constructor(batch: BlobBatch, options: ArchiveDraftOptions) {
    this.#batch = batch;
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#additions = new Additions({ signal: options.signal });
  }

  async add(entry: ArchiveEntry, reader: ArchiveContents): Promise<void> {
    this.#checkLimits(entry);
    this.#lastModified = Math.max(this.#lastModified ?? -Infinity, entry.mtime);
    const path = this.#componentsOf(entry.path, entry);
    if (path === undefined) return;
    const { onlyFiles = false, onSpecial } = this.#options;
    switch (entry.kind) {
      case 'file':
        return this.#place(path, await this.#addFile(entry, reader), entry);
      case 'directory':
        if (!onlyFiles) this.#directoryAt(path, entry).isImplied = false;
        return;
      case 'symlink':
        checkSymlinkTarget(entry.linkPath, entry.offset);
        if (!onlyFiles) this.#place(path, { kind: 'symlink', target: entry.linkPath }, entry);
        return;
      case 'hard link':
        return this.#place(path, this.#linked(entry), entry);
      case 'character device':
      case 'block device':
      case 'FIFO':
        if (onSpecial !== undefined) onSpecial({ path: entry.path, kind: entry.kind });
        else if (!onlyFiles) throw refuse('archive/unsupported', entry, `is a ${entry.kind}, which is not supported`);
        return;
      default:
        unreachable(entry.kind);
    }
  }

  async finish(): Promise<{ readonly root: DraftDirectory; readonly lastModified: number | undefined }> {
    await this.#additions.settle();
    return { root: this.#root, lastModified: this.#lastModified };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#additions[Symbol.asyncDispose]();
  }

  #checkLimits(entry: ArchiveEntry): void {
    const { fileSize, totalSize, nameBytes } = this.#limits;
    this.#countEntry(entry);
    this.#totalSize += entry.size;
    this.#nameBytes += entry.path.length + entry.linkPath.length;
    if (entry.size > fileSize)
      throw refuse('archive/too-large', entry, `has ${entry.size} bytes, at most ${fileSize} are allowed`);
    if (this.#totalSize > totalSize)
      throw refuse('archive/too-large', entry, `makes more than ${totalSize} bytes of files`);
    if (this.#nameBytes > nameBytes)
      throw refuse('archive/too-large', entry, `makes more than ${nameBytes} bytes of names`);
  }

  #countEntry(entry: ArchiveEntry): void {
    const { entries } = this.#limits;
    this.#entries++;
    if (this.#entries > entries) throw refuse('archive/too-large', entry, `is beyond the limit of ${entries} entries`);
  }

  /** What is left of a path when leading components are stripped; undefined if nothing is. The root has none. */
  #componentsOf(path: ByteString, entry: ArchiveEntry): ByteString[] | undefined {
    const { stripComponents = 0 } = this.#options;
    const components = path.split('/').filter(component => component !== '' && component !== '.');
    if (components.includes('..'))
      throw refuse('archive/bad-path', entry, `has the path '${displayName(path)}' with '..'`);
    if (components.length > 0 && components.length <= stripComponents) return undefined;
    const rest = components.slice(stripComponents).map(component => brandAs<ByteString>(component));
    if (rest.length < this.#limits.depth) return rest;
    throw new CastoreError(
      'tree/too-deep',
      `'${displayName(path)}' in the archive exceeds the maximum directory depth of ${this.#limits.depth}`,
      { offset: entry.offset },
    );
  }

  async #addFile(entry: ArchiveEntry, reader: ArchiveContents): Promise<DraftFile> {
    const { signal } = this.#options;
    // Executable by its owner.
    const executable = (entry.mode & 0o100) !== 0;
    const content: DraftFile['content'] = { digest: undefined };
    if (entry.size <= wholeFileLimit) {
      const bytes = await gatherChunks(reader.contents(), entry.size);
      if (bytes === undefined) throw refuse('archive/truncated', entry, 'ends before its contents do');
      this.#additions.add(bytes.byteLength, async () => {
        content.digest = await this.#batch.put(bytes, { executable, signal });
      });
      await this.#additions.drain();
    } else content.digest = await this.#batch.putStream(reader.contents(), { executable, signal });
    return { kind: 'file', executable, content };
  }

  /** The file or symlink that a hard link names, which stands earlier in the archive. */
  #linked(entry: ArchiveEntry): DraftLeaf {
    const target = this.#componentsOf(entry.linkPath, entry) ?? [];
    for (const root of [this.#root, this.#options.below]) {
      let node: DraftNode | undefined = root;
      for (const component of target) node = node?.kind === 'directory' ? node.entries.get(component) : undefined;
      if (node !== undefined && node.kind !== 'directory') return node;
    }
    throw refuse(
      'archive/bad-link',
      entry,
      `is a hard link to '${displayName(entry.linkPath)}', which is no file before it`,
    );
  }

  #place(path: readonly ByteString[], leaf: DraftLeaf, entry: ArchiveEntry): void {
    const name = path.at(-1);
    if (name === undefined) throw refuse('archive/bad-path', entry, `is a ${entry.kind} without a name`);
    const { entries } = this.#directoryAt(path.slice(0, -1), entry);
    const before = entries.get(name);
    if (before?.kind === 'directory' && before.entries.size > 0) {
      throw refuse('archive/conflict', entry, `is a ${entry.kind} in place of a directory that has entries`);
    }
    entries.set(name, leaf);
  }

  /** The directory at `path`, made where there is none; only its last component may stand for something else before. */
  #directoryAt(path: readonly ByteString[], entry: ArchiveEntry): DraftDirectory {
    let directory = this.#root;
    for (const [i, name] of path.entries()) {
      const node = directory.entries.get(name);
      if (node?.kind === 'directory') {
        directory = node;
        continue;
      }
      const isEntry = entry.kind === 'directory' && i === path.length - 1;
      if (node !== undefined && !isEntry) {
        const above = displayName(brandAs<ByteString>(path.slice(0, i + 1).join('/')));
        throw refuse('archive/conflict', entry, `lies below '${above}', which is a ${node.kind}`);
      }
      // Others than the entry itself, which was counted: a short path can stand for many.
      if (!isEntry) this.#countEntry(entry);
      const made = new DraftDirectory();
      made.isImplied = !isEntry;
      directory.entries.set(name, made);
      directory = made;
    }
    return directory;
  }
}

function refuse(code: CastoreErrorCode, entry: ArchiveEntry, message: string): CastoreError {
  return new CastoreError(code, `'${displayName(entry.path)}' in the archive ${message}`, { offset: entry.offset });
}
