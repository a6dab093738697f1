import { constants } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../base/index.ts';
import type { CallOptions } from '../blob-store.ts';
import { maxChunkSize } from '../chunks.ts';
import { type Digest, Digester, type Sha256, digestOf, equalDigests, isSha256, sha256FromBytes } from '../digest.ts';
import { executableFile, plainFile } from './blob-schema.ts';
import type { DiskBlobStore } from './disk-blob-store.ts';
import { lockAgainstCollection } from './gc-lock.ts';

/** Something that verification found. */
export type BlobProblem =
  /** Bytes that are not those of the blob; `path` undefined: the row in the database. */
  | { readonly kind: 'corrupt'; readonly digest: Digest; readonly path: string | undefined }
  /** A file that cannot be read: an error of the disk, or something in its place that is no file. */
  | { readonly kind: 'unreadable'; readonly digest: Digest; readonly path: string; readonly error: unknown }
  /** The database counts on a file that is absent. */
  | { readonly kind: 'missing'; readonly digest: Digest; readonly path: string }
  /** A file that the database does not know: left by a crash, harmless. */
  | { readonly kind: 'orphan'; readonly path: string };

export interface VerifyOptions extends CallOptions {
  /** Removes what is wrong; if nothing sound holds the blob then, it is absent and can be added or fetched again. */
  readonly repair?: boolean;
  /** Files that need not be read, their contents being known to be right. */
  readonly isSound?: (path: string) => boolean;
  /** Whether to look for files that the database does not know, too. True unless given. */
  readonly orphans?: boolean;
}

/** Hashes every byte of the store and reports what is wrong, first of the rows in the order of hashes, then orphans. */
export async function* verifyBlobs(
  store: DiskBlobStore,
  options: VerifyOptions = {},
): AsyncGenerator<BlobProblem, void> {
  // Additions put a file in its place before its row: with the lock held exclusively there are none under way.
  using _lock =
    options.repair === true ? await lockAgainstCollection(store.folder, 'exclusive', options.signal) : undefined;
  const { fileSystem } = store.folder;
  for (const { digest, files, hasData } of rows(store)) {
    options.signal?.throwIfAborted();
    if (!hasData && isKnownSound(store, { digest, files }, options.isSound)) continue;
    const problems = await verifyBlob(store, { digest, files, hasData }, options.isSound);
    yield* problems;
    if (options.repair === true) removeUnsound(store, digest, problems);
  }
  for (const path of options.orphans === false ? [] : orphans(store)) {
    options.signal?.throwIfAborted();
    yield { kind: 'orphan', path };
    if (options.repair === true) fileSystem.rmSync(path, { force: true, recursive: true });
  }
}

/**
 * Hashes all that holds a blob and removes what is wrong; false if nothing sound holds it then, so that it is absent.
 * Nobody else is adding it meanwhile, or whoever does finds it absent when the addition has ended.
 */
export async function repairBlob(store: DiskBlobStore, digest: Digest): Promise<boolean> {
  const row = store.folder.database.get(
    'SELECT files, data IS NOT NULL AS inline FROM blobs WHERE hash = ? AND size = ?',
    Buffer.from(digest.hash, 'hex'),
    digest.size,
  );
  if (row === undefined) return digest.size === 0;
  const held = { digest, files: Number(row['files']), hasData: row['inline'] === 1 };
  return removeUnsound(store, digest, await verifyBlob(store, held));
}

/** Whether anything sound is left. */
function removeUnsound(store: DiskBlobStore, digest: Digest, problems: readonly BlobProblem[]): boolean {
  if (problems.length === 0) return true;
  const { database, fileSystem } = store.folder;
  const hash = Buffer.from(digest.hash, 'hex');
  for (const { path } of problems) {
    if (path === undefined) {
      database.run('UPDATE blobs SET data = NULL WHERE hash = ?', hash);
      continue;
    }
    const bit = path === store.files.path(digest.hash, true) ? executableFile : plainFile;
    database.run('UPDATE blobs SET files = files & ~? WHERE hash = ?', bit, hash);
    // After the row: one that counts on a file that is gone would be worse than a file that no row counts on.
    fileSystem.rmSync(path, { force: true, recursive: true });
  }
  return database.run('DELETE FROM blobs WHERE hash = ? AND files = 0 AND data IS NULL', hash) === 0;
}

