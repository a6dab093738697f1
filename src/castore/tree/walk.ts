import {
  type Dirent,
  type Stats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  readlinkSync,
} from 'node:fs';
import { type ByteString, type TreeSink, byteStringFromLatin1, displayBytes } from '../../base/index.ts';
import { CastoreError } from '../error.ts';
import { type FsPath, displayFsPath, joinFsPath } from './fs-path.ts';

export interface WalkOptions {
  /** Where file contents are read into; lent to `fileData`. One 1 MiB buffer for the whole walk unless given. */
  readonly buffer?: (size: number) => Uint8Array;
  /** The name an entry of this name on disk has in the tree (undoing the case hack); two of one name are refused. */
  readonly nameOf?: (onDisk: ByteString) => ByteString;
  /** Whether to take an entry, by its path on disk; the root is always taken. */
  readonly filter?: (path: FsPath) => boolean;
  /** Directories within directories beyond which a tree is refused; 64 unless given, as Nix has it (narMaxDepth). */
  readonly maxDepth?: number;
  /** Told of what the system knows of each file that is read. */
  readonly opened?: (stats: Stats) => void;
}

const chunkSize = 1024 * 1024;
export const defaultMaxDepth = 64;

// A FIFO would block, and a symlink swapped in since the listing would be followed.
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Reports the file tree at `path` to `sink`. It yields after every file and chunk: an asynchronous caller waits there
 * until the receiver has room, a synchronous one uses `walkTreeToEnd`. Symlinks are never followed; a file is executable
 * if its owner may execute it. FIFOs, sockets and devices are refused (`tree/unsupported-type`), and so is a file that
 * changes its size meanwhile (`tree/changed`). Errors of the operating system are thrown as they are.
 */
export function* walkTree(path: FsPath, sink: TreeSink, options: WalkOptions = {}): Generator<void> {
  const shared = options.buffer === undefined ? new Uint8Array(chunkSize) : undefined;
  const buffer = options.buffer ?? (() => shared ?? new Uint8Array(chunkSize));
  const maxDepth = options.maxDepth ?? defaultMaxDepth;
  yield* walkNode(path, kindOf(lstatSync(path), path), 0);

  function* walkNode(at: FsPath, kind: Kind, depth: number): Generator<void> {
    if (depth >= maxDepth) {
      throw new CastoreError(
        'tree/too-deep',
        `path '${displayFsPath(at)}' exceeds the maximum directory depth of ${maxDepth}`,
      );
    }
    switch (kind) {
      case 'file':
        yield* walkFile(at);
        break;
      case 'symlink':
        sink.symlink(byteStringFromLatin1(readlinkSync(at, 'latin1')));
        break;
      case 'directory':
        sink.startDirectory();
        for (const { name, onDisk, entry } of listDirectory(at, options)) {
          const child = joinFsPath(at, onDisk);
          if (options.filter?.(child) === false) continue;
          sink.entry(name);
          yield* walkNode(child, kindOf(entry, child), depth + 1);
        }
        sink.endDirectory();
    }
  }

  function* walkFile(at: FsPath): Generator<void> {
    const fd = openSync(at, openFlags);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw changed(at);
      options.opened?.(stats);
      const { size } = stats;
      sink.startFile((stats.mode & constants.S_IXUSR) !== 0, size);
      for (let left = size; left > 0;) {
        const target = buffer(Math.min(left, chunkSize));
        const count = readSync(fd, target, 0, Math.min(left, target.byteLength), null);
        if (count === 0) throw changed(at);
        sink.fileData(target.subarray(0, count));
        left -= count;
        if (left > 0) yield;
      }
      sink.endFile();
    } finally {
      closeSync(fd);
    }
    yield;
  }
}

/** As `walkTree`, without pauses. */
export function walkTreeToEnd(path: FsPath, sink: TreeSink, options: WalkOptions = {}): void {
  for (const _ of walkTree(path, sink, options));
}

type Kind = 'file' | 'directory' | 'symlink';

type TypeTest = 'isFile' | 'isDirectory' | 'isSymbolicLink';

function kindOf(entry: Pick<Dirent, TypeTest>, path: FsPath): Kind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symlink';
  throw new CastoreError('tree/unsupported-type', `file '${displayFsPath(path)}' has an unsupported type`);
}

interface Listed {
  readonly name: ByteString;
  readonly onDisk: ByteString;
  readonly entry: Pick<Dirent, TypeTest>;
}

function listDirectory(path: FsPath, options: WalkOptions): Listed[] {
  const { nameOf } = options;
  const listed = readdirSync(path, { encoding: 'latin1', withFileTypes: true }).map(entry => {
    const onDisk = byteStringFromLatin1(entry.name);
    return { name: nameOf?.(onDisk) ?? onDisk, onDisk, entry };
  });
  listed.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  if (nameOf !== undefined) refuseCollisions(path, listed);
  return listed;
}

function refuseCollisions(path: FsPath, sorted: readonly Pick<Listed, 'name' | 'onDisk'>[]): void {
  let before: Pick<Listed, 'name' | 'onDisk'> | undefined;
  for (const entry of sorted) {
    if (before?.name === entry.name) {
      const [a, b] = [before.onDisk, entry.onDisk].map(name => `'${displayFsPath(path)}/${displayBytes(name)}'`);
      throw new CastoreError('tree/name-collision', `file name collision between ${a} and ${b}`);
    }
    before = entry;
  }
}

function changed(path: FsPath): CastoreError {
  return new CastoreError('tree/changed', `file '${displayFsPath(path)}' changed while it was read`);
}
