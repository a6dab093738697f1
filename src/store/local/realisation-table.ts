import type { Database } from '../../castore/index.ts';
import {
  type DerivationOutputId,
  type Realisation,
  type RealisedOutput,
  type StoreDir,
  type StorePath,
  formatHash,
  formatOutputId,
  formatSignature,
  parseSignature,
  parseStorePath,
  printStorePath,
  sortSignatures,
} from '../../nix-compat/index.ts';
import { describeSigners } from '../trust-policy.ts';
import { StoreError } from '../error.ts';

/** What outputs of content-addressed derivations turned out to be. An entry goes when its path does. */
export class RealisationTable {
  readonly #database: Database;
  readonly #storeDir: StoreDir;

  constructor(database: Database, storeDir: StoreDir) {
    this.#database = database;
    this.#storeDir = storeDir;
  }

  find(id: DerivationOutputId): RealisedOutput | undefined {
    const row = this.#database.get(
      `SELECT paths.path, output_realisations.signatures FROM output_realisations JOIN paths ON paths.id = output_realisations.path
       WHERE derivation_hash = ? AND output = ?`,
      ...keyOf(id),
    );
    return row === undefined ? undefined : realisedOutput(row['path'], row['signatures']);
  }

  /** Those that are known, by the very objects that were given; one query. */
  findAll(ids: Iterable<DerivationOutputId>): Map<DerivationOutputId, RealisedOutput> {
    const wanted = new Map<DerivationOutputId, string>();
    const hashes = new Set<string>();
    for (const id of ids) {
      const [hash, output] = keyOf(id);
      hashes.add(hash);
      wanted.set(id, `${hash}!${output}`);
    }
    const rows = this.#database.tuples(
      `SELECT derivation_hash, output, paths.path, output_realisations.signatures FROM json_each(?)
       JOIN output_realisations ON derivation_hash = value JOIN paths ON paths.id = output_realisations.path`,
      JSON.stringify([...hashes]),
    );
    const known = new Map<string, RealisedOutput>();
    for (const [hash, output, path, signatures] of rows)
      known.set(`${String(hash)}!${String(output)}`, realisedOutput(path, signatures));
    const found = new Map<DerivationOutputId, RealisedOutput>();
    for (const [id, key] of wanted) {
      const realised = known.get(key);
      if (realised !== undefined) found.set(id, realised);
    }
    return found;
  }

  /** `addAll` of one. */
  add(realisation: Realisation): void {
    this.addAll([realisation]);
  }

  /**
   * Adds realisations, or their signatures to those that are known; all of them or none. Throws `realisation/conflict`
   * where an output is known to be another path, and `path/invalid`.
   */
  addAll(realisations: readonly Realisation[]): void {
    if (realisations.length === 0) return;
    this.#database.transaction(() => {
      // Nearly always all of them are new: looking for each takes as long as writing it.
      const fresh = realisations.map(({ id, path, signatures }) => rowOf(id, { path, signatures }));
      const left = fresh.length - this.#write(fresh, 'IGNORE');
      if (left === 0) return;
      this.#requireValid(realisations);
      this.#write(this.#united(realisations), 'REPLACE');
    });
  }

  /** Rows with what is known of the same outputs, as far as that changes them. */
  #united(realisations: readonly Realisation[]): RealisationRow[] {
    const known = this.findAll(realisations.map(({ id }) => id));
    const rows = new Map<string, RealisationRow>();
    const united = new Map<string, RealisedOutput>();
    for (const { id, path, signatures } of realisations) {
      const key = formatOutputId(id);
      const before = united.get(key) ?? known.get(id);
      if (before !== undefined && before.path !== path) throw this.#conflict(id, before, { path, signatures });
      const all = { path, signatures: sortSignatures([...(before?.signatures ?? []), ...signatures]) };
      united.set(key, all);
      rows.set(key, rowOf(id, all));
    }
    return [...rows.values()];
  }

  #requireValid(realisations: readonly Realisation[]): void {
    for (const { path } of realisations) {
      if (this.#database.get('SELECT 1 FROM paths WHERE path = ?', path) !== undefined) continue;
      throw new StoreError('path/invalid', `path '${printStorePath(this.#storeDir, path)}' is not valid`);
    }
  }

  /** In the order of the table; returns how many it has written. */
  #write(rows: readonly RealisationRow[], otherwise: 'IGNORE' | 'REPLACE'): number {
    return this.#database.run(
      `INSERT OR ${otherwise} INTO output_realisations (derivation_hash, output, signatures, path)
       SELECT value ->> 0, value ->> 1, value ->> 2, id FROM (SELECT value FROM json_each(?))
       JOIN paths ON paths.path = value ->> 3 ORDER BY 1, 2`,
      JSON.stringify(rows),
    );
  }

  #conflict(id: DerivationOutputId, ...outputs: readonly [local: RealisedOutput, remote: RealisedOutput]): StoreError {
    const [local, remote] = outputs.map(
      each => `${printStorePath(this.#storeDir, each.path)}${describeSigners(each.signatures)}`,
    );
    const message =
      `Trying to register a realisation of '${formatOutputId(id)}', but we already have another one locally.\n` +
      `Local:  ${local}\nRemote: ${remote}`;
    return new StoreError('realisation/conflict', message);
  }
}

type RealisationRow = readonly [hash: string, output: string, signatures: string, path: StorePath];

function rowOf(id: DerivationOutputId, { path, signatures }: RealisedOutput): RealisationRow {
  return [...keyOf(id), sortSignatures(signatures).map(formatSignature).join(' '), path];
}

function keyOf({ derivationHash, output }: DerivationOutputId): [hash: string, output: string] {
  return [formatHash(derivationHash, 'base16', { prefix: true }), output];
}

function realisedOutput(path: unknown, signatures: unknown): RealisedOutput {
  const printed = String(signatures);
  return {
    path: parseStorePath(String(path)),
    signatures: printed === '' ? [] : printed.split(' ').map(parseSignature),
  };
}