interface Row {
  readonly digest: Digest;
  readonly files: number;
  readonly hasData: boolean;
}

/** Page by page, so that no read transaction is open while files are hashed. */
function* rows(store: DiskBlobStore): Generator<Row, void> {
  const sql = `SELECT hash, size, files, data IS NOT NULL AS inline FROM blobs WHERE hash > ? ORDER BY hash LIMIT 1000`;
  for (let after = new Uint8Array(0); ;) {
    const page = store.folder.database.all(sql, after);
    for (const row of page) {
      if (!(row['hash'] instanceof Uint8Array)) throw new TypeError('a column has the wrong type');
      after = Uint8Array.from(row['hash']);
      const digest = { hash: sha256FromBytes(row['hash']), size: Number(row['size']) };
      yield { digest, files: Number(row['files']), hasData: row['inline'] === 1 };
    }
    if (page.length === 0) return;
  }
}

/** Spares most files the price of a promise. */
function isKnownSound(
  store: DiskBlobStore,
  { digest, files }: Pick<Row, 'digest' | 'files'>,
  isSound: ((path: string) => boolean) | undefined,
): boolean {
  if (isSound === undefined) return false;
  return (
    ((files & plainFile) === 0 || isSound(store.files.path(digest.hash, false))) &&
    ((files & executableFile) === 0 || isSound(store.files.path(digest.hash, true)))
  );
}

async function verifyBlob(
  store: DiskBlobStore,
  held: Row,
  isSound: (path: string) => boolean = () => false,
): Promise<BlobProblem[]> {
  const { digest } = held;
  const problems: BlobProblem[] = [];
  if (held.hasData && !isInlineDataSound(store, digest)) problems.push({ kind: 'corrupt', digest, path: undefined });
  for (const [bit, executable] of [
    [plainFile, false],
    [executableFile, true],
  ] as const) {
    if ((held.files & bit) === 0) continue;
    const path = store.files.path(digest.hash, executable);
    try {
      if (isSound(path)) continue;
      const found = await digestFile(path, digest.size);
      if (found === undefined) problems.push({ kind: 'missing', digest, path });
      else if (!equalDigests(found, digest)) problems.push({ kind: 'corrupt', digest, path });
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      problems.push({ kind: 'unreadable', digest, path, error });
    }
  }
  return problems;
}

function isInlineDataSound(store: DiskBlobStore, digest: Digest): boolean {
  const row = store.folder.database.get('SELECT data FROM blobs WHERE hash = ?', Buffer.from(digest.hash, 'hex'));
  return row === undefined || (row['data'] instanceof Uint8Array && equalDigests(digestOf(row['data']), digest));
}

async function digestFile(path: string, size: number): Promise<Digest | undefined> {
  let file;
  try {
    file = await openFile(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  await using owned = file;
  const digester = new Digester();
  // One byte more than there should be, so that the end comes with the first read.
  const buffer = new Uint8Array(Math.min(maxChunkSize, size + 1));
  for (;;) {
    const { bytesRead } = await owned.read(buffer, 0, buffer.byteLength, null);
    if (bytesRead === 0) return digester.finish();
    digester.update(buffer.subarray(0, bytesRead));
  }
}

function* orphans(store: DiskBlobStore): Generator<string, void> {
  const { fileSystem, database, path: folder } = store.folder;
  const root = join(folder, 'blobs');
  for (const { name: shard, isFolder } of list(root)) {
    if (!isFolder) yield join(root, shard);
    for (const { name } of isFolder ? list(join(root, shard)) : []) {
      const path = join(root, shard, name);
      const hash = shard + name.replace(/\.x$/, '');
      const bit = name.endsWith('.x') ? executableFile : plainFile;
      if (!isSha256(hash) || !isCounted(hash, bit)) yield path;
    }
  }

  function list(at: string): { readonly name: string; readonly isFolder: boolean }[] {
    const entries = fileSystem.readdirSync(at, { withFileTypes: true });
    return entries.map(entry => ({ name: entry.name, isFolder: entry.isDirectory() }));
  }

  function isCounted(hash: Sha256, bit: number): boolean {
    const row = database.get('SELECT files FROM blobs WHERE hash = ?', Buffer.from(hash, 'hex'));
    return row !== undefined && (Number(row['files']) & bit) !== 0;
  }
}
