import { chmodSync, chownSync, closeSync, mkdirSync, openSync, readdirSync, renameSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { hasExtendedAttributes, inodeFlags } from '../../base/index.ts';
import { removeTree, removeTreeAtEase } from '../../castore/index.ts';
import type { UserIds } from '../../exec/index.ts';

/** By name: what is mounted right below the builder's store directory. */
export type MountPoints = ReadonlyMap<string, 'file' | 'folder'>;

/**
 * What of a sandbox is on disk besides the build's folder: where the builder puts its outputs, and a folder for temporary
 * files. `SandboxRoots` hands it out, and takes it back at disposal.
 */
export class SandboxRoot implements AsyncDisposable {
  readonly path: string;
  /** Writable for the builder, who sees it as the store directory. */
  readonly storeDir: string;
  readonly temporaryFolder: string;
  readonly owner: UserIds | undefined;
  readonly #leave: (root: SandboxRoot) => Promise<void>;
  #mountPoints: MountPoints = new Map();

  /** Makes it at `path`, or takes the one that is at `used`. */
  constructor(path: string, owner: UserIds | undefined, { used, leave }: SandboxRootOptions) {
    this.path = path;
    this.owner = owner;
    this.#leave = leave;
    this.storeDir = join(this.path, 'store');
    this.temporaryFolder = join(this.path, 'tmp');
    if (used === undefined) {
      mkdirSync(this.path, 0o700);
      mkdirSync(this.storeDir);
      this.#give(this.path);
      this.#give(this.storeDir);
    } else {
      renameSync(used, this.path);
      const now = new Date();
      utimesSync(this.storeDir, now, now);
    }
    chmodSync(this.storeDir, 0o1775);
    mkdirSync(this.temporaryFolder);
    chmodSync(this.temporaryFolder, 0o1777);
    this.#give(this.temporaryFolder);
  }

  #give(folder: string): void {
    if (this.owner !== undefined) chownSync(folder, this.owner.user, this.owner.group);
  }

  /** Where what the builder calls `path` is on this machine's disk. */
  outputPlace(path: string): string {
    return join(this.storeDir, path);
  }

  /** Leaves in the store directory nothing of the last builder's sandbox but what this one's has, too. */
  prepareMountPoints(wanted: MountPoints): void {
    this.#keepOnly(wanted);
    this.#mountPoints = wanted;
  }

  #keepOnly(wanted: MountPoints): void {
    for (const entry of readdirSync(this.storeDir, { withFileTypes: true, encoding: 'buffer' })) {
      const kind = entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : undefined;
      if (kind !== undefined && wanted.get(entry.name.toString('latin1')) === kind) continue;
      removeTree(Buffer.concat([Buffer.from(`${this.storeDir}/`), entry.name]));
    }
  }

  /**
   * Removes what the builder has left; whether nothing else is to be seen of it. Its processes have ended. What it was the
   * owner of besides entries are the store directory's mode and time, which are set anew, and what cannot be.
   */
  clear(): boolean {
    chmodSync(this.storeDir, 0o1775);
    removeTree(this.temporaryFolder);
    this.#keepOnly(this.#mountPoints);
    const [store, fresh] = [openSync(this.storeDir, 'r'), openSync(this.path, 'r')];
    try {
      return hasExtendedAttributes(store) === false && inodeFlags(store) === inodeFlags(fresh);
    } finally {
      closeSync(store);
      closeSync(fresh);
    }
  }

  remove(): Promise<void> {
    return removeTreeAtEase(this.path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#leave(this);
  }
}

interface SandboxRootOptions {
  readonly used: string | undefined;
  readonly leave: (root: SandboxRoot) => Promise<void>;
}
