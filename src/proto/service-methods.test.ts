import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  ActionResultSchema,
  Code,
  DigestFunction_Value,
  GetActionResultRequestSchema,
  actionCacheMethods,
  alphaReflectionMethods,
  byteStreamMethods,
  contentAddressableStorageMethods,
  executionMethods,
  fetchMethods,
  healthMethods,
  lowApiVersion,
  messageCodec,
  operationsMethods,
} from './index.ts';

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text.replaceAll(' ', ''));

test('methods have the paths and kinds that clients call', () => {
  const seen = [
    contentAddressableStorageMethods.findMissingBlobs,
    contentAddressableStorageMethods.getTree,
    byteStreamMethods.read,
    byteStreamMethods.write,
    executionMethods.execute,
    operationsMethods.cancelOperation,
    fetchMethods.fetchBlob,
    healthMethods.watch,
    alphaReflectionMethods.serverReflectionInfo,
  ].map(({ path, kind }) => [path, kind]);
  assert.deepEqual(seen, [
    ['/build.bazel.remote.execution.v2.ContentAddressableStorage/FindMissingBlobs', 'unary'],
    ['/build.bazel.remote.execution.v2.ContentAddressableStorage/GetTree', 'server-streaming'],
    ['/google.bytestream.ByteStream/Read', 'server-streaming'],
    ['/google.bytestream.ByteStream/Write', 'client-streaming'],
    ['/build.bazel.remote.execution.v2.Execution/Execute', 'server-streaming'],
    ['/google.longrunning.Operations/CancelOperation', 'unary'],
    ['/build.bazel.remote.asset.v1.Fetch/FetchBlob', 'unary'],
    ['/grpc.health.v1.Health/Watch', 'server-streaming'],
    ['/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo', 'bidi-streaming'],
  ]);
});

test('a message says only what it is given', () => {
  const { request } = actionCacheMethods.getActionResult;
  const bytes = request.encode(
    create(GetActionResultRequestSchema, { instanceName: 'a', actionDigest: { hash: 'ff', sizeBytes: 300n } }),
  );
  assert.deepEqual(bytes, hex('0a 01 61 12 07 0a 02 66 66 10 ac 02'));
  const message = request.decode(bytes);
  assert.equal(message.actionDigest?.sizeBytes, 300n);
  assert.equal(message.digestFunction, DigestFunction_Value.UNKNOWN);
});

test('fields that are not known are kept', () => {
  const codec = messageCodec(ActionResultSchema);
  const bytes = hex('20 07 fa 3f 03 61 62 63'); // exit_code 7, field 1023 "abc"
  assert.deepEqual(codec.encode(codec.decode(bytes)), bytes);
});

test('what is no message is refused', () => {
  const { decode } = actionCacheMethods.getActionResult.request;
  assert.throws(() => decode(hex('0a 05 61')));
  assert.throws(() => decode(hex('ff ff ff ff ff ff ff ff ff ff ff')));
});

test('numbers that are spoken elsewhere as words', () => {
  assert.equal(DigestFunction_Value.BLAKE3, 9);
  assert.equal(DigestFunction_Value.GITSHA1, 10);
  assert.equal(Code.UNAUTHENTICATED, 16);
  assert.equal(lowApiVersion.major, 2);
});
