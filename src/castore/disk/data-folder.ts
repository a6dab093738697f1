import { join } from 'node:path';
import { errnoOf, systemErrorText, tryLockFile } from '../../base/index.ts';
import { CastoreError } from '../error.ts';
import { Database, type Schema } from './database.ts';
import { type FileSystem, realFileSystem } from './file-system.ts';
import { removeTree } from '../tree/remove-tree.ts';
import { makeFolder } from './make-folder.ts';

/** The version of the folder's layout that this code writes: docs/formats/data-folder.md. */
export const dataFolderFormat = 1;

export interface OpenOptions {
  /** Tables besides the castore's own. */
  readonly schemas?: readonly Schema[];
  readonly fileSystem?: FileSystem;
  /** Whether nothing may be written: the folder must be there, and additions throw. */
  readonly readOnly?: boolean;
  /** With `readOnly`: whether others write meanwhile, who are to be seen. */
  readonly hasWriters?: boolean;
}

/**
 * Where one store keeps everything: `format`, `db/db.sqlite`, `blobs/`, `tmp/`, `gc.lock`. Several processes may have
 * it open. Each has a folder of its own below `tmp/`, locked while the process lives; those of dead ones are removed.
 */
export class DataFolder implements Disposable {
  readonly path: string;
  readonly database: Database;
  readonly fileSystem: FileSystem;
  #temporary: { readonly path: string; readonly lock: number } | undefined;

  /**
   * Opens the folder at `path` (absolute), creating it where it is absent. Throws `data-folder/…` errors that name the
   * folder and the way out.
   */
  constructor(path: string, castoreSchema: Schema, options: OpenOptions = {}) {
    this.path = path;
    this.fileSystem = options.fileSystem ?? realFileSystem;
    if (options.readOnly === true) {
      this.#explained(() => this.#checkFormat());
      this.database = new Database(join(path, 'db', 'db.sqlite'), [castoreSchema, ...(options.schemas ?? [])], {
        readOnly: true,
        hasWriters: options.hasWriters === true,
      });
      return;
    }
    // In this order nothing is made in a folder that turns out to be another program's.
    this.#explained(() => this.#checkFormat());
    this.#explained(() => this.#makeFolders('', 'db'));
    this.database = new Database(join(path, 'db', 'db.sqlite'), [castoreSchema, ...(options.schemas ?? [])]);
    try {
      this.#explained(() => {
        this.#makeFolders('blobs', 'tmp');
        this.#writeFormat();
      });
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  #explained(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof CastoreError || errnoOf(error) === undefined) throw error;
      const reason = systemErrorText(error);
      throw new CastoreError(
        'data-folder/unusable',
        `cannot use the data folder '${this.path}': ${reason} (choose another with --data or FIRN_DATA)`,
        { cause: error },
      );
    }
  }

  #makeFolders(...names: readonly string[]): void {
    for (const name of names) makeFolder(this.fileSystem, join(this.path, name));
  }

  #checkFormat(): void {
    const file = join(this.path, 'format');
    if (!this.fileSystem.existsSync(file)) return;
    const text = this.fileSystem.readFileSync(file, 'utf8');
    const format = /^[1-9][0-9]{0,8}\n$/.test(text) ? Number(text) : undefined;
    if (format === undefined) {
      throw new CastoreError(
        'data-folder/foreign',
        `'${file}' does not hold a format number: '${this.path}' is no data folder of Firn`,
      );
    }
    if (format > dataFolderFormat) {
      throw new CastoreError(
        'data-folder/newer-format',
        `the data folder '${this.path}' has format ${format}, this Firn knows up to ${dataFolderFormat}: use a newer Firn`,
      );
    }
  }

  #writeFormat(): void {
    const fs = this.fileSystem;
    const file = join(this.path, 'format');
    if (fs.existsSync(file)) return;
    // Synced before it gets its name: a crash must not leave an empty file that later is no number.
    const draft = join(this.temporaryFolder(), 'format');
    fs.writeFileSync(draft, `${dataFolderFormat}\n`);
    this.#sync(draft);
    fs.renameSync(draft, file);
    this.#sync(this.path);
  }

  #sync(path: string): void {
    const fd = this.fileSystem.openSync(path, 'r');
    try {
      this.fileSystem.fsyncSync(fd);
    } finally {
      this.fileSystem.closeSync(fd);
    }
  }

  /** This process's folder for files on their way in; made, and those of dead processes removed, at the first call. */
  temporaryFolder(): string {
    this.#temporary ??= this.#makeTemporaryFolder();
    return this.#temporary.path;
  }

  #makeTemporaryFolder(): { readonly path: string; readonly lock: number } {
    const fs = this.fileSystem;
    this.removeStaleTemporaries();
    for (;;) {
      const path = join(this.path, 'tmp', `${process.pid}-${crypto.randomUUID()}`);
      fs.mkdirSync(path, { mode: 0o700 });
      const lock = fs.openSync(join(path, 'lock'), 'wx', 0o600);
      try {
        if (tryLockFile(lock, 'exclusive') && fs.existsSync(join(path, 'lock'))) return { path, lock };
      } catch (error) {
        fs.closeSync(lock);
        throw error;
      }
      // Another process came between the creation of the lock and its locking, and took the folder for a dead one's.
      fs.closeSync(lock);
    }
  }

  /**
   * Removes what dead processes left in `tmp/`.
   * A folder belongs to a living process exactly while its `lock` is locked. Between making the folder and locking it
   * there is none: such a folder is left alone until it is a minute old.
   */
  removeStaleTemporaries(): void {
    const fs = this.fileSystem;
    for (const name of fs.readdirSync(join(this.path, 'tmp'))) {
      const folder = join(this.path, 'tmp', name);
      let fd: number | undefined;
      try {
        fd = fs.openSync(join(folder, 'lock'), 'r');
        if (tryLockFile(fd, 'exclusive')) removeTree(folder, { fileSystem: fs });
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') continue; // not ours to remove
        const age = Date.now() - (fs.lstatSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
        if (age > 60_000) removeTree(folder, { fileSystem: fs });
      } finally {
        if (fd !== undefined) fs.closeSync(fd);
      }
    }
  }

  [Symbol.dispose](): void {
    this.database[Symbol.dispose]();
    const temporary = this.#temporary;
    if (temporary === undefined) return;
    this.#temporary = undefined;
    try {
      removeTree(temporary.path, { fileSystem: this.fileSystem });
    } catch {
      // Whoever opens the folder next removes it, since it is locked no longer.
    } finally {
      this.fileSystem.closeSync(temporary.lock);
    }
  }
}
