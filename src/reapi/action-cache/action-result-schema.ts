import type { Schema } from '../../castore/index.ts';

/**
 * `action_results`: one row a result (docs/formats/action-results.md). It goes with its hold, which keeps what it names.
 */
export const actionResultSchema: Schema = {
  name: 'action-results',
  migrations: [
    `CREATE TABLE action_results (
       instance TEXT NOT NULL,
       function TEXT NOT NULL,
       hash BLOB NOT NULL,
       size INTEGER NOT NULL,
       hold INTEGER NOT NULL UNIQUE REFERENCES holds (id) ON DELETE CASCADE,
       origin INTEGER NOT NULL,
       result BLOB NOT NULL,
       PRIMARY KEY (instance, function, hash)
     );`,
  ],
};
