import type { Database, Node } from '../../../castore/index.ts';
import { rootOfColumns } from '../path-row.ts';

const pageSize = 1000;

/** The trees of valid paths, each once, in the order in which they became valid. */
export class ValidTrees {
  readonly #database: Database;
  #after = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Those that came since the last call, page by page: the table may change meanwhile. */
  *next(): Generator<Node, void> {
    for (;;) {
      const page = this.#database.all(
        'SELECT id, path, root_kind, root, root_size FROM paths WHERE id > ? ORDER BY id LIMIT ?',
        this.#after,
        pageSize,
      );
      for (const row of page) {
        this.#after = Number(row['id']);
        yield rootOfColumns(row);
      }
      if (page.length < pageSize) return;
    }
  }
}
