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
      const page = this.#database.all(
        `SELECT id, change, path, root_kind, root, root_size FROM paths
         WHERE (change, id) > (?, ?) ORDER BY change, id LIMIT ?`,
        this.#change,
        this.#row,
        pageSize,
      );
      for (const row of page) {
        this.#change = Number(row['change']);
        this.#row = Number(row['id']);
        yield rootOfColumns(row);
      }
      if (page.length < pageSize) return;
    }
  }
}
