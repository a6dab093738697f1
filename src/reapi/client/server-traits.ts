import type { DigestFunction } from '../../castore/index.ts';
import { Compressor_Value, type FastCdc2020Params, type ServerCapabilities } from '../../proto/index.ts';
import { digestFunctionNumbers, isServedDigestFunction } from '../digests/digest-functions.ts';

/** By which parameters a server splits blobs (FAST_CDC_2020). */
export interface Chunking {
  readonly averageSize: number;
  readonly seed: number;
}

/** What a server says it can do, in our terms. */
export interface ServerTraits {
  readonly digestFunctions: ReadonlySet<DigestFunction>;
  /** Bytes of all blobs of one batch, as the server says or as gRPC's own limit has it. */
  readonly maxBatchSize: number;
  /** Whether blobs are taken and given as zstd, and whether that goes for batches that are sent, too. */
  readonly zstd: boolean;
  readonly zstdBatches: boolean;
  /** Bytes of the largest blob; undefined where there is no limit. */
  readonly maxBlobSize: number | undefined;
  readonly updatesActionCache: boolean;
  readonly executes: boolean;
  readonly splitsBlobs: boolean;
  readonly splicesBlobs: boolean;
  /** Undefined where the server recommends none. */
  readonly chunking: Chunking | undefined;
}

/** Bytes of a message that every implementation of gRPC takes unless told otherwise, less what surrounds the blobs. */
const messageRoom = 4 * 1024 * 1024 - 256 * 1024;

export function traitsOf(capabilities: ServerCapabilities): ServerTraits {
  const { cacheCapabilities: cache, executionCapabilities: execution } = capabilities;
  const functions = Object.entries(digestFunctionNumbers).flatMap(([name, value]) =>
    isServedDigestFunction(name) && cache?.digestFunctions.includes(value) === true ? [name] : [],
  );
  const batch = Number(cache?.maxBatchTotalSizeBytes ?? 0n);
  const blob = Number(cache?.maxCasBlobSizeBytes ?? 0n);
  return {
    digestFunctions: new Set(functions),
    maxBatchSize: batch > 0 ? Math.min(batch, messageRoom) : messageRoom,
    zstd: cache?.supportedCompressors.includes(Compressor_Value.ZSTD) === true,
    zstdBatches: cache?.supportedBatchUpdateCompressors.includes(Compressor_Value.ZSTD) === true,
    maxBlobSize: blob > 0 ? blob : undefined,
    updatesActionCache: cache?.actionCacheUpdateCapabilities?.updateEnabled === true,
    executes: execution?.execEnabled === true,
    splitsBlobs: cache?.splitBlobSupport === true,
    splicesBlobs: cache?.spliceBlobSupport === true,
    chunking: chunkingOf(cache?.fastCdc2020Params),
  };
}

/** Undefined for what is no such chunking as ours. */
function chunkingOf(params: FastCdc2020Params | undefined): Chunking | undefined {
  if (params === undefined) return undefined;
  const averageSize = Number(params.avgChunkSizeBytes);
  const isPossible = averageSize >= 1024 && averageSize <= 1024 * 1024 && Number.isInteger(Math.log2(averageSize));
  return isPossible ? { averageSize, seed: params.seed } : undefined;
}
