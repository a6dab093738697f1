import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder, realFileSystem } from '../../castore/index.ts';
import type { Mount, UserIds } from '../../exec/index.ts';
import type { ViewRequest } from '../execution/store-views.ts';

/** Where an action writes over what it may not change: folders of its own, which go with it. */
export class Layers {
  readonly #folder: string;
  /** Who the action is. */
  readonly owner: UserIds;
  #count = 0;

  constructor({ folder, owner }: Pick<ViewRequest, 'folder' | 'owner'>) {
    this.#folder = folder;
    this.owner = owner ?? { user: process.geteuid?.() ?? 0, group: process.getegid?.() ?? 0 };
  }

  /** What the folder `lower` of this machine becomes at `to`. */
  over(lower: string, to: string): Mount {
    const layer = join(this.#folder, String(this.#count++));
    makeFolder(realFileSystem, this.#folder, 0o711);
    mkdirSync(layer, { mode: 0o711 });
    const [upper, work] = [join(layer, 'upper'), join(layer, 'work')];
    for (const folder of [upper, work]) {
      mkdirSync(folder, { mode: 0o755 });
      chownSync(folder, this.owner.user, this.owner.group);
    }
    return { kind: 'overlay', lower, upper, work, to };
  }
}
