import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type Reporter, byteStringOf, bytesOf, messageOf } from '../../base/index.ts';
import { makeFolder, realFileSystem } from '../../castore/index.ts';
import {
  type DerivationOutputId,
  type NarInfo,
  type RealisedOutput,
  type StoreDir,
  buildTraceValueToJson,
  formatJson,
  formatNarInfo,
  formatOutputId,
  parseJson,
  parseNarInfo,
  realisedOutputFromJson,
} from '../../nix-compat/index.ts';
import type { CacheMemory, CacheTraits, Found, TimesToLive } from './cache-memory.ts';

/** Other tables have another name; nothing is ever migrated. */
const fileName = 'binary-cache-v1.sqlite';

/** What SQLite waits for another process, in milliseconds. */
const busyTimeout = 2000;

/** Seconds between two times of deleting what is too old, and the least age at which that is done. */
const purgeInterval = 24 * 3600;
const leastPositiveAge = 30 * 24 * 3600;
const leastNegativeAge = 3600;

/** `body` is what a file of the cache said, NULL where there was none. Times are seconds since 1970. */
const schema = `
  CREATE TABLE IF NOT EXISTS caches (
    id INTEGER PRIMARY KEY,
    uri TEXT NOT NULL,
    store_dir TEXT NOT NULL,
    priority INTEGER,
    want_mass_query INTEGER,
    time INTEGER NOT NULL,
    UNIQUE (uri, store_dir)
  );
  CREATE TABLE IF NOT EXISTS answers (
    cache INTEGER NOT NULL,
    name TEXT NOT NULL,
    body BLOB,
    time INTEGER NOT NULL,
    PRIMARY KEY (cache, name)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS purges (id INTEGER PRIMARY KEY CHECK (id = 0), time INTEGER NOT NULL);
`;

export interface NarInfoCacheOptions {
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly timesToLive: TimesToLive;
  readonly reporter: Reporter;
  /** Seconds since 1970: for tests. */
  readonly now?: () => number;
}

/**
 * What one binary cache said, in a SQLite file of the user's cache folder that all processes and caches share. A file
 * that cannot be used is removed, with a warning: all that is in it can be had again.
 */
export class NarInfoCache implements CacheMemory {
  readonly #options: NarInfoCacheOptions;
  readonly #path: string;
  #database: OpenDatabase | undefined;
  #isRemoved = false;
  /** Answers that are written together, as soon as nothing else is to be done. */
  #unwritten = new Map<string, Uint8Array | null>();
  #writing: NodeJS.Immediate | undefined;

  /** `folder` is made where it is not there. */
  constructor(folder: string, options: NarInfoCacheOptions) {
    this.#options = options;
    this.#path = join(folder, fileName);
    this.#database = this.#open(folder);
  }

