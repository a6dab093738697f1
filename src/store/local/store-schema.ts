import type { Schema } from '../../castore/index.ts';

/**
 * `paths`: one row a valid store path (docs/formats/store-tables.md). `path` is the base name; `root_*` is the root node:
 * kind 0 a file, 1 an executable file, 2 a directory (`root` their SHA-256, `root_size` the blob's size), 3 a symlink
 * (`root` its target). `path_refs`: who refers to whom, itself included. `derivation_outputs`: the statically known outputs of
 * the derivations that are valid. `output_realisations`: what outputs of content-addressed derivations turned out to be.
 * `path_changes`: one row, the number of registrations so far, which `paths.change` has of a path's last one.
 */
export const storeSchema: Schema = {
  name: 'store',
  migrations: [
    `CREATE TABLE paths (
       id INTEGER PRIMARY KEY,
       path TEXT NOT NULL UNIQUE,
       root_kind INTEGER NOT NULL,
       root BLOB NOT NULL,
       root_size INTEGER NOT NULL,
       nar_hash BLOB NOT NULL,
       nar_size INTEGER NOT NULL,
       registration_time INTEGER NOT NULL,
       deriver TEXT,
       ultimate INTEGER NOT NULL,
       signatures TEXT NOT NULL,
       content_address TEXT
     );
     CREATE INDEX paths_by_deriver ON paths (deriver) WHERE deriver IS NOT NULL;
     CREATE TABLE refs (
       referrer INTEGER NOT NULL REFERENCES paths (id) ON DELETE CASCADE,
       reference INTEGER NOT NULL REFERENCES paths (id) ON DELETE RESTRICT,
       PRIMARY KEY (referrer, reference)
     ) WITHOUT ROWID;
     CREATE INDEX refs_by_reference ON refs (reference);
     CREATE TABLE derivation_outputs (
       derivation INTEGER NOT NULL REFERENCES paths (id) ON DELETE CASCADE,
       output TEXT NOT NULL,
       path TEXT NOT NULL,
       PRIMARY KEY (derivation, output)
     ) WITHOUT ROWID;
     CREATE INDEX derivation_outputs_by_path ON derivation_outputs (path);`,
    `CREATE TABLE realisations (
       derivation_hash TEXT NOT NULL,
       output TEXT NOT NULL,
       path INTEGER NOT NULL REFERENCES paths (id) ON DELETE CASCADE,
       signatures TEXT NOT NULL,
       PRIMARY KEY (derivation_hash, output)
     ) WITHOUT ROWID;
     CREATE INDEX realisations_by_path ON realisations (path);`,
    `ALTER TABLE paths ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
     CREATE INDEX paths_by_change ON paths (change);
     CREATE TABLE path_changes (number INTEGER NOT NULL);
     INSERT INTO path_changes VALUES (0);`,
    // C++ Nix has tables of these names, in a file of the same name: its daemon may serve a folder that our client set up.
    `ALTER TABLE refs RENAME TO path_refs;
     ALTER TABLE realisations RENAME TO output_realisations;`,
  ],
};
