import { Fetch, Push } from './generated/build/bazel/remote/asset/v1/remote_asset_pb.ts';
import {
  ActionCache,
  Capabilities,
  ContentAddressableStorage,
  Execution,
} from './generated/build/bazel/remote/execution/v2/remote_execution_pb.ts';
import { LogStreamService } from './generated/build/bazel/remote/logstream/v1/remote_logstream_pb.ts';
import { ActionChannels } from './generated/firn/channel/v1/action_channel_pb.ts';
import { ByteStream } from './generated/google/bytestream/bytestream_pb.ts';
import { Operations } from './generated/google/longrunning/operations_pb.ts';
import { Health } from './generated/grpc/health/v1/health_pb.ts';
import { ServerReflection } from './generated/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as AlphaServerReflection } from './generated/grpc/reflection/v1alpha/reflection_pb.ts';
import { serviceMethod } from './method.ts';

/** All methods of a service, none forgotten. */
type MethodsOf<Service extends { readonly method: object }> = Record<keyof Service['method'], unknown>;

export const capabilitiesMethods = {
  getCapabilities: serviceMethod(Capabilities.method.getCapabilities),
} satisfies MethodsOf<typeof Capabilities>;

export const contentAddressableStorageMethods = {
  findMissingBlobs: serviceMethod(ContentAddressableStorage.method.findMissingBlobs),
  batchUpdateBlobs: serviceMethod(ContentAddressableStorage.method.batchUpdateBlobs),
  batchReadBlobs: serviceMethod(ContentAddressableStorage.method.batchReadBlobs),
  getTree: serviceMethod(ContentAddressableStorage.method.getTree),
  splitBlob: serviceMethod(ContentAddressableStorage.method.splitBlob),
  spliceBlob: serviceMethod(ContentAddressableStorage.method.spliceBlob),
} satisfies MethodsOf<typeof ContentAddressableStorage>;

export const byteStreamMethods = {
  read: serviceMethod(ByteStream.method.read),
  write: serviceMethod(ByteStream.method.write),
  queryWriteStatus: serviceMethod(ByteStream.method.queryWriteStatus),
} satisfies MethodsOf<typeof ByteStream>;

export const actionCacheMethods = {
  getActionResult: serviceMethod(ActionCache.method.getActionResult),
  updateActionResult: serviceMethod(ActionCache.method.updateActionResult),
} satisfies MethodsOf<typeof ActionCache>;

export const executionMethods = {
  execute: serviceMethod(Execution.method.execute),
  waitExecution: serviceMethod(Execution.method.waitExecution),
} satisfies MethodsOf<typeof Execution>;

export const operationsMethods = {
  listOperations: serviceMethod(Operations.method.listOperations),
  getOperation: serviceMethod(Operations.method.getOperation),
  deleteOperation: serviceMethod(Operations.method.deleteOperation),
  cancelOperation: serviceMethod(Operations.method.cancelOperation),
  waitOperation: serviceMethod(Operations.method.waitOperation),
} satisfies MethodsOf<typeof Operations>;

export const fetchMethods = {
  fetchBlob: serviceMethod(Fetch.method.fetchBlob),
  fetchDirectory: serviceMethod(Fetch.method.fetchDirectory),
} satisfies MethodsOf<typeof Fetch>;

export const pushMethods = {
  pushBlob: serviceMethod(Push.method.pushBlob),
  pushDirectory: serviceMethod(Push.method.pushDirectory),
} satisfies MethodsOf<typeof Push>;

export const logStreamMethods = {
  createLogStream: serviceMethod(LogStreamService.method.createLogStream),
} satisfies MethodsOf<typeof LogStreamService>;

export const healthMethods = {
  check: serviceMethod(Health.method.check),
  list: serviceMethod(Health.method.list),
  watch: serviceMethod(Health.method.watch),
} satisfies MethodsOf<typeof Health>;

export const reflectionMethods = {
  serverReflectionInfo: serviceMethod(ServerReflection.method.serverReflectionInfo),
} satisfies MethodsOf<typeof ServerReflection>;

/** As clients older than 2023 ask. */
export const alphaReflectionMethods = {
  serverReflectionInfo: serviceMethod(AlphaServerReflection.method.serverReflectionInfo),
} satisfies MethodsOf<typeof AlphaServerReflection>;

export const actionChannelsMethods = {
  open: serviceMethod(ActionChannels.method.open),
  connect: serviceMethod(ActionChannels.method.connect),
  show: serviceMethod(ActionChannels.method.show),
} satisfies MethodsOf<typeof ActionChannels>;
