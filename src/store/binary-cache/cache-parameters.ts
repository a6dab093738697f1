import {
  type SecretKey,
  type SettingType,
  booleanType,
  int32Type,
  optionalAbsolutePathType,
} from '../../nix-compat/index.ts';
import { takeSecretKeys } from '../secret-keys.ts';
import type { StoreParameters } from '../store-parameters.ts';
import { type CompressionMethod, compressionType, optionalCompressionType } from './compression.ts';
import type { FileEncodings } from './encoding-transport.ts';
import type { ClientIdentity } from './http/http-request.ts';

/** What all binary caches can be told beside what all stores can. */
export interface CacheParameters {
  readonly compression: CompressionMethod;
  /** The method's own scale; its default where undefined. */
  readonly compressionLevel: number | undefined;
  readonly parallelCompression: boolean;
  readonly writesNarListing: boolean;
  readonly indexesDebugInfo: boolean;
  readonly secretKeys: readonly SecretKey[];
  /** Absolute. */
  readonly localNarCache: string | undefined;
}

/** Reads the secret keys, too: throws `cache/bad-secret-key` besides what `StoreParameters.take` throws. */
export function takeCacheParameters(parameters: StoreParameters): CacheParameters {
  const level = parameters.take('compression-level', int32Type, -1);
  return {
    compression: parameters.take('compression', compressionType, 'xz'),
    compressionLevel: level === -1 ? undefined : level,
    parallelCompression: parameters.take('parallel-compression', booleanType, false),
    writesNarListing: parameters.take('write-nar-listing', booleanType, false),
    indexesDebugInfo: parameters.take('index-debug-info', booleanType, false),
    localNarCache: parameters.take<string | undefined>('local-nar-cache', optionalAbsolutePathType, undefined),
    secretKeys: takeSecretKeys(parameters),
  };
}

/** What caches behind HTTP can be told besides. */
export interface ServerParameters {
  readonly encodings: FileEncodings;
  readonly identity: ClientIdentity;
}

/** Throws what `StoreParameters.take` throws. */
export function takeServerParameters(parameters: StoreParameters): ServerParameters {
  const optional = <T>(name: string, type: SettingType<T | undefined>) =>
    parameters.take<T | undefined>(name, type, undefined);
  return {
    encodings: {
      narInfo: optional('narinfo-compression', optionalCompressionType),
      listing: optional('ls-compression', optionalCompressionType),
      log: optional('log-compression', optionalCompressionType),
    },
    identity: {
      certificate: optional('tls-certificate', optionalAbsolutePathType),
      key: optional('tls-private-key', optionalAbsolutePathType),
    },
  };
}
