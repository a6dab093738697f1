import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { brandAs } from '../../base/index.ts';
import { openDatabaseToRead } from '../../castore/index.ts';
import {
  type DerivationOutputId,
  type OutputName,
  type PathInfo,
  type RealisedOutput,
  type StoreDir,
  type StorePath,
  compareStorePaths,
  formatHash,
  parseContentAddress,
  parseHash,
  parseSignature,
  parseStorePathIn,
  printStorePath,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';

/** What SQLite waits for another process's transaction, in milliseconds. */
const busyTimeout = 10_000;

const infoColumns = 'path, hash, narSize, registrationTime, deriver, ultimate, sigs, ca, id';

type Value = string | number;

/**
 * The tables in which C++ Nix keeps what it knows of store paths (`db/db.sqlite`, schema 10), to be read while it may write
 * them. Paths are printed in full there. Throws `store/corrupt` for rows that cannot be.
 */
export class NixTables implements Disposable {
  readonly #path: string;
  readonly #storeDir: StoreDir;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** Of the file at `path`. Throws `data-folder/unusable`. */
  constructor(path: string, storeDir: StoreDir) {
    this.#path = path;
    this.#storeDir = storeDir;
    this.#connection = openDatabaseToRead(path, canHaveWriters(path));
    this.#connection.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
  }

  find(path: StorePath): PathInfo | undefined {
    const [row] = this.#rows(`SELECT ${infoColumns} FROM ValidPaths WHERE path = ?`, this.#print(path));
    return row && this.#infoOf(row);
  }

  #infoOf(row: readonly unknown[]): PathInfo {
    const [path, hash, narSize, registrationTime, deriver, ultimate, sigs, ca, id] = row;
    const references = this.#paths(
      'SELECT path FROM Refs JOIN ValidPaths ON reference = id WHERE referrer = ?',
      Number(id),
    );
    return this.#sound(String(path), () => ({
      path: this.#parse(path),
      narHash: parseHash(String(hash)),
      narSize: Number(narSize ?? 0),
      references: references.toSorted(compareStorePaths),
      registrationTime: Number(registrationTime),
      deriver: deriver === null ? undefined : this.#parse(deriver),
      ultimate: ultimate === 1,
      signatures: words(sigs).map(parseSignature),
      contentAddress: typeof ca !== 'string' || ca === '' ? undefined : parseContentAddress(ca),
    }));
  }

  /** Those of `paths` that are valid. */
  validOf(paths: Iterable<StorePath>): Set<StorePath> {
    const printed = new Map(Array.from(paths, path => [this.#print(path), path] as const));
    const sql = 'SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM ValidPaths WHERE path = value)';
    const rows = this.#rows(sql, JSON.stringify([...printed.keys()]));
    return new Set(rows.flatMap(([path]) => printed.get(String(path)) ?? []));
  }

  findByHashPart(hashPart: string): StorePath | undefined {
    const prefix = `${this.#storeDir}/${hashPart}`;
    // '.' follows '-' in ASCII.
    const [found] = this.#paths(
      'SELECT path FROM ValidPaths WHERE path >= ? AND path < ? LIMIT 1',
      `${prefix}-`,
      `${prefix}.`,
    );
    return found;
  }

  /** In ascending order. */
  all(): StorePath[] {
    return this.#paths('SELECT path FROM ValidPaths ORDER BY path');
  }

  referrers(path: StorePath): StorePath[] {
    const sql = `SELECT path FROM Refs JOIN ValidPaths ON referrer = id
      WHERE reference = (SELECT id FROM ValidPaths WHERE path = ?) ORDER BY path`;
    return this.#paths(sql, this.#print(path));
  }

  validDerivers(path: StorePath): StorePath[] {
    const sql = `SELECT v.path FROM DerivationOutputs AS d JOIN ValidPaths AS v ON d.drv = v.id
      WHERE d.path = ? ORDER BY v.path`;
    return this.#paths(sql, this.#print(path));
  }

  knownOutputsOf(derivations: Iterable<StorePath>): Map<StorePath, Map<OutputName, StorePath>> {
    const sql = `SELECT value, d.id, d.path FROM json_each(?)
      JOIN ValidPaths AS v ON v.path = value JOIN DerivationOutputs AS d ON d.drv = v.id`;
    const known = new Map<StorePath, Map<OutputName, StorePath>>();
    const printed = JSON.stringify(Array.from(new Set(derivations), path => this.#print(path)));
    for (const [derivation, output, path] of this.#rows(sql, printed)) {
      const key = this.#parse(derivation);
      const outputs = known.get(key) ?? new Map<OutputName, StorePath>();
      outputs.set(brandAs<OutputName>(String(output)), this.#parse(path));
      known.set(key, outputs);
    }
    return known;
  }

  /** Nobody has a table of them who has not had content-addressed derivations enabled. */
  realisation({ derivationHash, output }: DerivationOutputId): RealisedOutput | undefined {
    const [table] = this.#rows("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'Realisations'");
    if (table === undefined) return undefined;
    const sql = `SELECT v.path, r.signatures FROM Realisations AS r JOIN ValidPaths AS v ON v.id = r.outputPath
      WHERE r.drvPath = ? AND r.outputName = ?`;
    const [row] = this.#rows(sql, formatHash(derivationHash, 'base16', { prefix: true }), output);
    if (row === undefined) return undefined;
    const [path, signatures] = row;
    return this.#sound(String(path), () => ({
      path: this.#parse(path),
      signatures: words(signatures).map(parseSignature),
    }));
  }

  #paths(sql: string, ...values: readonly Value[]): StorePath[] {
    return this.#rows(sql, ...values).map(([path]) => this.#parse(path));
  }

  #rows(sql: string, ...values: readonly Value[]): readonly unknown[][] {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement.all(...values).map(row => (Array.isArray(row) ? row : Object.values(row)));
  }

  #print(path: StorePath): string {
    return printStorePath(this.#storeDir, path);
  }

  #parse(path: unknown): StorePath {
    return this.#sound(String(path), () => parseStorePathIn(this.#storeDir, String(path)));
  }

  #sound<T>(path: string, parse: () => T): T {
    try {
      return parse();
    } catch (cause) {
      if (cause instanceof StoreError) throw cause;
      const message = `the row of '${path.slice(0, 300)}' in '${this.#path}' is not sound: 'nix-store --verify' of the Nix that keeps it looks at it`;
      throw new StoreError('store/corrupt', message, { cause });
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

function words(text: unknown): string[] {
  return typeof text === 'string' ? text.split(' ').filter(word => word !== '') : [];
}

/** Whether somebody may write to a database while we read it: somebody has it open, or we might. */
export function canHaveWriters(path: string): boolean {
  if (existsSync(`${path}-shm`)) return true;
  try {
    accessSync(dirname(path), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
