import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/index.ts';
import { removeTree, removeTreeAtEase } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { LocalStore } from '../../store/index.ts';
import type { UserIds } from '../../exec/index.ts';
import { SandboxRoot } from './sandbox-root.ts';

/** What is kept for later; builds at a time are rarely more. */
const maxIdle = 8;

interface IdleRoot {
  readonly path: string;
  readonly owner: UserIds | undefined;
}

/**
 * The roots of sandboxes. Each build gets one of its own, but the mount points for what it uses stay for the next one by
 * the same user, which mostly uses the same: making and removing an inode for each took half of the time of a small build
 * (ext4 looks for inodes that were not freed just before: 50 took 40 ms after some hundred builds).
 *
 * A root is beside the store's paths, so that outputs need not go to another file system, and kept from being collected by
 * the derivation's name. Idle ones are in the folder that goes with this process.
 */
export class SandboxRoots implements AsyncDisposable {
  readonly #store: Pick<LocalStore, 'realStoreDir' | 'blobs'>;
  readonly #idle: IdleRoot[] = [];
  #isClosed = false;

  constructor(store: Pick<LocalStore, 'realStoreDir' | 'blobs'>) {
    this.#store = store;
  }

  /** The caller holds the locks of the outputs of `derivation`. */
  open(derivation: StorePath, owner: UserIds | undefined): SandboxRoot {
    const path = join(this.#store.realStoreDir, `${derivation}.chroot`);
    // Of a process that was killed.
    removeTree(path);
    const at = this.#idle.findLastIndex(idle => idle.owner?.user === owner?.user && idle.owner?.group === owner?.group);
    const [idle] = at < 0 ? [] : this.#idle.splice(at, 1);
    return new SandboxRoot(path, owner, { used: idle?.path, leave: root => this.#takeBack(root) });
  }

  async #takeBack(root: SandboxRoot): Promise<void> {
    const { owner } = root;
    const keeps = !this.#isClosed && this.#idle.length < maxIdle;
    const path = keeps && root.clear() ? this.#setAside(root) : undefined;
    if (path === undefined) await root.remove();
    else this.#idle.push({ path, owner });
  }

  /** Undefined where that is on another file system. */
  #setAside(root: SandboxRoot): string | undefined {
    const folder = join(this.#store.blobs.folder.temporaryFolder(), 'sandboxes');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Others of this process have theirs there, too.
    const path = join(folder, crypto.randomUUID());
    try {
      renameSync(root.path, path);
      return path;
    } catch (error) {
      if (errnoOf(error) === 'EXDEV') return undefined;
      throw error;
    }
  }

  /** What is still used goes when it is given back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const { path } of this.#idle.splice(0)) await removeTreeAtEase(path);
  }
}
