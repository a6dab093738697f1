/**
 * castore: blobs and directories by digest. (The contract and an example come with the backends.)
 */
export {
  type BlobBatch,
  type BlobStore,
  type CallOptions,
  type PutOptions,
  type ReadOptions,
  defaultGetLimit,
  putBlob,
} from './blob-store.ts';
export { checkGetLimit, chunksOf, clipRange, collectChunks, maxChunkSize } from './chunks.ts';
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
  sha256FromBytes,
  sha256FromHex,
  sha256ToBytes,
} from './digest.ts';
export { decodeDirectory, encodeDirectory, maxDirectorySize } from './directory.ts';
export { checkEntryName, checkSymlinkTarget, isEntryName, isSymlinkTarget } from './entry-name.ts';
export { CastoreError, type CastoreErrorCode, castoreErrorCodes } from './error.ts';
export { MemoryBlobStore } from './memory/memory-blob-store.ts';
export type { Directory, DirectoryEntry, DirectoryNode, FileNode, Node, SymlinkNode } from './node.ts';