  #open(folder: string): OpenDatabase | undefined {
    try {
      makeFolder(realFileSystem, folder);
    } catch (error) {
      this.#options.reporter.log('debug', `nothing is remembered in '${folder}': ${messageOf(error)}`);
      return undefined;
    }
    const first = this.#guarded(() => this.#prepare());
    return first === undefined && this.#isRemoved ? this.#guarded(() => this.#prepare()) : first;
  }

  #prepare(): OpenDatabase {
    const { uri, storeDir } = this.#options;
    const connection = new DatabaseSync(this.#path);
    try {
      connection.exec(`PRAGMA busy_timeout = ${busyTimeout}; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF`);
      connection.exec(schema);
      const find = connection.prepare('SELECT id FROM caches WHERE uri = ? AND store_dir = ?');
      let row = find.get(uri, storeDir);
      if (row === undefined) {
        connection.prepare('INSERT OR IGNORE INTO caches (uri, store_dir, time) VALUES (?, ?, 0)').run(uri, storeDir);
        row = find.get(uri, storeDir);
      }
      const database: OpenDatabase = {
        connection,
        cache: Number(row?.['id']),
        select: connection.prepare('SELECT body, time FROM answers WHERE cache = ? AND name = ?'),
        insert: connection.prepare('INSERT OR REPLACE INTO answers (cache, name, body, time) VALUES (?, ?, ?, ?)'),
      };
      this.#purge(connection);
      return database;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  #purge(connection: DatabaseSync): void {
    const { positive, negative } = this.#options.timesToLive;
    const now = this.#now();
    const last = connection.prepare('SELECT time FROM purges').get()?.['time'];
    if (typeof last === 'number' && last <= now && last > now - purgeInterval) return;
    connection
      .prepare('DELETE FROM answers WHERE time > ? OR (body IS NULL AND time < ?) OR time < ?')
      .run(now, now - Math.max(negative, leastNegativeAge), now - Math.max(positive, leastPositiveAge));
    connection.prepare('INSERT OR REPLACE INTO purges (id, time) VALUES (0, ?)').run(now);
  }

  traits(): CacheTraits | undefined {
    const row = this.#use(({ connection, cache }) =>
      connection.prepare('SELECT priority, want_mass_query, time FROM caches WHERE id = ?').get(cache),
    );
    if (!this.#isFresh(row?.['time'], this.#options.timesToLive.traits)) return undefined;
    return { priority: Number(row?.['priority']), wantMassQuery: row?.['want_mass_query'] === 1 };
  }

  rememberTraits({ priority, wantMassQuery }: CacheTraits): void {
    this.#use(({ connection, cache }) =>
      connection
        .prepare('UPDATE caches SET priority = ?, want_mass_query = ?, time = ? WHERE id = ?')
        .run(priority, wantMassQuery ? 1 : 0, this.#now(), cache),
    );
  }

  narInfo(hashPart: string): Found<NarInfo> | undefined {
    const { storeDir } = this.#options;
    const name = narInfoName(hashPart);
    return this.#answer(name, bytes => parseNarInfo(storeDir, bytes, { source: name }));
  }

  rememberNarInfo(hashPart: string, { value }: Found<NarInfo>): void {
    const body = value === undefined ? null : formatNarInfo(this.#options.storeDir, value);
    this.#remember(narInfoName(hashPart), body);
  }

  realisation(id: DerivationOutputId): Found<RealisedOutput> | undefined {
    return this.#answer(formatOutputId(id), bytes => realisedOutputFromJson(parseJson(byteStringOf(bytes))));
  }

  rememberRealisation(id: DerivationOutputId, { value }: Found<RealisedOutput>): void {
    const body = value === undefined ? null : bytesOf(formatJson(buildTraceValueToJson(value)));
    this.#remember(formatOutputId(id), body);
  }

  #answer<T>(name: string, parse: (bytes: Uint8Array) => T): Found<T> | undefined {
    const unwritten = this.#unwritten.get(name);
    if (unwritten !== undefined) return { value: unwritten === null ? undefined : parse(unwritten) };
    return this.#use(({ select, cache }) => {
      const row = select.get(cache, name);
      if (row === undefined) return undefined;
      const { positive, negative } = this.#options.timesToLive;
      const body = row['body'] instanceof Uint8Array ? row['body'] : undefined;
      if (!this.#isFresh(row['time'], body === undefined ? negative : positive)) return undefined;
      return { value: body === undefined ? undefined : parse(body) };
    });
  }

  #remember(name: string, body: Uint8Array | null): void {
    if (this.#database === undefined) return;
    this.#unwritten.set(name, body);
    this.#writing ??= setImmediate(() => this.#write());
  }

  #write(): void {
    clearImmediate(this.#writing);
    this.#writing = undefined;
    const answers = this.#unwritten;
    if (answers.size === 0) return;
    this.#unwritten = new Map();
    const now = this.#now();
    this.#use(({ connection, insert, cache }) => {
      connection.exec('BEGIN IMMEDIATE');
      for (const [name, body] of answers) insert.run(cache, name, body, now);
      connection.exec('COMMIT');
    });
  }

  /** What is from the future came from a clock that went wrong. */
  #isFresh(time: unknown, seconds: number): boolean {
    const now = this.#now();
    return typeof time === 'number' && time > now - seconds && time <= now;
  }

  #now(): number {
    return this.#options.now?.() ?? Math.floor(Date.now() / 1000);
  }

  #use<T>(work: (database: OpenDatabase) => T): T | undefined {
    const database = this.#database;
    if (database === undefined) return undefined;
    return this.#guarded(() => work(database));
  }

  /** Undefined where `work` fails, which ends the remembering; a file that is at fault is removed. */
  #guarded<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#close();
      if (isBusy(error)) {
        this.#options.reporter.log('debug', `nothing is remembered in '${this.#path}': ${messageOf(error)}`);
        return undefined;
      }
      this.#options.reporter.warn(`'${this.#path}' cannot be used and is made anew: ${messageOf(error)}`);
      for (const suffix of ['', '-wal', '-shm']) this.#remove(this.#path + suffix);
      this.#isRemoved = true;
      return undefined;
    }
  }

  #remove(path: string): void {
    try {
      rmSync(path, { force: true });
    } catch (error) {
      this.#options.reporter.log('debug', `cannot remove '${path}': ${messageOf(error)}`);
    }
  }

  #close(): void {
    this.#database?.connection.close();
    this.#database = undefined;
  }

  [Symbol.dispose](): void {
    this.#write();
    this.#close();
  }
}

interface OpenDatabase {
  readonly connection: DatabaseSync;
  /** The row of `caches`. */
  readonly cache: number;
  readonly select: StatementSync;
  readonly insert: StatementSync;
}

function narInfoName(hashPart: string): string {
  return `${hashPart}.narinfo`;
}

const unusable = new Set([3, 5, 6, 8, 13, 14]); // PERM, BUSY, LOCKED, READONLY, FULL, CANTOPEN

/** Whether the file may be fine and only not for us, or not now. */
function isBusy(error: unknown): boolean {
  return (
    error instanceof Error &&
    'errcode' in error &&
    typeof error.errcode === 'number' &&
    unusable.has(error.errcode & 0xff)
  );
}
