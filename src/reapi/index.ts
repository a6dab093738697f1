/**
 * reapi: REAPI in terms of castore and exec: actions run and cached, any REAPI server as a client, the Store in one.
 */
export {
  type BlobCompressor,
  type BlobResource,
  type UploadResource,
  formatBlobResource,
  formatUploadResource,
  parseBlobResource,
  parseUploadResource,
} from './digests/blob-resource.ts';
export {
  type ServedDigestFunction,
  digestFunctionNumbers,
  isServedDigestFunction,
  wireHash,
} from './digests/digest-functions.ts';
export {
  ActionCache,
  type ActionKey,
  type CachedResult,
  type RecordOptions,
  type ResultOrigin,
} from './action-cache/action-cache.ts';
export {
  type DigestMessage,
  blobResource,
  digestOfMessage,
  messageOfDigest,
  requestedFunction,
} from './digests/digest-message.ts';
export { ReapiError, type ReapiErrorCode, reapiErrorCodes } from './error.ts';
