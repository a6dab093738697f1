import { type Stats, chmodSync, closeSync, constants, existsSync, fstatSync, openSync } from 'node:fs';
import { type ByteString, errnoOf } from '../../base/index.ts';
import { type FsPath, displayFsPath, joinFsPath } from './fs-path.ts';

/** Linux has it, Node does not name it: the descriptor stands for the folder and needs no permission to read it. */
const openPath = 0o10_000_000;

let linksToDescriptors: boolean | undefined;

/** Whether a path can lead through a descriptor. Elsewhere than on Linux it cannot, and a folder is held by its path. */
function canHold(): boolean {
  linksToDescriptors ??= process.platform === 'linux' && existsSync('/proc/self/fd');
  return linksToDescriptors;
}

/**
 * A folder that stays the same one while its entries are worked on: what somebody puts in place of it, or of a folder
 * above it, is not followed. Errors name entries by where they are shown to be.
 */
export class HeldFolder implements Disposable {
  readonly #fd: number;
  /** For the system. */
  readonly path: FsPath;
  /** For people. */
  readonly shown: FsPath;

  private constructor(fd: number, path: FsPath, shown: FsPath) {
    this.#fd = fd;
    this.path = path;
    this.shown = shown;
  }

  /** Opens the folder at `path`, which is no symlink: `ENOTDIR`, `ELOOP`. */
  static open(path: FsPath, shown: FsPath = path): HeldFolder {
    const flags = constants.O_DIRECTORY | constants.O_NOFOLLOW;
    const fd = openSync(path, canHold() ? flags | openPath : flags | constants.O_RDONLY);
    return new HeldFolder(fd, canHold() ? `/proc/self/fd/${fd}` : path, shown);
  }

  stats(): Stats {
    return fstatSync(this.#fd);
  }

  /** Lets the owner list the folder and reach its entries. */
  grantReading(): void {
    const { mode } = this.stats();
    if ((mode & 0o500) !== 0o500) this.named(() => chmodSync(this.path, (mode & 0o7777) | 0o500));
  }

  /** Where an entry is, for the system: valid until this is disposed of. */
  at(name: ByteString): FsPath {
    return joinFsPath(this.path, name);
  }

  /** Where an entry is, for people. */
  show(name: ByteString): FsPath {
    return joinFsPath(this.shown, name);
  }

  /** Does something with the folder or its entries; the system's errors then name them as they are shown. */
  named<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (this.path !== this.shown && error instanceof Error && errnoOf(error) !== undefined) this.#rename(error);
      throw error;
    }
  }

  #rename(error: Error): void {
    const shown = displayFsPath(this.shown);
    const toShown = (text: string) =>
      text.replace(descriptorPath, (path, fd) => (fd === String(this.#fd) ? shown : path));
    error.message = toShown(error.message);
    if ('path' in error) error.path = toShown(String(error.path));
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** Lets the owner read the file at `path`, and not what somebody has put in its place: then it does nothing. */
export function grantReadingOfFile(path: FsPath): void {
  if (!canHold()) return;
  const fd = openSync(path, constants.O_NOFOLLOW | openPath);
  try {
    const stats = fstatSync(fd);
    if (stats.isFile()) chmodSync(`/proc/self/fd/${fd}`, (stats.mode & 0o7777) | 0o400);
  } finally {
    closeSync(fd);
  }
}

const descriptorPath = /\/proc\/self\/fd\/([0-9]+)/g;
