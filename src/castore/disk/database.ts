import { statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../../base/index.ts';
import { CastoreError } from '../error.ts';
import { explainSqliteError } from './sqlite-error.ts';

/** Tables of one concern. `migrations[n]` brings them from version n to n + 1; entries are never edited, only appended. */
export interface Schema {
  readonly name: string;
  readonly migrations: readonly string[];
}

/** `FIRN`, so that no other program's database is taken for ours (PRAGMA application_id). */
const applicationId = 0x4649524e;

/** What SQLite waits for another process's transaction, in milliseconds; ours are short. */
const busyTimeout = 10_000;

const versionsTable =
  'CREATE TABLE IF NOT EXISTS schema_versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID';

/** How often this process has each file open: one that waits for another would wait for itself. */
const openCounts = new Map<string, number>();

/** What each connection may keep of the file in memory: what a batch changes is then written once. In KiB. */
const cacheSize = 32 * 1024;

/**
 * The SQLite file of a data folder, shared by every folder of the source that keeps tables in it and by several
 * processes. Write-ahead log, every commit synced. Statements are prepared once and kept. SQLite's refusals come as
 * `data-folder/…` errors that name the file: `unusable`, `busy`, `full`, `io-error`, `corrupt`.
 */
export class Database implements Disposable {
  readonly path: string;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #tupleStatements = new Map<string, StatementSync>();
  #isHeld = false;
  #isInTransaction = false;

  /**
   * With `readOnly` nothing is written, not even beside the file unless others write (`hasWriters`), and additions throw. Throws `data-folder/foreign`,
   * `data-folder/newer-format`, `data-folder/older-format` or `data-folder/corrupt`, each naming the file.
   */
  constructor(
    path: string,
    schemas: readonly Schema[],
    options: { readonly readOnly?: boolean; readonly hasWriters?: boolean } = {},
  ) {
    this.path = path;
    this.#connection = options.readOnly === true ? openDatabaseToRead(path, options.hasWriters === true) : open(path);
    try {
      if (options.readOnly === true) this.#checkFile(schemas);
      else this.#prepareFile(schemas);
    } catch (error) {
      this.#connection.close();
      throw explainSqliteError(path, error);
    }
    openCounts.set(path, (openCounts.get(path) ?? 0) + 1);
  }

  #prepareFile(schemas: readonly Schema[]): void {
    this.#connection.exec(`PRAGMA busy_timeout = ${busyTimeout}; PRAGMA cache_size = -${cacheSize}`);
    // In this order: who makes the first table has set the id before, so another process at it is not taken for a stranger.
    const { count } = this.get('SELECT count(*) AS count FROM sqlite_schema') ?? {};
    const { application_id: id } = this.get('PRAGMA application_id') ?? {};
    if (id !== applicationId && count !== 0) {
      throw foreign(this.path);
    }
    // These can be chosen only before the first table. 8 KiB holds most inline blobs without overflow pages; what a
    // garbage collection deletes can leave the file (shrink-database.ts), for a tenth more time of additions.
    if (count === 0) {
      this.#connection.exec(
        `PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = ${applicationId}`,
      );
    }
    this.#connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    if (this.#isCurrent(schemas)) return;
    this.transaction(() => {
      this.#connection.exec(versionsTable);
      for (const schema of schemas) this.#migrate(schema);
    });
  }

  /** Brings the tables of a concern that joins later up to date. Throws as the constructor does. */
  use(schema: Schema, options: { readonly readOnly?: boolean } = {}): void {
    if (options.readOnly === true) this.#checkFile([schema]);
    else if (!this.#isCurrent([schema])) this.transaction(() => this.#migrate(schema));
  }

  #checkFile(schemas: readonly Schema[]): void {
    const { application_id: id } = this.get('PRAGMA application_id') ?? {};
    if (id !== applicationId) throw foreign(this.path);
    if (this.#isCurrent(schemas)) return;
    for (const schema of schemas) this.#requireKnown(schema);
    throw new CastoreError(
      'data-folder/older-format',
      `database schema needs migrating, but this cannot be done in read-only mode: open '${this.path}' once for writing`,
    );
  }

  /** Spares the write lock where nothing is to be migrated, which is nearly always. */
  #isCurrent(schemas: readonly Schema[]): boolean {
    const known = this.get("SELECT 1 FROM sqlite_schema WHERE name = 'schema_versions'");
    return known !== undefined && schemas.every(({ name, migrations }) => this.#versionOf(name) === migrations.length);
  }

  #versionOf(name: string): number {
    const row = this.get('SELECT version FROM schema_versions WHERE name = ?', name);
    return typeof row?.['version'] === 'number' ? row['version'] : 0;
  }

  /** Returns the version of the tables that are there. */
  #requireKnown({ name, migrations }: Schema): number {
    const version = this.#versionOf(name);
    if (version <= migrations.length) return version;
    throw new CastoreError(
      'data-folder/newer-format',
      `'${this.path}' has version ${version} of the ${name} tables, this Firn knows up to ${migrations.length}: use a newer Firn`,
    );
  }

  #migrate(schema: Schema): void {
    const { name, migrations } = schema;
    const version = this.#requireKnown(schema);
    for (const migration of migrations.slice(version)) this.#connection.exec(migration);
    this.run('INSERT OR REPLACE INTO schema_versions VALUES (?, ?)', name, migrations.length);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** The first row, as its columns by name. */
  get(sql: string, ...values: readonly SqlValue[]): Row | undefined {
    return this.#explained(() => this.#statement(sql).get(...values));
  }

  all(sql: string, ...values: readonly SqlValue[]): Row[] {
    return this.#explained(() => this.#statement(sql).all(...values));
  }

  /** As `all`, each row as an array of its columns: a third of the time where rows are many and short. */
  tuples(sql: string, ...values: readonly SqlValue[]): unknown[][] {
    const rows: unknown = this.#explained(() => this.#tupleStatement(sql).all(...values));
    if (!areTuples(rows)) throw new TypeError('rows are no arrays');
    return rows;
  }

  /** As `get`, the row as an array of its columns. */
  tuple(sql: string, ...values: readonly SqlValue[]): unknown[] | undefined {
    const row: unknown = this.#explained(() => this.#tupleStatement(sql).get(...values));
    if (row !== undefined && !Array.isArray(row)) throw new TypeError('the row is no array');
    return row;
  }

  #tupleStatement(sql: string): StatementSync {
    let statement = this.#tupleStatements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      statement.setReturnArrays(true);
      this.#tupleStatements.set(sql, statement);
    }
    return statement;
  }

  /** Rows one by one; do not write while iterating. */
  *iterate(sql: string, ...values: readonly SqlValue[]): Generator<Row, void> {
    try {
      yield* this.#statement(sql).iterate(...values);
    } catch (error) {
      throw explainSqliteError(this.path, error);
    }
  }

  /** Returns the number of rows changed. */
  run(sql: string, ...values: readonly SqlValue[]): number {
    return this.#explained(() => Number(this.#statement(sql).run(...values).changes));
  }

  /**
   * Runs `work` in one immediate transaction: all of it is durable when this returns, nothing of it when it throws. Within
   * another transaction it is a part of that.
   */
  transaction<T>(work: () => T, { isLasting = true }: TransactionOptions = {}): T {
    if (this.#isInTransaction) return work();
    if (!isLasting && !this.#isHeld) return this.#withoutSync(() => this.transaction(work));
    const [begin, commit, rollBack] = this.#isHeld ? partly : wholly;
    this.#explained(() => this.#connection.exec(begin));
    this.#isInTransaction = true;
    try {
      const result = work();
      this.#connection.exec(commit);
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some errors (a full disk).
      if (this.#connection.isTransaction) this.#connection.exec(rollBack);
      throw explainSqliteError(this.path, error);
    } finally {
      this.#isInTransaction = false;
    }
  }

  #withoutSync<T>(work: () => T): T {
    this.#connection.exec('PRAGMA synchronous = NORMAL');
    try {
      return work();
    } finally {
      this.#connection.exec('PRAGMA synchronous = FULL');
    }
  }

  /** Whether a transaction can be held: one that this process has open twice would wait for itself. */
  get canHold(): boolean {
    return !this.#isHeld && !this.#isInTransaction && openCounts.get(this.path) === 1;
  }

  /**
   * Begins a transaction that stays open: transactions until its end are parts of it, each of them whole or not at all.
   * This connection sees what they did, nobody else does, and nothing of it is durable before `commit`. Other processes
   * that want to write wait meanwhile: it is for moments.
   */
  hold(): HeldTransaction {
    if (!this.canHold) throw new TypeError('a transaction is open');
    this.#explained(() => this.#connection.exec('BEGIN IMMEDIATE'));
    this.#isHeld = true;
    const end = (statement: string) => {
      if (!this.#isHeld) return;
      this.#isHeld = false;
      // Gone where SQLite has rolled back by itself: then there is nothing to commit, which it says.
      if (statement === 'COMMIT' || this.#connection.isTransaction)
        this.#explained(() => this.#connection.exec(statement));
    };
    const rollBack = () => end('ROLLBACK');
    const commit = () => {
      try {
        end('COMMIT');
      } catch (error) {
        if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
        throw error;
      }
    };
    return { commit, [Symbol.dispose]: rollBack };
  }

  #explained<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw explainSqliteError(this.path, error);
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
    openCounts.set(this.path, (openCounts.get(this.path) ?? 1) - 1);
  }
}

/** Rolled back at disposal unless it was committed. */
export interface HeldTransaction extends Disposable {
  /** Makes all of it durable. */
  readonly commit: () => void;
}

const wholly = ['BEGIN IMMEDIATE', 'COMMIT', 'ROLLBACK'] as const;
const partly = ['SAVEPOINT part', 'RELEASE part', 'ROLLBACK TO part; RELEASE part'] as const;

function areTuples(rows: unknown): rows is unknown[][] {
  return Array.isArray(rows) && (rows.length === 0 || Array.isArray(rows[0]));
}

export interface TransactionOptions {
  /**
   * Whether a power failure must not undo it; true unless given. One that may be undone is undone with all that came later,
   * so that what refers to something never outlives that. What ends the process alone undoes nothing.
   */
  readonly isLasting?: boolean;
}

export type SqlValue = null | number | bigint | string | Uint8Array;
export type Row = { readonly [column: string]: unknown };

function open(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch (error) {
    throw new CastoreError('data-folder/unusable', `cannot open the database '${path}': ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Without a log beside it, nobody has the file open and all is in it: `immutable` then needs neither locks nor files of
 * its own, so that a file system can be read-only. Who opens it for writing later disturbs whoever reads it so, unless that was
 * said (`hasWriters`). Also for other programs' databases. Throws `data-folder/unusable`.
 */
export function openDatabaseToRead(path: string, hasWriters: boolean): DatabaseSync {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    const message = `the database '${path}' cannot be opened: database does not exist, and cannot be created in read-only mode`;
    throw new CastoreError('data-folder/unusable', message);
  }
  const url = pathToFileURL(path);
  if (!hasWriters && (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0)
    url.searchParams.set('immutable', '1');
  try {
    return new DatabaseSync(url, { readOnly: true });
  } catch (error) {
    throw new CastoreError('data-folder/unusable', `cannot open the database '${path}': ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function foreign(path: string): CastoreError {
  const message = `'${path}' is the database of another program (of another Nix?): choose another data folder with --data or FIRN_DATA`;
  return new CastoreError('data-folder/foreign', message);
}
