import { create } from '@bufbuild/protobuf';
import { type Route, unary } from '../../grpc/index.ts';
import {
  ActionCacheUpdateCapabilitiesSchema,
  CacheCapabilitiesSchema,
  Compressor_Value,
  DigestFunction_Value,
  ExecutionCapabilitiesSchema,
  FastCdc2020ParamsSchema,
  PriorityCapabilitiesSchema,
  PriorityCapabilities_PriorityRangeSchema,
  SemVerSchema,
  ServerCapabilitiesSchema,
  SymlinkAbsolutePathStrategy_Value,
  capabilitiesMethods,
  highApiVersion,
  lowApiVersion,
} from '../../proto/index.ts';
import { digestFunctionNumbers } from '../../reapi/index.ts';
import type { ReapiPlace } from './reapi-place.ts';

/** What is served beside the blobs. */
export interface ServedFeatures {
  /** Undefined: nothing is executed. */
  readonly execution: { readonly minPriority: number; readonly maxPriority: number } | undefined;
  readonly actionCache: boolean;
}

/** The parameters of FastCDC 2020 by which blobs are split, as REAPI recommends them. In bytes. */
export const chunkParameters = { averageSize: 512 * 1024, seed: 0 } as const;

/** The functions that clients may choose; SHA-256, our own, comes first. */
const digestFunctionValues = Object.values(digestFunctionNumbers).filter(
  value => value !== DigestFunction_Value.UNKNOWN,
);

/** `build.bazel.remote.execution.v2.Capabilities` */
export function capabilitiesRoutes(place: ReapiPlace, features: ServedFeatures): Route[] {
  return [
    unary(capabilitiesMethods.getCapabilities, ({ instanceName }, call) => {
      const requester = { authorization: call.metadata.get('authorization'), peer: call.peer };
      place.access.require(call, instanceName, 'read');
      const [mayWrite, mayExecute] = (['write', 'execute'] as const).map(right =>
        place.access.has(requester, instanceName, right),
      );
      return create(ServerCapabilitiesSchema, {
        cacheCapabilities: cacheCapabilities(place, features.actionCache && mayWrite === true),
        // For who asks: clients say then that they may not, and look for another server.
        executionCapabilities: executionCapabilities(mayExecute === true ? features.execution : undefined),
        lowApiVersion: create(SemVerSchema, lowApiVersion),
        highApiVersion: create(SemVerSchema, highApiVersion),
      });
    }),
  ];
}

function cacheCapabilities({ limits }: ReapiPlace, updateEnabled: boolean) {
  return create(CacheCapabilitiesSchema, {
    digestFunctions: digestFunctionValues,
    actionCacheUpdateCapabilities: create(ActionCacheUpdateCapabilitiesSchema, { updateEnabled }),
    maxBatchTotalSizeBytes: BigInt(limits.batchSize),
    maxCasBlobSizeBytes: BigInt(limits.blobSize),
    symlinkAbsolutePathStrategy: SymlinkAbsolutePathStrategy_Value.ALLOWED,
    supportedCompressors: [Compressor_Value.ZSTD],
    supportedBatchUpdateCompressors: [Compressor_Value.ZSTD],
    splitBlobSupport: true,
    spliceBlobSupport: true,
    fastCdc2020Params: create(FastCdc2020ParamsSchema, {
      avgChunkSizeBytes: BigInt(chunkParameters.averageSize),
      seed: chunkParameters.seed,
    }),
  });
}

function executionCapabilities(execution: ServedFeatures['execution']) {
  if (execution === undefined) return create(ExecutionCapabilitiesSchema, { execEnabled: false });
  return create(ExecutionCapabilitiesSchema, {
    execEnabled: true,
    digestFunction: DigestFunction_Value.SHA256,
    digestFunctions: digestFunctionValues,
    supportedNodeProperties: ['mtime', 'unix_mode'],
    executionPriorityCapabilities: create(PriorityCapabilitiesSchema, {
      priorities: [create(PriorityCapabilities_PriorityRangeSchema, execution)],
    }),
  });
}
