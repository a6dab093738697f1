import type { Database, Node } from '../../../castore/index.ts';
import { rootOfColumns } from '../path-row.ts';

const pageSize = 1000;

/**
 * The trees of valid paths, in the order in which they were registered: again where a path was registered again, which may
 * have given it another tree. Numbers of registrations are never used again, unlike those of rows.
 */
export class ValidTrees {
  readonly #database: Database;
  #change = -1;
  #row = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Those that came since the last call, page by page: the table may change meanwhile. */
  *next(): Generator<Node, void> {
    for (;;) {
      const page = this.#database.tuples(
        `SELECT root_kind, root, root_size, path, change, id FROM paths
         WHERE (change, id) > (?, ?) ORDER BY change, id LIMIT ?`,
        this.#change,
        this.#row,
        pageSize,
      );
      for (const [kind, bytes, size, path, change, row] of page) {
        this.#change = Number(change);
        this.#row = Number(row);
        const root = rootOfColumns([kind, bytes, size], path);
        if (root !== undefined) yield root;
      }
      if (page.length < pageSize) return;
    }
  }
}
