import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { byteStringFromLatin1 } from '../../base/index.ts';
import { type DataFolder, joinFsPath, makeFolder, realFileSystem, removeTreeAtEase } from '../../castore/index.ts';

let serial = 0;

/**
 * Where an action's input root is on disk while it runs, below the temporary folder of this process: if that is killed, the
 * next one removes it. Whoever makes the sandbox runs as the action's user, who has to get here; what is here nobody lists.
 */
export class ActionFolder implements AsyncDisposable {
  /** Of the input root, which is still to be made; other files of the action have names that begin with it and a dot. */
  readonly root: string;
  /** Of what the action has of a store for itself; to be made where it is needed. */
  readonly view: string;

  constructor(folder: DataFolder) {
    const temporary = folder.temporaryFolder();
    const parent = join(temporary, 'actions');
    if (makeFolder(realFileSystem, parent, 0o711)) chmodSync(temporary, 0o711);
    this.root = join(parent, String(serial++));
    this.view = `${this.root}.view`;
  }

  /**
   * Removes it, when no process of the action is left. The kernel takes milliseconds to remove a folder that was mounted
   * somewhere, of which nobody but a thread of the system's pool should wait for the end.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const path of [this.root, this.view]) if (existsSync(path)) await removeAtEase(path);
  }
}

async function removeAtEase(path: string): Promise<void> {
  // A descriptor that somebody has got out of the action leads nowhere from now on.
  chmodSync(path, 0o700);
  for (const name of readdirSync(path, 'latin1')) await removeTreeAtEase(joinFsPath(path, byteStringFromLatin1(name)));
  await rmdir(path);
}
