import { join } from 'node:path';
import { type Sha256, isSha256, sha256ToBytes } from '../digest.ts';
import type { DataFolder } from '../disk/data-folder.ts';

/** A file below `blobs/` whose blob has no row. */
export interface OrphanFile {
  readonly hash: Sha256;
  readonly path: string;
}

/**
 * Files of blobs that have no row: left by a crash, or about to get their row, so look again (`hasRow`) while nothing is
 * added. Yields after each of up to 256 folders. Names that are no blob's are for verification to report.
 */
export function* findOrphans({ path, fileSystem, database }: DataFolder): Generator<OrphanFile[], void> {
  const sql = `SELECT group_concat(lower(hex(hash))) AS hashes FROM blobs WHERE hash >= ? AND hash < ?`;
  const root = join(path, 'blobs');
  for (const shard of fileSystem.readdirSync(root)) {
    if (!/^[0-9a-f]{2}$/.test(shard)) continue;
    const first = Buffer.from(shard, 'hex');
    const names = fileSystem.readdirSync(join(root, shard));
    // One byte more than a hash has is past every hash that begins so.
    const row = database.get(sql, first, Buffer.concat([first, Buffer.alloc(32, 0xff)]));
    const known = new Set(typeof row?.['hashes'] === 'string' ? row['hashes'].split(',') : []);
    const orphans: OrphanFile[] = [];
    for (const name of names) {
      const hash = shard + (name.endsWith('.x') ? name.slice(0, -2) : name);
      if (isSha256(hash) && !known.has(hash)) orphans.push({ hash, path: join(root, shard, name) });
    }
    yield orphans;
  }
}

export function hasRow({ database }: DataFolder, hash: Sha256): boolean {
  return database.get('SELECT 1 FROM blobs WHERE hash = ?', sha256ToBytes(hash)) !== undefined;
}
