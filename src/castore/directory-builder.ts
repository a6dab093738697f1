import type { ByteString } from '../base/index.ts';
import { checkEntryName, displayName } from './entry-name.ts';
import { CastoreError } from './error.ts';
import type { Directory, DirectoryEntry, Node } from './node.ts';

/** Gathers the entries of a directory in whatever order they come. */
export class DirectoryBuilder {
  readonly #nodes = new Map<ByteString, Node>();

  /** Throws `directory/bad-name`, and `directory/unsorted` for a name that is there already. */
  add(name: ByteString, node: Node): void {
    checkEntryName(name);
    if (this.#nodes.has(name)) {
      throw new CastoreError('directory/unsorted', `two directory entries are named '${displayName(name)}'`);
    }
    this.#nodes.set(name, node);
  }

  build(): Directory {
    const entries = Array.from(this.#nodes, ([name, node]): DirectoryEntry => ({ name, node }));
    return { entries: entries.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
  }
}
