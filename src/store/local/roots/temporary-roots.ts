import { join } from 'node:path';
import { tryLockFile } from '../../../base/index.ts';
import { type FileSystem, makeFolder, realFileSystem } from '../../../castore/index.ts';
import { type StoreDir, type StorePath, printStorePath } from '../../../nix-compat/index.ts';
import { RootsLock } from './roots-lock.ts';

/** Locked exclusively by a collection from before it looks for roots until its end. */
export const collectorLockName = '.collector';

/**
 * What a process uses: a file of its own below `temproots/`, of store paths each ended by NUL (as C++ Nix writes them),
 * locked while the process lives. Paths are added before it is asked whether they are valid: `RootsLock`.
 *
 * Once the process is done its links keep what it made. A collection that had looked at the links before goes by the
 * temporary roots, so while one is under way the file stays.
 */
export class TemporaryRoots implements Disposable {
  readonly #folder: string;
  readonly #storeDir: StoreDir;
  readonly #fs: FileSystem;
  readonly #added = new Set<StorePath>();
  #lock: RootsLock | undefined;
  #file: { readonly path: string; readonly fd: number } | undefined;

  constructor(folder: string, storeDir: StoreDir, fs: FileSystem = realFileSystem) {
    this.#folder = folder;
    this.#storeDir = storeDir;
    this.#fs = fs;
  }

  /**
   * Keeps `paths`, valid or not, and files of the store directory that begin with their hash parts, until this is
   * disposed of. Waits for one batch of a sweep at most.
   */
  async add(paths: Iterable<StorePath>, signal?: AbortSignal): Promise<void> {
    const fresh = [...new Set(paths)].filter(path => !this.#added.has(path));
    if (fresh.length === 0) return;
    await this.#openLock().shared(() => this.#append(fresh), signal);
    for (const path of fresh) this.#added.add(path);
  }

  #openLock(): RootsLock {
    if (this.#lock !== undefined) return this.#lock;
    makeFolder(this.#fs, this.#folder);
    return (this.#lock = new RootsLock(this.#fs, this.#folder));
  }

  #append(paths: readonly StorePath[]): void {
    this.#file ??= this.#create();
    // What an interrupted write has left of a path must not become one with the next.
    const text = paths.map(path => `\0${printStorePath(this.#storeDir, path)}\0`).join('');
    const bytes = Buffer.from(text, 'latin1');
    for (let at = 0; at < bytes.byteLength;) at += this.#fs.writeSync(this.#file.fd, bytes, at);
  }

  /**
   * A file that nobody has locked was left by a process with our number. One that is locked is another store's of this
   * process, or of a process with our number in another container.
   */
  #create(): { readonly path: string; readonly fd: number } {
    for (let serial = 0; ; serial++) {
      const path = join(this.#folder, serial === 0 ? String(process.pid) : `${process.pid}-${serial}`);
      const fd = this.#fs.openSync(path, 'a', 0o600);
      try {
        if (tryLockFile(fd, 'exclusive')) return { path, fd };
      } catch (error) {
        this.#fs.closeSync(fd);
        throw error;
      }
      this.#fs.closeSync(fd);
    }
  }

  [Symbol.dispose](): void {
    const file = this.#file;
    this.#file = undefined;
    this.#added.clear();
    this.#lock?.[Symbol.dispose]();
    this.#lock = undefined;
    if (file === undefined) return;
    try {
      this.#remove(file.path);
    } catch {
      // A disk that became read-only. The next collection removes it, since nobody has it locked.
    } finally {
      this.#fs.closeSync(file.fd);
    }
  }

  #remove(path: string): void {
    const fd = this.#fs.openSync(join(this.#folder, collectorLockName), 'a', 0o600);
    try {
      if (tryLockFile(fd, 'shared')) this.#fs.rmSync(path, { force: true });
    } finally {
      this.#fs.closeSync(fd);
    }
  }
}
