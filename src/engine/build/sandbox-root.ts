import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree, removeTreeAtEase } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { UserIds } from '../../exec/index.ts';

/**
 * What of a sandbox is on disk besides the build's folder: where the builder puts its outputs, and a folder for temporary
 * files. It is beside the store's paths, so that outputs need not go to another file system, and is kept from being
 * collected by the derivation's name. Removed at disposal.
 */
export class SandboxRoot implements AsyncDisposable {
  readonly path: string;
  /** Writable for the builder, who sees it as the store directory. */
  readonly storeDir: string;
  readonly temporaryFolder: string;

  constructor(realStoreDir: string, derivation: StorePath, owner: UserIds | undefined) {
    this.path = join(realStoreDir, `${derivation}.chroot`);
    // Of a process that was killed: we have the lock of this derivation's outputs.
    removeTree(this.path);
    mkdirSync(this.path, 0o700);
    this.storeDir = join(this.path, 'store');
    this.temporaryFolder = join(this.path, 'tmp');
    mkdirSync(this.storeDir);
    mkdirSync(this.temporaryFolder);
    chmodSync(this.storeDir, 0o1775);
    chmodSync(this.temporaryFolder, 0o1777);
    if (owner === undefined) return;
    for (const folder of [this.path, this.storeDir, this.temporaryFolder]) chownSync(folder, owner.user, owner.group);
  }

  /** Where what the builder calls `path` is on this machine's disk. */
  outputPlace(path: StorePath): string {
    return join(this.storeDir, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeTreeAtEase(this.path);
  }
}
