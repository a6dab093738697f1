/**
 * Executes argv[3] actions that do nothing, argv[4] at a time, on the server at port argv[2]. No server has seen them: they
 * bear the time. Ends with status 1 when one of them fails.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { foreignDigestOf } from '../../src/castore/index.ts';
import { GrpcClient } from '../../src/grpc/index.ts';
import {
  ActionSchema,
  BatchUpdateBlobsRequestSchema,
  BatchUpdateBlobsRequest_RequestSchema,
  CommandSchema,
  ExecuteRequestSchema,
  ExecuteResponseSchema,
  type Digest,
  type Operation,
  contentAddressableStorageMethods,
  executionMethods,
} from '../../src/proto/index.ts';
import { messageOfDigest } from '../../src/reapi/index.ts';

const [port = 0, count = 0, width = 0] = process.argv.slice(2).map(Number);
const digestOf = (bytes: Uint8Array) => messageOfDigest(foreignDigestOf(bytes, 'sha256'));

async function main(): Promise<void> {
  await using client = new GrpcClient({ transport: 'tcp', host: '127.0.0.1', port });
  const empty = new Uint8Array(0);
  const blobs: Uint8Array[] = [empty];
  const actions = Array.from({ length: count }, (_, at) => {
    const command = toBinary(
      CommandSchema,
      create(CommandSchema, {
        arguments: ['/bin/true'],
        environmentVariables: [{ name: 'NONCE', value: `${Date.now()} ${at}` }],
        outputPaths: ['none'],
      }),
    );
    const message = create(ActionSchema, { commandDigest: digestOf(command), inputRootDigest: digestOf(empty) });
    const action = toBinary(ActionSchema, message);
    blobs.push(command, action);
    return digestOf(action);
  });
  for (let at = 0; at < blobs.length; at += 500) {
    const requests = blobs
      .slice(at, at + 500)
      .map(data => create(BatchUpdateBlobsRequest_RequestSchema, { digest: digestOf(data), data }));
    const message = create(BatchUpdateBlobsRequestSchema, { requests });
    await client.unary(contentAddressableStorageMethods.batchUpdateBlobs, message);
  }

  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let action = actions[next++]; action !== undefined; action = actions[next++]) await execute(client, action);
    }),
  );
}

async function execute(client: GrpcClient, actionDigest: Digest): Promise<void> {
  let last: Operation | undefined;
  const message = create(ExecuteRequestSchema, { actionDigest });
  for await (const operation of client.serverStreaming(executionMethods.execute, message)) last = operation;
  const response = last?.result.case === 'response' ? anyUnpack(last.result.value, ExecuteResponseSchema) : undefined;
  if (response?.result?.exitCode !== 0 || (response.status?.code ?? 0) !== 0) process.exitCode = 1;
}

void main();
