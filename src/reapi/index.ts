/**
 * reapi: REAPI in terms of castore and exec: actions run and cached, any REAPI server as a client, the Store in one.
 */
export {
  ActionCache,
  type ActionKey,
  type CachedResult,
  type RecordOptions,
  type ResultOrigin,
} from './action-cache/action-cache.ts';
export { type OutputPlace, outputNode } from './action-cache/output-node.ts';
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
  type DigestMessage,
  blobResource,
  digestOfMessage,
  messageOfDigest,
  requestedFunction,
} from './digests/digest-message.ts';
export { ActionChannel } from './execution/action-channel.ts';
export { ActionChannels } from './execution/action-channels.ts';
export type { ActionDaemon, ActionDaemons, DaemonRequest } from './execution/action-daemons.ts';
export type { ActionExecutor, ActionJob, Executed, ExecutionOptions } from './execution/action-executor.ts';
export { type ActionPlan, planAction } from './execution/action-plan.ts';
export { defaultHostPaths } from './execution/host-mounts.ts';
export {
  LocalActionExecutor,
  type LocalActionSettings,
  defaultActionSettings,
} from './execution/local-action-executor.ts';
export { type PlatformOffer, type PlatformProperties, hostPlatform } from './execution/platform.ts';
export type { StoreView, StoreViews, ViewRequest } from './execution/store-views.ts';
export { readAction } from './execution/read-action.ts';
export { currentTime, timestampOf } from './execution/timestamps.ts';
export { ExecutionQueue, type ExecutionRequest, type QueueOptions } from './queue/execution-queue.ts';
export type { FoundLog, LiveLogs } from './queue/live-logs.ts';
export { type ExecutionOutcome, Operation, type OperationState } from './queue/operation.ts';
export { ReapiError, type ReapiErrorCode, reapiErrorCodes } from './error.ts';
export { messageOfOwnDigest, ownDigestOf } from './digests/own-digest.ts';
export { ReapiServer, type ReapiServerOptions } from './client/reapi-server.ts';
export {
  ClientActionChannel,
  type OpenActionChannelOptions,
  type ServeProgram,
  openActionChannel,
} from './client/open-action-channel.ts';
export { readLog } from './client/read-log.ts';
export { RemoteBatch } from './client/remote-batch.ts';
export { RemoteBlobStore, type RemoteBlobStoreOptions } from './client/remote-blob-store.ts';
export { type ResultTree, resultTree } from './client/result-tree.ts';
export { type RetryPolicy, defaultRetryPolicy } from './client/retry.ts';
export { sendTrees } from './client/send-trees.ts';
export { type ServerEndpoint, parseEndpoint } from './client/server-endpoint.ts';
export type { ServerTraits } from './client/server-traits.ts';
export { RemoteActionCache } from './client/remote-action-cache.ts';
export { type RemoteCommand, executeCommand } from './client/execute-command.ts';
export { type ExecuteRemotelyOptions, type RemoteExecution, executeRemotely } from './client/remote-execution.ts';
export { CheckedOutViews, type ViewSettings } from './views/checked-out-views.ts';
export { MountedViews, type MountedViewsOptions } from './views/mounted-views.ts';
export { explainFailure } from './store/explain-failure.ts';
export { openReapiStore } from './store/open-reapi-store.ts';
export { ReapiStore, type ReapiStoreOptions } from './store/reapi-store.ts';
