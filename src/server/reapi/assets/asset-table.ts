import { createHash } from 'node:crypto';
import {
  type Database,
  type Digest,
  type DiskBlobStore,
  type Row,
  type Schema,
  sha256FromBytes,
  sha256ToBytes,
} from '../../../castore/index.ts';
import { type Checksum, formatChecksum } from './checksum.ts';
import type { AssetSelection } from './asset-request.ts';

/** `assets`: one row for each name of an asset (docs/formats/assets.md). Nothing is kept for being named here. */
const assetSchema: Schema = {
  name: 'assets',
  migrations: [
    `CREATE TABLE assets (
       instance TEXT NOT NULL,
       kind TEXT NOT NULL,
       name BLOB NOT NULL,
       checksum TEXT NOT NULL,
       canonical_id TEXT NOT NULL,
       hash BLOB NOT NULL,
       size INTEGER NOT NULL,
       time INTEGER NOT NULL,
       expires INTEGER,
       origin TEXT NOT NULL,
       PRIMARY KEY (instance, kind, name, checksum)
     ) WITHOUT ROWID;
     CREATE INDEX assets_by_checksum ON assets (checksum, instance, kind) WHERE checksum <> '';
     CREATE INDEX assets_by_time ON assets (time);`,
  ],
};

export type AssetKind = 'blob' | 'directory';

/** What an asset is found by. */
export interface AssetName {
  readonly instance: string;
  readonly kind: AssetKind;
  readonly uri: string;
  readonly selection: AssetSelection;
}

export interface KnownAsset {
  /** Of the blob, or of the directory in our own form. */
  readonly digest: Digest;
  /** Milliseconds since the epoch, of when it began to be fetched, or was pushed. */
  readonly time: number;
  readonly expires: number | undefined;
  readonly origin: 'fetched' | 'pushed';
}

/** Rows beyond which those that were made longest ago go. */
const maxAssets = 200_000;

/**
 * Which blob or directory an asset turned out to be. The checksum of a blob, and of what a directory was unpacked from, was
 * verified by us; the rest is what a server or a client said at a time.
 */
export class AssetTable {
  readonly #database: Database;
  #count: number;

  constructor(store: DiskBlobStore) {
    this.#database = store.folder.database;
    this.#database.use(assetSchema);
    this.#count = Number(this.#database.get('SELECT count(*) AS count FROM assets')?.['count'] ?? 0);
  }

  /** By its URI; the newest first. Where checksums are asked for, those that have one of them, or are said to. */
  find(name: AssetName): KnownAsset[] {
    const rows = this.#database.all(
      `SELECT hash, size, time, expires, origin, checksum FROM assets
       WHERE instance = ? AND kind = ? AND name = ? ORDER BY time DESC`,
      name.instance,
      name.kind,
      nameKey(name),
    );
    const wanted = name.selection.checksums.map(formatChecksum);
    const isWanted = ({ checksum }: Row) => wanted.length === 0 || wanted.some(each => each === checksum);
    return rows.filter(isWanted).flatMap(readAsset);
  }

  /** Any that was found to have the checksum, under whatever URI. What is said of a directory that was pushed nobody has checked. */
  findByChecksum({ instance, kind, selection }: Omit<AssetName, 'uri'>, checksum: Checksum): KnownAsset[] {
    const rows = this.#database.all(
      `SELECT hash, size, time, expires, origin FROM assets
       WHERE checksum = ? AND instance = ? AND kind = ? AND canonical_id = ? AND (kind = 'blob' OR origin = 'fetched')
       ORDER BY time DESC LIMIT 10`,
      formatChecksum(checksum),
      instance,
      kind,
      selection.canonicalId,
    );
    return rows.flatMap(readAsset);
  }

  /** `checksum`: one that the bytes were found to have. */
  record(name: AssetName, asset: KnownAsset, checksum: Checksum | undefined): void {
    const { digest, time, expires, origin } = asset;
    this.#database.transaction(() => {
      this.#count += this.#database.run(
        `INSERT OR REPLACE INTO assets (instance, kind, name, checksum, canonical_id, hash, size, time, expires, origin)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        name.instance,
        name.kind,
        nameKey(name),
        checksum === undefined ? '' : formatChecksum(checksum),
        name.selection.canonicalId,
        sha256ToBytes(digest.hash),
        digest.size,
        Math.round(time),
        expires === undefined ? null : Math.round(expires),
        origin,
      );
      if (this.#count > maxAssets) this.#dropOldest();
    });
  }

  #dropOldest(): void {
    const limit = Math.ceil(maxAssets / 10);
    this.#database.run(
      `DELETE FROM assets WHERE (instance, kind, name, checksum) IN
         (SELECT instance, kind, name, checksum FROM assets ORDER BY time LIMIT ?)`,
      limit,
    );
    this.#count = Number(this.#database.get('SELECT count(*) AS count FROM assets')?.['count'] ?? 0);
  }
}

/** What tells apart what one URI may stand for. */
function nameKey({ uri, selection }: AssetName): Uint8Array {
  const { canonicalId, commit, branch, resourceType } = selection;
  return createHash('sha256')
    .update(JSON.stringify([uri, canonicalId, commit, branch, resourceType]))
    .digest();
}

function readAsset(row: Row): KnownAsset[] {
  const { hash, size, time, expires, origin } = row;
  if (!(hash instanceof Uint8Array) || (origin !== 'fetched' && origin !== 'pushed')) return [];
  return [
    {
      digest: { hash: sha256FromBytes(hash), size: Number(size) },
      time: Number(time),
      expires: expires === null || expires === undefined ? undefined : Number(expires),
      origin,
    },
  ];
}
