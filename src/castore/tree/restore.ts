import { closeSync, constants, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs';
import { type ByteString, type TreeSink, bytesOf, systemErrorText } from '../../base/index.ts';
import { checkEntryName } from '../entry-name.ts';
import { CastoreError } from '../error.ts';
import { type FsPath, displayFsPath, joinFsPath } from './fs-path.ts';

// With O_EXCL the last component is neither an existing file nor a symlink to one.
const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Makes files, directories and symlinks of the events it gets, at `path` and below it. Whatever is to be made must not
 * exist; nothing is overwritten, no symlink followed. Modes are 0666, for executables and directories 0777, less the
 * umask. What was made before a failure is left there, and nothing is synced.
 *
 *     using restorer = new TreeRestorer(path);
 *     readNar(bytes, restorer);
 *
 * The system's refusals to make something (`EEXIST`, ...) are thrown as they are. Throws `tree/write-failed` when
 * contents cannot be written, `directory/bad-name`, and `tree/bad-event` for events in an order that no tree has.
 */
export class TreeRestorer implements TreeSink {
  readonly #root: FsPath;
  /** The directories from the root to the innermost open one. */
  readonly #directories: FsPath[] = [];
  /** Where the next node is to be made; undefined where none may come. */
  #next: FsPath | undefined;
  #file: { readonly fd: number; readonly path: FsPath; left: number } | undefined;

  constructor(path: FsPath) {
    this.#root = path;
    this.#next = path;
  }

  /** Closes what a failure left open. */
  [Symbol.dispose](): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeSync(file.fd);
  }

  startDirectory(): void {
    const path = this.#takeNode('startDirectory');
    mkdirSync(path, 0o777);
    this.#directories.push(path);
  }

  entry(name: ByteString): void {
    const directory = this.#directories.at(-1);
    if (directory === undefined || this.#next !== undefined || this.#file !== undefined) throw this.#badEvent('entry');
    checkEntryName(name);
    this.#next = joinFsPath(directory, name);
  }

  endDirectory(): void {
    if (this.#directories.length === 0 || this.#next !== undefined || this.#file !== undefined) {
      throw this.#badEvent('endDirectory');
    }
    this.#directories.pop();
  }

  startFile(executable: boolean, size: number): void {
    const path = this.#takeNode('startFile');
    const fd = openSync(path, createFlags, executable ? 0o777 : 0o666);
    this.#file = { fd, path, left: size };
  }

  fileData(chunk: Uint8Array): void {
    const file = this.#file;
    if (file === undefined || chunk.byteLength > file.left) throw this.#badEvent('fileData');
    try {
      for (let at = 0; at < chunk.byteLength;) at += writeSync(file.fd, chunk, at, chunk.byteLength - at);
    } catch (cause) {
      const message = `writing file '${displayFsPath(file.path)}': ${systemErrorText(cause)}`;
      throw new CastoreError('tree/write-failed', message, { cause });
    }
    file.left -= chunk.byteLength;
  }

  endFile(): void {
    const file = this.#file;
    if (file === undefined || file.left > 0) throw this.#badEvent('endFile');
    this.#file = undefined;
    closeSync(file.fd);
  }

  symlink(target: ByteString): void {
    symlinkSync(bytesOf(target), this.#takeNode('symlink'));
  }

  #takeNode(event: string): FsPath {
    const path = this.#next;
    if (path === undefined) throw this.#badEvent(event);
    this.#next = undefined;
    return path;
  }

  #badEvent(event: string): CastoreError {
    const place = this.#next ?? this.#file?.path ?? this.#directories.at(-1) ?? this.#root;
    return new CastoreError('tree/bad-event', `${event} cannot come now, at '${displayFsPath(place)}'`);
  }
}
