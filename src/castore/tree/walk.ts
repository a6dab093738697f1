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
import { type ByteString, type TreeSink, byteStringFromLatin1, displayBytes, errnoOf } from '../../base/index.ts';
import { CastoreError } from '../error.ts';
import { type FsPath, displayFsPath } from './fs-path.ts';
import { HeldFolder, grantReadingOfFile } from './held-folder.ts';

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
  /** Told of what the system knows of everything there is, and where: may throw what is not wanted. */
  readonly inspect?: (stats: Stats, shown: () => FsPath) => void;
  /** Whether files and folders that their owner may not read are made readable to it. */
  readonly grantReading?: boolean;
}

const chunkSize = 1024 * 1024;
export const defaultMaxDepth = 64;

// A FIFO would block, and a symlink swapped in since the listing would be followed.
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Reports the file tree at `path` to `sink`. It yields after every file and chunk: an asynchronous caller waits there
 * until the receiver has room, a synchronous one uses `walkTreeToEnd`. Symlinks are never followed, nor what is put in
 * place of a folder meanwhile; a file is executable if its owner may execute it. FIFOs, sockets and devices are refused
 * (`tree/unsupported-type`), and so is a file that changes its kind or its size meanwhile (`tree/changed`). Errors of the
 * operating system are thrown as they are.
 */
export function* walkTree(path: FsPath, sink: TreeSink, options: WalkOptions = {}): Generator<void> {
  const shared = options.buffer === undefined ? new Uint8Array(chunkSize) : undefined;
  const buffer = options.buffer ?? (() => shared ?? new Uint8Array(chunkSize));
  const maxDepth = options.maxDepth ?? defaultMaxDepth;
  const root: Place = { path, shown: () => path };
  yield* walkNode(root, kindOf(lstatSync(path), root.shown), 0);

  function* walkNode(at: Place, kind: Kind, depth: number): Generator<void> {
    if (depth >= maxDepth) {
      throw new CastoreError(
        'tree/too-deep',
        `path '${displayFsPath(at.shown())}' exceeds the maximum directory depth of ${maxDepth}`,
      );
    }
    switch (kind) {
      case 'file':
        yield* walkFile(at);
        break;
      case 'symlink':
        if (options.inspect !== undefined)
          options.inspect(
            named(at, () => lstatSync(at.path)),
            at.shown,
          );
        sink.symlink(byteStringFromLatin1(named(at, () => readlinkSync(at.path, 'latin1'))));
        break;
      case 'directory':
        yield* walkDirectory(at, depth);
    }
  }

  function* walkDirectory(at: Place, depth: number): Generator<void> {
    using folder = open(at, () => HeldFolder.open(at.path, at.shown()));
    options.inspect?.(folder.stats(), at.shown);
    if (options.grantReading === true) folder.grantReading();
    sink.startDirectory();
    for (const { name, onDisk, entry } of listDirectory(folder, options)) {
      const shown = () => folder.show(onDisk);
      if (options.filter?.(shown()) === false) continue;
      sink.entry(name);
      yield* walkNode({ path: folder.at(onDisk), shown, folder }, kindOf(entry, shown), depth + 1);
    }
    sink.endDirectory();
  }

  function* walkFile(at: Place): Generator<void> {
    const fd = open(at, () => openFile(at.path, options));
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw changed(at);
      options.opened?.(stats);
      options.inspect?.(stats, at.shown);
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

/** Where something is in the tree on disk. */
interface Place {
  /** For the system. */
  readonly path: FsPath;
  /** For people. */
  readonly shown: () => FsPath;
  /** That it is in; undefined for the root. */
  readonly folder?: HeldFolder;
}

function named<T>({ folder }: Place, work: () => T): T {
  return folder === undefined ? work() : folder.named(work);
}

/** Opens what was a file, or a folder, when it was listed. */
function open<T>(at: Place, work: () => T): T {
  try {
    return named(at, work);
  } catch (error) {
    if (swapped.has(errnoOf(error) ?? '')) throw changed(at, error);
    throw error;
  }
}

function openFile(path: FsPath, { grantReading = false }: WalkOptions): number {
  try {
    return openSync(path, openFlags);
  } catch (error) {
    if (!grantReading || errnoOf(error) !== 'EACCES') throw error;
    grantReadingOfFile(path);
    return openSync(path, openFlags);
  }
}

/** A symlink or another kind of file is in its place. */
const swapped = new Set(['ELOOP', 'ENOTDIR']);

/** As `walkTree`, without pauses. */
export function walkTreeToEnd(path: FsPath, sink: TreeSink, options: WalkOptions = {}): void {
  for (const _ of walkTree(path, sink, options));
}

type Kind = 'file' | 'directory' | 'symlink';

type TypeTest = 'isFile' | 'isDirectory' | 'isSymbolicLink';

function kindOf(entry: Pick<Dirent, TypeTest>, shown: () => FsPath): Kind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symlink';
  const path = displayFsPath(shown());
  throw new CastoreError('tree/unsupported-type', `file '${path}' has an unsupported type`, { path });
}

interface Listed {
  readonly name: ByteString;
  readonly onDisk: ByteString;
  readonly entry: Pick<Dirent, TypeTest>;
}

function listDirectory(folder: HeldFolder, options: WalkOptions): Listed[] {
  const { nameOf } = options;
  const entries = folder.named(() => readdirSync(folder.path, { encoding: 'latin1', withFileTypes: true }));
  const listed = entries.map(entry => {
    const onDisk = byteStringFromLatin1(entry.name);
    return { name: nameOf?.(onDisk) ?? onDisk, onDisk, entry };
  });
  listed.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  if (nameOf !== undefined) refuseCollisions(folder.shown, listed);
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

function changed(at: Place, cause?: unknown): CastoreError {
  return new CastoreError('tree/changed', `file '${displayFsPath(at.shown())}' changed while it was read`, { cause });
}
