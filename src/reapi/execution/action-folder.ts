import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DataFolder, makeFolder, realFileSystem, removeTreeAtEase } from '../../castore/index.ts';
import type { UserIds } from '../../exec/index.ts';

let serial = 0;

/**
 * Where an action's files are on disk while it runs, below the temporary folder of this process: if that is killed, the
 * next one removes it. Whoever makes the sandbox runs as the action's user, who has to get here; what is here nobody lists.
 */
export class ActionFolder implements AsyncDisposable {
  readonly path: string;

  constructor(folder: DataFolder) {
    const temporary = folder.temporaryFolder();
    const parent = join(temporary, 'actions');
    makeFolder(realFileSystem, parent, 0o711);
    chmodSync(temporary, 0o711);
    this.path = join(parent, String(serial++));
    mkdirSync(this.path, 0o711);
  }

  /** The input root, which is still to be made. */
  get root(): string {
    return join(this.path, 'root');
  }

  /** Makes a folder in it. */
  make(name: string, owner: UserIds | undefined): string {
    const path = join(this.path, name);
    mkdirSync(path, 0o700);
    if (owner !== undefined) chownSync(path, owner.user, owner.group);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A descriptor that somebody has got out of the action leads nowhere from now on.
    chmodSync(this.path, 0o000);
    await removeTreeAtEase(this.path);
  }
}
