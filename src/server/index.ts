/**
 * server: what other processes and machines are served by. A service speaks one protocol with one client over a channel:
 *
 *     await serveStore(new StreamChannel(process.stdin, process.stdout), served, { mayWrite: true });
 */
export { ServerError, type ServerErrorCode, serverErrorCodes } from './error.ts';
export type { BuildRequest, ServedStore, SubstitutablePath } from './served-store.ts';
export { type ServeOptions, serveStore } from './serve-service.ts';
export { type WorkerOptions, serveWorker } from './worker-service.ts';
export {
  Access,
  type AccessRules,
  type CertificateGrant,
  type Grant,
  type Requester,
  type Right,
  type TokenGrant,
  rights,
} from './access.ts';
export { BlobQuota, type QuotaOptions } from './reapi/blob-quota.ts';
export type { ServedFeatures } from './reapi/capabilities-service.ts';
export { type ReapiLimits, type ReapiPlace, defaultReapiLimits } from './reapi/reapi-place.ts';
export type { ExecutionPlace } from './reapi/execution-place.ts';
export { type ReapiServices, blobServices, executionServices } from './reapi/reapi-services.ts';
export { requestedDigest, requestedDigests } from './reapi/requested-digests.ts';
export { ServedBlobs } from './reapi/served-blobs.ts';
export { statusOfError } from './status-of-error.ts';
export { type AssetOptions, assetServices } from './reapi/assets/asset-service.ts';
export { HealthService } from './health-service.ts';
export { BinaryCacheSite } from './binary-cache/binary-cache-site.ts';
export { type NarCompression, narCompressions } from './binary-cache/nar-compression.ts';
export { SentTable } from './binary-cache/sent-table.ts';
export type { CacheUpstream, ServedCache } from './binary-cache/served-cache.ts';
export { httpErrorOf } from './http/http-error.ts';
export type { HttpExchange, HttpSite } from './http/http-site.ts';
export { type HttpPlace, HttpService } from './http/http-service.ts';
export { type Gauge, ServerMetrics } from './metrics.ts';
export { reflectionRoutes } from './reflection-service.ts';
export { TraceExporter, type TraceOptions } from './trace-exporter.ts';
