import type { BlobBatch } from '../../blob-store.ts';
import {
  type ArchiveDraftOptions,
  ArchiveImport,
  type ArchiveImportOptions,
  type ImportedArchive,
} from '../archive-import.ts';
import { ByteSource } from '../byte-source.ts';
import { type DraftDirectory, putDraft } from '../draft-tree.ts';
import { TarReader } from './tar-reader.ts';

/**
 * Adds the tree in a tar archive (uncompressed) to a batch. What `TarReader` reads is understood; of entries with one
 * path the last one counts, directories are merged. A leading slash and `.` components are left out as tar does; `..`,
 * names that no file can have, paths through symlinks, and devices, sockets and FIFOs are refused, naming the path. A file
 * is executable if its owner may execute it. Throws `archive/...` with the offset of the entry.
 */
export async function importTar(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  batch: BlobBatch,
  options: ArchiveImportOptions = {},
): Promise<ImportedArchive> {
  const { root, lastModified } = await draftTar(source, batch, options);
  return { root: await putDraft(batch, root, { signal: options.signal }), lastModified };
}

/** As `importTar`, of which only the files are added to the batch. */
export async function draftTar(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  batch: BlobBatch,
  options: ArchiveDraftOptions = {},
): Promise<{ readonly root: DraftDirectory; readonly lastModified: number | undefined }> {
  await using bytes = new ByteSource(source);
  await using archive = new ArchiveImport(batch, options);
  const reader = new TarReader(bytes);
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
    options.signal?.throwIfAborted();
    await archive.add(entry, reader);
  }
  // Awaited here, before the additions are disposed of.
  return await archive.finish();
}
