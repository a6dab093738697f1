import type { Database, Row } from '../../castore/index.ts';
import {
  type DerivationOutputId,
  type Realisation,
  type RealisedOutput,
  type StoreDir,
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
    return row === undefined ? undefined : outputOfRow(row);
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
    this.#database.transaction(() => realisations.forEach(realisation => this.#add(realisation)));
  }

  #add({ id, path, signatures }: Realisation): void {
    const known = this.find(id);
    if (known !== undefined && known.path !== path) {
      const [local, remote] = [known, { path, signatures }].map(
        each => `${printStorePath(this.#storeDir, each.path)}${describeSigners(each.signatures)}`,
      );
      throw new StoreError(
        'realisation/conflict',
        `Trying to register a realisation of '${formatOutputId(id)}', but we already have another one locally.\n` +
          `Local:  ${local}\nRemote: ${remote}`,
      );
    }
    const all = sortSignatures([...(known?.signatures ?? []), ...signatures]);
    const added = this.#database.run(
      `INSERT OR REPLACE INTO output_realisations (derivation_hash, output, path, signatures)
       SELECT ?, ?, id, ? FROM paths WHERE path = ?`,
      ...keyOf(id),
      all.map(formatSignature).join(' '),
      path,
    );
    if (added > 0) return;
    throw new StoreError('path/invalid', `path '${printStorePath(this.#storeDir, path)}' is not valid`);
  }
}

function keyOf({ derivationHash, output }: DerivationOutputId): [hash: string, output: string] {
  return [formatHash(derivationHash, 'base16', { prefix: true }), output];
}

function outputOfRow(row: Row): RealisedOutput {
  const signatures = String(row['signatures']);
  return {
    path: parseStorePath(String(row['path'])),
    signatures: signatures === '' ? [] : signatures.split(' ').map(parseSignature),
  };
}
