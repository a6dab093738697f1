import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { GrpcClient, GrpcServer } from '../grpc/index.ts';
import {
  HealthCheckRequestSchema,
  HealthListRequestSchema,
  alphaReflectionMethods,
  healthMethods,
  reflectionMethods,
  reflectionV1,
  reflectionV1alpha,
  servedFiles,
} from '../proto/index.ts';
import { temporaryFolder } from '../testing/index.ts';
import { HealthService } from './health-service.ts';
import { reflectionRoutes } from './reflection-service.ts';

const services = ['google.bytestream.ByteStream', 'build.bazel.remote.execution.v2.Execution'];

async function serve() {
  const folder = temporaryFolder();
  const path = join(folder.path, 'socket');
  const health = new HealthService(services);
  const server = new GrpcServer([...health.routes, ...reflectionRoutes(services, servedFiles)]);
  await server.listen({ transport: 'unix', path });
  const client = new GrpcClient({ transport: 'unix', path });
  return {
    health,
    client,
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close();
      folder[Symbol.dispose]();
    },
  };
}

describe('health', () => {
  it('is told of each service, until the server stops', async () => {
    await using rig = await serve();
    const check = (service: string) =>
      rig.client.unary(healthMethods.check, create(HealthCheckRequestSchema, { service }));
    assert.equal((await check('')).status, 1);
    assert.equal((await check(services[0]!)).status, 1);
    await assert.rejects(check('other'), { code: 'notFound' });
    const list = await rig.client.unary(healthMethods.list, create(HealthListRequestSchema));
    assert.deepEqual(Object.keys(list.statuses), ['', ...services]);
    const watch = (service: string) =>
      rig.client.serverStreaming(healthMethods.watch, create(HealthCheckRequestSchema, { service }));
    const watched = watch('');
    const unknown = watch('other');
    assert.equal((await watched.next()).value?.status, 1);
    assert.equal((await unknown.next()).value?.status, 3);
    rig.health.stop();
    assert.equal((await watched.next()).value?.status, 2);
    assert.equal((await check('')).status, 2);
    await unknown.return();
  });
});

describe('server reflection', () => {
  const requests = [
    { case: 'listServices', value: '' },
    { case: 'fileContainingSymbol', value: services[1]! },
    { case: 'fileContainingSymbol', value: 'google.bytestream.ByteStream.Read' },
    { case: 'fileByFilename', value: 'google/bytestream/bytestream.proto' },
    { case: 'fileContainingSymbol', value: 'no.such.Thing' },
  ] as const;

  for (const version of ['v1', 'v1alpha'] as const) {
    it(`describes what is served (${version})`, async () => {
      await using rig = await serve();
      const answers =
        version === 'v1'
          ? rig.client.bidiStreaming(
              reflectionMethods.serverReflectionInfo,
              requests.map(messageRequest => create(reflectionV1.ServerReflectionRequestSchema, { messageRequest })),
            )
          : rig.client.bidiStreaming(
              alphaReflectionMethods.serverReflectionInfo,
              requests.map(messageRequest =>
                create(reflectionV1alpha.ServerReflectionRequestSchema, { messageRequest }),
              ),
            );
      const responses = (await Array.fromAsync<{ messageResponse: { case: unknown; value?: unknown } }>(answers)).map(
        ({ messageResponse }) => messageResponse,
      );
      assert.deepEqual(
        responses.map(each => each.case),
        [
          'listServicesResponse',
          'fileDescriptorResponse',
          'fileDescriptorResponse',
          'fileDescriptorResponse',
          'errorResponse',
        ],
      );
      const { fileDescriptorProto } = responses[1]!.value as { fileDescriptorProto: Uint8Array[] };
      const file: FileDescriptorProto[] = fileDescriptorProto.map(bytes =>
        fromBinary(FileDescriptorProtoSchema, bytes),
      );
      // A registry is only made of files whose imports are there, before them.
      const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: file.toReversed() }));
      assert.ok(registry.getService(services[1]!) !== undefined);
    });
  }
});
