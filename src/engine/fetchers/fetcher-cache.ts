import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Reporter, byteStringFromText, displayBytes, messageOf } from '../../base/index.ts';
import { type JsonValue, formatJson, isJsonObject, jsonObject, parseJson } from '../../nix-compat/index.ts';

/** C++ Nix's, which has the same in it. */
const fileName = 'fetcher-cache-v4.sqlite';

/** What SQLite waits for another process, in milliseconds. */
const busyTimeout = 2000;

const schema = `
  CREATE TABLE IF NOT EXISTS Cache (
    domain TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    PRIMARY KEY (domain, key)
  )`;

/** What is known of a commit, by the table's domain: the field of the value. */
const fields = { gitRevCount: 'revCount', gitLastModified: 'lastModified' } as const;

/**
 * Numbers that are found out slowly and never change: how many commits there are up to one, and when it was made. They are
 * in a file of the user's cache folder that C++ Nix uses, too; where that cannot be used nothing is remembered.
 */
export class FetcherCache implements Disposable {
  readonly #database: DatabaseSync | undefined;
  readonly #reporter: Reporter;

  constructor(folder: string, reporter: Reporter) {
    this.#reporter = reporter;
    this.#database = this.#guarded(() => open(folder));
  }

  /** What is known of a commit; `find` finds it out where nothing is. */
  async recall(domain: keyof typeof fields, rev: string, find: () => Promise<bigint>): Promise<bigint> {
    const key = toText(jsonObject({ rev: byteStringFromText(rev) }));
    const field = fields[domain];
    const known = this.#guarded(() => {
      const row = this.#database?.prepare('SELECT value FROM Cache WHERE domain = ? AND key = ?').get(domain, key);
      return readField(row?.['value'], field);
    });
    if (known !== undefined) return known;
    const found = await find();
    this.#guarded(() => {
      const insert = 'INSERT OR REPLACE INTO Cache (domain, key, value, timestamp) VALUES (?, ?, ?, ?)';
      const now = Math.floor(Date.now() / 1000);
      this.#database?.prepare(insert).run(domain, key, toText(jsonObject({ [field]: found })), now);
    });
    return found;
  }

  #guarded<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#reporter.log('debug', () => `nothing is remembered of what was fetched: ${messageOf(error)}`);
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#database?.close();
  }
}

function open(folder: string): DatabaseSync {
  mkdirSync(folder, { recursive: true });
  const database = new DatabaseSync(join(folder, fileName));
  try {
    database.exec(`PRAGMA busy_timeout = ${busyTimeout}; PRAGMA synchronous = OFF; PRAGMA journal_mode = TRUNCATE`);
    database.exec(schema);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function toText(value: JsonValue): string {
  return displayBytes(formatJson(value));
}

/** Undefined where it has no such number. */
function readField(value: unknown, field: string): bigint | undefined {
  if (typeof value !== 'string') return undefined;
  const object = parseJson(byteStringFromText(value));
  const found = isJsonObject(object) ? object.get(byteStringFromText(field)) : undefined;
  return typeof found === 'bigint' ? found : undefined;
}
