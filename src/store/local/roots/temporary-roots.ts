import { closeSync, fstatSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, tryLockFile } from '../../../base/index.ts';
import { makeFolder, realFileSystem } from '../../../castore/index.ts';
import {
  NixCompatError,
  type StoreDir,
  type StorePath,
  parseStorePathIn,
  printStorePath,
} from '../../../nix-compat/index.ts';
import type { StoreRoot } from '../../store.ts';

/**
 * What this process is using: a file of its own below `temproots/`, of store paths each ended by NUL (as C++ Nix writes
 * them), locked while the process lives. A collector takes the lock of `gc.lock` exclusively before it looks at these
 * files and sweeps; whoever adds holds it shared, so an addition is either seen or comes after the sweep, when what was
 * added is looked for again.
 */
export class TemporaryRoots implements Disposable {
  readonly #folder: string;
  readonly #storeDir: StoreDir;
  readonly #added = new Set<StorePath>();
  #file: { readonly path: string; readonly fd: number } | undefined;

  constructor(folder: string, storeDir: StoreDir) {
    this.#folder = folder;
    this.#storeDir = storeDir;
  }

  /** Keeps `paths` until the process ends. The caller holds the lock against collection shared, and checks validity under it. */
  add(paths: Iterable<StorePath>): void {
    const fresh = [...new Set(paths)].filter(path => !this.#added.has(path));
    if (fresh.length === 0) return;
    this.#file ??= this.#create();
    const text = fresh.map(path => `${printStorePath(this.#storeDir, path)}\0`).join('');
    const bytes = Buffer.from(text, 'latin1');
    for (let at = 0; at < bytes.byteLength;) at += writeSync(this.#file.fd, bytes, at);
    for (const path of fresh) this.#added.add(path);
  }

  /**
   * A collector may remove the file between its creation and its locking, taking it for a dead process's: then again. One
   * that is locked is another store's of this process, or of a process with this number in another container.
   */
  #create(): { readonly path: string; readonly fd: number } {
    makeFolder(realFileSystem, this.#folder);
    for (let serial = 0; ;) {
      const path = join(this.#folder, serial === 0 ? String(process.pid) : `${process.pid}-${serial}`);
      const fd = openSync(path, 'a', 0o600);
      const locked = tryLockFile(fd, 'exclusive');
      if (locked && statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) return { path, fd };
      closeSync(fd);
      if (!locked) serial++;
    }
  }

  [Symbol.dispose](): void {
    if (this.#file === undefined) return;
    rmSync(this.#file.path, { force: true });
    closeSync(this.#file.fd);
    this.#file = undefined;
    this.#added.clear();
  }
}

/** What living processes are using; files of dead ones are removed. Invalid paths too: they may be on their way in. */
export function readTemporaryRoots(folder: string, storeDir: StoreDir): StoreRoot[] {
  const roots: StoreRoot[] = [];
  for (const name of listFolder(folder)) {
    const path = join(folder, name);
    const fd = openIfPresent(path);
    if (fd === undefined) continue;
    try {
      if (tryLockFile(fd, 'exclusive')) {
        rmSync(path, { force: true });
        continue;
      }
      for (const text of readFileSync(fd, 'latin1').split('\0').slice(0, -1)) {
        const storePath = parse(storeDir, text);
        if (storePath !== undefined) roots.push({ path: storePath, holder: `{temp:${name.replace(/-.*/, '')}}` });
      }
    } finally {
      closeSync(fd);
    }
  }
  return roots;
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function openIfPresent(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(storeDir: StoreDir, text: string): StorePath | undefined {
  try {
    return parseStorePathIn(storeDir, text);
  } catch (error) {
    if (error instanceof NixCompatError) return undefined;
    throw error;
  }
}
