import { brandAs } from '../../base/index.ts';
import type { Database, Node } from '../../castore/index.ts';
import {
  type OutputName,
  type PathInfo,
  type Signature,
  compareStorePaths,
  type StorePath,
  parseStorePath,
  sortSignatures,
  formatSignature,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import { columnsOfRoot, pathColumns, pathOfRow, rootOfColumns, rowOfPath } from './path-row.ts';
import type { RecordedPath } from './recorded-path.ts';
import type { PathsAtHand } from '../store.ts';

/** An output of a derivation whose store path follows from the derivation. */
export interface KnownOutput {
  readonly output: string;
  readonly path: StorePath;
}

export interface Registration extends RecordedPath {
  /** For derivations. */
  readonly outputs?: readonly KnownOutput[];
}

const columns = pathColumns.join(', ');
const placeholders = pathColumns.map(() => '?').join(', ');

/** What is said anew of a path that is valid already replaces what was known, but for when it became valid. */
const updates = pathColumns
  .filter(column => column !== 'path' && column !== 'registration_time')
  .map(column => `${column} = ${column === 'deriver' ? 'coalesce(excluded.deriver, deriver)' : `excluded.${column}`}`)
  .join(', ');

/** Which store paths are valid, and what refers to what. A path is valid exactly while it has a row. */
export class PathTable implements PathsAtHand {
  readonly #database: Database;
  readonly #now: () => number;

  /** `now` in seconds since 1970: the registration time of those that bring none. */
  constructor(database: Database, now: () => number = () => Math.floor(Date.now() / 1000)) {
    this.#database = database;
    this.#now = now;
  }

  /**
   * Makes paths valid, all of them or none; what is known of those that are valid already is replaced. References may be
   * among the paths themselves. Throws `path/missing-reference`.
   */
  register(registrations: readonly Registration[]): void {
    this.#database.transaction(() => {
      const now = this.#now();
      this.#database.run('UPDATE path_changes SET number = number + 1');
      for (const registration of registrations) {
        this.#database.run(
          `INSERT INTO paths (${columns}, change) VALUES (${placeholders}, (SELECT number FROM path_changes))
           ON CONFLICT (path) DO UPDATE SET ${updates}, change = excluded.change`,
          ...rowOfPath(registration, now),
        );
      }
      for (const { info, outputs } of registrations) this.#relate(info.path, info.references, outputs);
    });
  }

  #relate(path: StorePath, references: readonly StorePath[], outputs: readonly KnownOutput[] | undefined): void {
    const id = this.#requireId(path);
    this.#database.run('DELETE FROM path_refs WHERE referrer = ?', id);
    for (const reference of references) {
      const target = this.#idOf(reference);
      if (target === undefined) {
        throw new StoreError(
          'path/missing-reference',
          `'${path}' refers to '${reference}', which the store does not have`,
        );
      }
      this.#database.run('INSERT OR IGNORE INTO path_refs VALUES (?, ?)', id, target);
    }
    for (const { output, path: target } of outputs ?? []) {
      this.#database.run('INSERT OR REPLACE INTO derivation_outputs VALUES (?, ?, ?)', id, output, target);
    }
  }

  isValid(path: StorePath): boolean {
    return this.#idOf(path) !== undefined;
  }

  /** Those of `paths` that are valid, in their order; one query, since each takes as long as looking up ten paths. */
  validOf(paths: Iterable<StorePath>): Set<StorePath> {
    const all = new Set(paths);
    if (all.size <= 1) return new Set([...all].filter(path => this.isValid(path)));
    const sql = 'SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM paths WHERE path = value)';
    const rows = this.#database.tuples(sql, JSON.stringify([...all]));
    const valid = new Set<unknown>(rows.map(([path]) => path));
    return new Set([...all].filter(path => valid.has(path)));
  }

  /** The outputs of those of `derivations` that are valid whose store paths follow from them; one query. */
  knownOutputsOf(derivations: Iterable<StorePath>): Map<StorePath, Map<OutputName, StorePath>> {
    const rows = this.#database.tuples(
      `SELECT value, output, derivation_outputs.path FROM json_each(?)
       JOIN paths ON paths.path = value JOIN derivation_outputs ON derivation = paths.id`,
      JSON.stringify([...new Set(derivations)]),
    );
    const known = new Map<StorePath, Map<OutputName, StorePath>>();
    for (const [derivation, output, path] of rows) {
      const key = parseStorePath(String(derivation));
      const outputs = known.get(key) ?? new Map<OutputName, StorePath>();
      outputs.set(brandAs<OutputName>(String(output)), parseStorePath(String(path)));
      known.set(key, outputs);
    }
    return known;
  }

  /** The roots of the trees of those of `paths` that are valid, as far as the castore has them; one query. */
  rootsOf(paths: Iterable<StorePath>): Map<StorePath, Node | undefined> {
    const rows = this.#database.tuples(
      'SELECT path, root_kind, root, root_size FROM (SELECT value FROM json_each(?)) JOIN paths ON path = value',
      JSON.stringify([...new Set(paths)]),
    );
    return new Map(rows.map(([path, ...root]) => [parseStorePath(String(path)), rootOfColumns(root, path)]));
  }

  /** As `find` for each of `paths`; two queries. */
  infosOf(paths: Iterable<StorePath>): Map<StorePath, PathInfo> {
    const rows = this.#database.tuples(
      `SELECT ${columns}, paths.id FROM (SELECT value FROM json_each(?)) JOIN paths ON path = value`,
      JSON.stringify([...new Set(paths)]),
    );
    const refs = this.#database.tuples(
      `SELECT referrer, target.path FROM json_each(?) JOIN path_refs ON referrer = value
       JOIN paths AS target ON target.id = reference`,
      JSON.stringify(rows.map(idOf)),
    );
    const references = new Map<unknown, StorePath[]>();
    for (const [referrer, path] of refs) {
      const all = references.get(referrer);
      if (all === undefined) references.set(referrer, [parseStorePath(String(path))]);
      else all.push(parseStorePath(String(path)));
    }
    return new Map(
      rows.map(row => {
        const { info } = pathOfRow(row);
        const sorted = (references.get(idOf(row)) ?? []).toSorted(compareStorePaths);
        return [info.path, { ...info, references: sorted }];
      }),
    );
  }

  find(path: StorePath): RecordedPath | undefined {
    const row = this.#database.tuple(
      `SELECT ${columns}, (
         SELECT group_concat(target.path, ' ') FROM path_refs JOIN paths AS target ON target.id = reference
         WHERE referrer = paths.id)
       FROM paths WHERE path = ?`,
      path,
    );
    if (row === undefined) return undefined;
    const { info, root } = pathOfRow(row);
    const printed = row[pathColumns.length];
    const references = typeof printed === 'string' ? printed.split(' ').map(parseStorePath) : [];
    return { info: { ...info, references: references.toSorted(compareStorePaths) }, root };
  }

  infoOf(path: StorePath): PathInfo | undefined {
    return this.find(path)?.info;
  }

  /**
   * `roots` and all that they refer to, in no order; roots that are not valid are left out. Two queries: of 10,000 paths
   * each by itself would take four times as long.
   */
  closure(roots: Iterable<StorePath>): Map<StorePath, PathInfo> {
    const rows = this.#database.tuples(
      `WITH RECURSIVE members (id) AS (
         SELECT paths.id FROM json_each(?) JOIN paths ON paths.path = value
         UNION SELECT reference FROM path_refs JOIN members ON referrer = id)
       SELECT ${columns}, id FROM members JOIN paths USING (id)`,
      JSON.stringify([...roots]),
    );
    const ids = JSON.stringify(rows.map(idOf));
    const refs = 'SELECT referrer, reference FROM json_each(?) JOIN path_refs ON referrer = value';
    return joinInfos(rows, this.#database.tuples(refs, ids));
  }

  /** All valid paths, in ascending order. */
  infos(): Map<StorePath, PathInfo> {
    const rows = this.#database.tuples(`SELECT ${columns}, id FROM paths ORDER BY path`);
    return joinInfos(rows, this.#database.tuples('SELECT referrer, reference FROM path_refs'));
  }

  /** Valid paths whose trees are in the castore, with the roots of these; in ascending order. */
  roots(): [StorePath, Node][] {
    const rows = this.#database.tuples('SELECT path, root_kind, root, root_size FROM paths ORDER BY path');
    return rows.flatMap(([path, ...rest]): [StorePath, Node][] => {
      const root = rootOfColumns(rest, path);
      return root === undefined ? [] : [[parseStorePath(String(path)), root]];
    });
  }

  /** Has the tree of a path at its place alone from now on, where that is complete. */
  clearRoot(path: StorePath): void {
    const sql = 'UPDATE paths SET root_kind = ?, root = ?, root_size = ? WHERE path = ?';
    this.#database.run(sql, ...columnsOfRoot(undefined), path);
  }

  /** Says of a path whose tree was at its place alone what that is in the castore. Counts as a registration: collections look at it. */
  setRoot(path: StorePath, root: Node): void {
    this.#database.transaction(() => {
      const [none] = columnsOfRoot(undefined);
      this.#database.run('UPDATE path_changes SET number = number + 1');
      this.#database.run(
        `UPDATE paths SET root_kind = ?, root = ?, root_size = ?, change = (SELECT number FROM path_changes)
         WHERE path = ? AND root_kind = ?`,
        ...columnsOfRoot(root),
        path,
        none,
      );
    });
  }

  /** The valid path with this hash part (32 characters), of which there is at most one. */
  findByHashPart(hashPart: string): StorePath | undefined {
    // '.' follows '-' in ASCII, so this is a range of the index.
    const [path] = this.#paths(
      'SELECT path FROM paths WHERE path >= ? AND path < ? LIMIT 1',
      `${hashPart}-`,
      `${hashPart}.`,
    );
    return path;
  }

  /** Of all valid paths, in ascending order. */
  all(): StorePath[] {
    return this.#paths('SELECT path FROM paths ORDER BY path');
  }

  /** Of valid paths that were registered after so many registrations, and how many there are now. */
  registeredSince(change: number): { readonly paths: StorePath[]; readonly change: number } {
    return this.#database.transaction(() => ({
      paths: this.#paths('SELECT path FROM paths WHERE change > ? ORDER BY change', change),
      change: Number(this.#database.get('SELECT number FROM path_changes')?.['number'] ?? 0),
    }));
  }

  /** Valid paths that refer to `path`, itself included if it does. */
  referrers(path: StorePath): StorePath[] {
    return this.#paths(
      `SELECT path FROM path_refs JOIN paths ON id = referrer
       WHERE reference = (SELECT id FROM paths WHERE path = ?) ORDER BY path`,
      path,
    );
  }

  /** Valid derivations that have `path` as a known output. */
  validDerivers(path: StorePath): StorePath[] {
    return this.#paths(
      `SELECT paths.path FROM derivation_outputs JOIN paths ON id = derivation
       WHERE derivation_outputs.path = ? ORDER BY paths.path`,
      path,
    );
  }

  /** The outputs of a valid derivation whose paths follow from it, by name. */
  knownOutputs(derivation: StorePath): KnownOutput[] {
    const rows = this.#database.all(
      `SELECT output, derivation_outputs.path AS path FROM derivation_outputs JOIN paths ON id = derivation
       WHERE paths.path = ? ORDER BY output`,
      derivation,
    );
    return rows.map(({ output, path }) => ({ output: String(output), path: parseStorePath(String(path)) }));
  }

  /** Adds signatures to those that a path has. Throws `path/invalid`. */
  addSignatures(path: StorePath, signatures: readonly Signature[]): void {
    this.#database.transaction(() => {
      const valid = this.require(path);
      const all = sortSignatures([...valid.info.signatures, ...signatures]);
      this.#database.run('UPDATE paths SET signatures = ? WHERE path = ?', all.map(formatSignature).join(' '), path);
    });
  }

  /** Throws `path/invalid`. */
  require(path: StorePath): RecordedPath {
    const valid = this.find(path);
    if (valid === undefined) throw invalid(path);
    return valid;
  }

  /** Makes paths invalid, all of them or none. Throws `path/in-use` if one that stays refers to one that goes. */
  invalidate(paths: readonly StorePath[]): void {
    this.#database.transaction(() => {
      const leaving = new Set<StorePath>(paths);
      for (const path of paths) {
        const staying = this.referrers(path).find(referrer => !leaving.has(referrer));
        if (staying !== undefined)
          throw new StoreError('path/in-use', `cannot invalidate '${path}', since '${staying}' refers to it`);
      }
      const ids = paths.flatMap(path => this.#idOf(path) ?? []);
      for (const id of ids) this.#database.run('DELETE FROM path_refs WHERE referrer = ?', id);
      for (const id of ids) this.#database.run('DELETE FROM paths WHERE id = ?', id);
    });
  }

  #paths(sql: string, ...values: readonly (string | number)[]): StorePath[] {
    return this.#database.all(sql, ...values).map(({ path }) => parseStorePath(String(path)));
  }

  #idOf(path: StorePath): number | undefined {
    const id = this.#database.get('SELECT id FROM paths WHERE path = ?', path)?.['id'];
    return typeof id === 'number' ? id : undefined;
  }

  #requireId(path: StorePath): number {
    const id = this.#idOf(path);
    if (id === undefined) throw invalid(path);
    return id;
  }
}

/** Of a row whose columns are those of a path and then its number. */
function idOf(row: readonly unknown[]): unknown {
  return row[pathColumns.length];
}

/** `refs` are pairs of referrer and reference, by row number. */
function joinInfos(
  rows: readonly (readonly unknown[])[],
  refs: readonly (readonly unknown[])[],
): Map<StorePath, PathInfo> {
  const byId = new Map<unknown, { readonly path: StorePath; readonly references: StorePath[] }>();
  const infos = new Map<StorePath, PathInfo>();
  for (const row of rows) {
    const { info } = pathOfRow(row);
    const known = { ...info, references: [] };
    byId.set(idOf(row), known);
    infos.set(info.path, known);
  }
  for (const [referrer, reference] of refs) {
    const target = byId.get(reference);
    if (target !== undefined) byId.get(referrer)?.references.push(target.path);
  }
  for (const { references } of byId.values()) if (references.length > 1) references.sort(compareStorePaths);
  return infos;
}

function invalid(path: StorePath): StoreError {
  return new StoreError('path/invalid', `path '${path}' is not valid`);
}
