import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { byteStringFromText } from '../../base/index.ts';
import { GrpcServer, GrpcStatus, bidiStreaming, serverStreaming } from '../../grpc/index.ts';
import {
  ExecuteResponseSchema,
  OpenResponseSchema,
  OperationSchema,
  actionChannelsMethods,
  executionMethods,
} from '../../proto/index.ts';
import { ReapiServer } from '../../reapi/index.ts';
import { BuildRig, ServedReapiRig } from '../../testing/index.ts';
import type { BuilderProcess } from '../build/derivation-actions.ts';
import { BuildError } from '../error.ts';
import { openRemoteDerivationActions } from './open-derivation-actions.ts';

/** A builder that may use Nix. */
function builderIn(rig: BuildRig): BuilderProcess {
  const folder = join(rig.folder.path, 'build');
  mkdirSync(folder);
  return {
    program: byteStringFromText('/bin/sh'),
    argv: [byteStringFromText('sh')],
    environment: new Map(),
    inputs: new Set(),
    folder,
    folderInside: '/build',
    files: new Map(),
    outputs: new Map(),
    owner: undefined,
    timeout: undefined,
    nest: () => () => Promise.resolve(),
    signal: new AbortController().signal,
    output: () => {},
  };
}

test('a builder that uses Nix is not for servers that have no channels', async () => {
  await using rig = new BuildRig();
  await using grpc = new GrpcServer([]);
  const { port } = await grpc.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
  await using server = new ReapiServer({ address: { transport: 'tcp', host: '127.0.0.1', port } });
  await using actions = await openRemoteDerivationActions(rig.store, server);
  const isRejected = (error: unknown) => error instanceof BuildError && /lets no action do so/.test(error.message);
  await assert.rejects(actions.run(builderIn(rig)), isRejected);
});

test('a builder that uses Nix is sent once more, with another channel, where the server has forgotten its own', async () => {
  await using rig = new BuildRig();
  const keys: string[] = [];
  const routes = [
    bidiStreaming(actionChannelsMethods.open, async function* (requests) {
      const { value } = await requests.next();
      if (value?.request.case === 'begin') keys.push(value.request.value.channel);
      yield create(OpenResponseSchema, { event: { case: 'opened', value: true } });
      for await (const _ of requests);
    }),
    serverStreaming(executionMethods.execute, async function* () {
      if (keys.length < 2) throw new GrpcStatus('failedPrecondition', 'nobody has the channel open');
      const response = create(ExecuteResponseSchema, { result: { exitCode: 7 } });
      const value = anyPack(ExecuteResponseSchema, response);
      yield create(OperationSchema, { name: 'a', done: true, result: { case: 'response', value } });
    }),
  ];
  await using served = await ServedReapiRig.open({ more: () => routes });
  await using server = new ReapiServer({ address: { transport: 'unix', path: served.path } });
  await using actions = await openRemoteDerivationActions(rig.store, server);
  assert.deepEqual(await actions.run(builderIn(rig)), { kind: 'exited', status: 7 });
  assert.equal(new Set(keys).size, 2);
});
