/**
 * castore: blobs and directories by digest. A blob is bytes named by SHA-256 and size; a directory is a blob that names
 * nodes; whatever is read has the digest that it was asked for by. What is added becomes durable and visible in batches.
 * Nothing here knows of Nix or of a protocol.
 *
 *     await using store = new DiskBlobStore('/var/lib/firn');
 *     await using batch = store.batch();
 *     const root = await importTree('src', batch);
 *     await batch.commit();
 *     await checkoutTree(store, root, '/tmp/copy', { files: store });
 */
export {
  type BlobBatch,
  type BlobStore,
  type CallOptions,
  type PutOptions,
  type ReadOptions,
  type ReadTarget,
  type SyncReader,
  defaultGetLimit,
  putBlob,
} from './blob-store.ts';
export { type ChunkBounds, FastCdc, type FastCdcParameters } from './chunking/fast-cdc.ts';
export { type SpliceOptions, spliceBlob, splitBlob } from './chunking/split-blob.ts';
export { checkGetLimit, chunksOf, clipRange, collectChunks, maxChunkSize } from './chunks.ts';
export { type CacheLimits, CachingBlobStore } from './combine/caching-blob-store.ts';
export { TieredBlobStore, type Tiers } from './combine/tiered-blob-store.ts';
export { VerifyingBlobStore, type VerifyingOptions } from './combine/verifying-blob-store.ts';
export {
  type Digest,
  type Sha256,
  Digester,
  checkDigest,
  digestOf,
  emptyDigest,
  equalDigests,
  formatDigest,
  isSha256,
  parseDigest,
  sha256FromBytes,
  sha256FromHex,
  sha256ToBytes,
} from './digest.ts';
export { DirectoryBuilder } from './directory-builder.ts';
export { decodeDirectory, encodeDirectory, maxDirectoryEntries, maxDirectorySize } from './directory.ts';
export { checkEntryName, checkSymlinkTarget, isEntryName, isSymlinkTarget } from './entry-name.ts';
export { BlobReader, type OpenBlob } from './disk/blob-reader.ts';
export type { BlobUpload, ReceivedBlob } from './disk/blob-upload.ts';
export {
  Database,
  type HeldTransaction,
  type Row,
  type Schema,
  type SqlValue,
  openDatabaseToRead,
} from './disk/database.ts';
export { DataFolder, type OpenOptions, dataFolderFormat } from './disk/data-folder.ts';
export type { BatchOptions, CommitOptions, DiskBlobBatch, EarlyDrafts } from './disk/disk-blob-batch.ts';
export { DiskBlobStore, type DiskStoreOptions } from './disk/disk-blob-store.ts';
export type { TreeDraft } from './disk/drafts.ts';
export { type FileSystem, realFileSystem } from './disk/file-system.ts';
export { lockAgainstCollection } from './disk/gc-lock.ts';
export { makeFolder } from './disk/make-folder.ts';
export { type BlobProblem, type VerifyOptions, repairBlob, verifyBlobs } from './disk/verify-blobs.ts';
export { CastoreError, type CastoreErrorCode, castoreErrorCodes } from './error.ts';
export type { BlobAlias, BlobAliases, DirectoryAlias, DirectoryAliases } from './foreign/aliases.ts';
export { checkUtf8Names, exportForeignDirectory } from './foreign/export-directory.ts';
export {
  type DigestFunction,
  type ForeignDigest,
  ForeignDigester,
  checkForeignDigest,
  digestFunctions,
  foreignDigestOf,
  formatForeignDigest,
  impliedDigest,
  impliedForeignDigest,
  isHashOf,
  sizeless,
} from './foreign/foreign-digest.ts';
export { type ForeignDirectory, decodeForeignDirectory } from './foreign/foreign-directory.ts';
export { type ImportedGitTree, exportGitDirectory, importGitDirectory } from './foreign/git-directories.ts';
export { type ForeignStore, importForeignDirectory } from './foreign/import-directory.ts';
export {
  type TreeMessage,
  decodeTreeMessage,
  encodeTreeMessage,
  importTreeMessage,
  treeMessageOf,
} from './foreign/tree-message.ts';
export type { MapTreeOptions } from './tree/map-tree.ts';
export { MemoryBlobAliases, MemoryDirectoryAliases } from './foreign/memory-aliases.ts';
export { aliasBlob, findMissingForeign, putForeign } from './foreign/put-foreign.ts';
export { BlobMarks, type LiveRoots, type LostDirectory, type MarkOptions } from './gc/blob-marks.ts';
export { type HeldBlobs, type HoldLimits, HeldRoots, Holds, defaultHoldLimits, protectedAge } from './gc/holds.ts';
export { LeasedRoots, Leases } from './gc/leases.ts';
export { type SweepOptions, type SweepProgress, type Swept, sweepBlobs } from './gc/sweep-blobs.ts';
export { MemoryBlobStore } from './memory/memory-blob-store.ts';
export type { Directory, DirectoryEntry, DirectoryNode, FileNode, Node, SymlinkNode } from './node.ts';
export type { AdditionsOptions } from './tree/additions.ts';
export { type CheckoutOptions, type LinkableFiles, checkoutTree } from './tree/checkout.ts';
export { type RemoveOptions, removeTree, removeTreeAtEase } from './tree/remove-tree.ts';
export { type FsPath, displayFsPath, joinFsPath } from './tree/fs-path.ts';
export { type ImportOptions, importTree } from './tree/import-tree.ts';
export { readDirectory } from './tree/read-directory.ts';
export { TreeRestorer } from './tree/restore.ts';
export { type StreamTreeOptions, streamTree } from './tree/stream-tree.ts';
export type { GitObjectId } from './tree/git/git-object.ts';
export type { GitImportOptions } from './tree/git/git-tree-mapping.ts';
export { importGitStream } from './tree/git/import-git-stream.ts';
export { type FetchGitObject, importGitTree } from './tree/git/import-git-tree.ts';
export { looseGitObjects } from './tree/git/loose-git-objects.ts';
export type { ArchiveImportOptions, ArchiveLimits, ImportedArchive, SpecialEntry } from './tree/archive-import.ts';
export { type LayersOptions, importLayers } from './tree/tar/import-layers.ts';
export { importTar } from './tree/tar/import-tar.ts';
export { type TarContents, listTar } from './tree/tar/list-tar.ts';
export { importZip, isZip, zipHeadSize } from './tree/zip/import-zip.ts';
export type { TreeReceiver } from './tree/tree-receiver.ts';
export { TreeBuilder } from './tree/tree-builder.ts';
export { type Visit, walkNodes } from './tree/walk-nodes.ts';
export { type WalkOptions, walkTree, walkTreeToEnd } from './tree/walk.ts';
