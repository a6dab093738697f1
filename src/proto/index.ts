/**
 * proto: generated protobuf messages and services: REAPI v2, Remote Asset, ByteStream, long-running operations, health,
 * reflection. `generated/` is made from proto/ by `npm run build:proto`; `serviceMethod` makes of a service's method what
 * gRPC calls.
 *
 *     const request = create(GetActionResultRequestSchema, { instanceName: 'main', actionDigest });
 *     const bytes = actionCacheMethods.getActionResult.request.encode(request);
 *     const result = actionCacheMethods.getActionResult.response.decode(answer);
 */
export { readResponse, readResponseCodec, writeRequestCodec } from './byte-stream-codecs.ts';
export { fieldHead } from './field-head.ts';
export { highApiVersion, lowApiVersion } from './api-version.ts';
export * from './generated/build/bazel/remote/asset/v1/remote_asset_pb.ts';
export * from './generated/build/bazel/remote/execution/v2/remote_execution_pb.ts';
export * from './generated/build/bazel/remote/logstream/v1/remote_logstream_pb.ts';
export * from './generated/build/bazel/semver/semver_pb.ts';
export * from './generated/firn/channel/v1/action_channel_pb.ts';
export * from './generated/google/bytestream/bytestream_pb.ts';
export * from './generated/google/longrunning/operations_pb.ts';
export * from './generated/google/rpc/code_pb.ts';
export * from './generated/google/rpc/error_details_pb.ts';
export * from './generated/google/rpc/status_pb.ts';
export * from './generated/grpc/health/v1/health_pb.ts';
export * as reflectionV1 from './generated/grpc/reflection/v1/reflection_pb.ts';
export * as reflectionV1alpha from './generated/grpc/reflection/v1alpha/reflection_pb.ts';
export { type MessageCodec, type ServiceMethod, messageCodec, serviceMethod } from './method.ts';
export { servedFiles } from './served-files.ts';
export * from './service-methods.ts';
