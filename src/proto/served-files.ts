import type { DescFile } from '@bufbuild/protobuf';
import { file_build_bazel_remote_asset_v1_remote_asset } from './generated/build/bazel/remote/asset/v1/remote_asset_pb.ts';
import { file_build_bazel_remote_execution_v2_remote_execution } from './generated/build/bazel/remote/execution/v2/remote_execution_pb.ts';
import { file_firn_channel_v1_action_channel } from './generated/firn/channel/v1/action_channel_pb.ts';
import { file_google_bytestream_bytestream } from './generated/google/bytestream/bytestream_pb.ts';
import { file_google_longrunning_operations } from './generated/google/longrunning/operations_pb.ts';
import { file_grpc_health_v1_health } from './generated/grpc/health/v1/health_pb.ts';

/** The files that define what servers of ours serve, with what they import. */
export const servedFiles: readonly DescFile[] = [
  file_build_bazel_remote_asset_v1_remote_asset,
  file_build_bazel_remote_execution_v2_remote_execution,
  file_firn_channel_v1_action_channel,
  file_google_bytestream_bytestream,
  file_google_longrunning_operations,
  file_grpc_health_v1_health,
];
