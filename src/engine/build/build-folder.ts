import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type ByteString, type Reporter, bytesOf, displayBytes, errnoOf } from '../../base/index.ts';
import { makeFolder, realFileSystem, removeTreeAtEase } from '../../castore/index.ts';
import type { UserIds } from '../../exec/index.ts';
import { EngineError } from '../error.ts';
import { nameOfBuildFolder, nameOfRemoved, removeAbandonedFolders, setAside } from './abandoned-folders.ts';

export interface BuildFolderOptions {
  /** Where folders of builds are. */
  readonly parent: string;
  /** Whether the builder's folder is below one that is ours alone: nobody outside its sandbox reaches it then. */
  readonly nested: boolean;
  /** Whom it belongs to, if not us. */
  readonly owner: UserIds | undefined;
}

let serial = 0;
/** Folders of builds' folders that this process has looked through. */
const tidied = new Set<string>();

/** Where a builder works and has its temporary files. Removed with all that is in it at disposal, unless it is to be kept. */
export class BuildFolder implements AsyncDisposable {
  /** The builder's. */
  readonly path: string;
  /** What it is in, or itself. */
  readonly top: string;
  readonly #owner: UserIds | undefined;
  #isKept = false;

  /** Throws `build/unsafe-folder`, and the system's errors. */
  constructor({ parent, nested, owner }: BuildFolderOptions) {
    makeFolder(realFileSystem, parent);
    if (!tidied.has(parent)) removeAbandonedFolders(parent);
    tidied.add(parent);
    if (owner !== undefined) requireUnsharedFolder(parent);
    this.top = makeFreshFolder(parent);
    this.#owner = owner;
    this.path = nested ? join(this.top, 'build') : this.top;
    if (nested) mkdirSync(this.path, 0o700);
    // Whoever makes the sandbox runs as the builder's user, of whom no other process is, and has to get here.
    if (owner !== undefined)
      for (const folder of new Set([this.top, this.path])) chownSync(folder, owner.user, owner.group);
  }

  /** Makes a file of the builder's, before the builder runs. */
  writeFile(name: ByteString, contents: ByteString): void {
    const path = join(this.path, displayBytes(name));
    if (dirname(path) !== this.path) throw new TypeError(`'${displayBytes(name)}' is no name of a file`);
    const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o666);
    try {
      writeFileSync(fd, bytesOf(contents));
    } finally {
      closeSync(fd);
    }
    if (this.#owner !== undefined) chownSync(path, this.#owner.user, this.#owner.group);
  }

  /** For whoever wants to know why a build failed. */
  keep(reporter: Reporter): void {
    reporter.log('error', `note: keeping build directory "${this.path}"`);
    this.#isKept = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A descriptor that somebody has got out of the build leads nowhere from now on.
    chmodSync(this.top, 0o000);
    if (this.#isKept) {
      chmodSync(this.top, 0o755);
      chmodSync(this.path, 0o755);
      return;
    }
    await removeTreeAtEase(setAside(this.top));
  }
}

function makeFreshFolder(parent: string): string {
  for (;;) {
    const path = join(parent, nameOfBuildFolder(serial++));
    if (existsSync(nameOfRemoved(path))) continue;
    try {
      mkdirSync(path, 0o700);
      return path;
    } catch (error) {
      // Left by a process that had our number.
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
}

/** Whoever may rename folders above could put another in place of a builder's. */
function requireUnsharedFolder(folder: string): void {
  for (let at = folder; ; at = dirname(at)) {
    const stats = lstatSync(at);
    if (stats.isSymbolicLink() || (stats.mode & 0o002) !== 0) {
      const message = `Path "${at}" is world-writable or a symlink. That's not allowed for security.`;
      const wayOut = `set 'build-dir', which is '${folder}', to a folder outside of it`;
      throw new EngineError('build/unsafe-folder', `${message}\n${wayOut}`);
    }
    if (at === dirname(at)) return;
  }
}
