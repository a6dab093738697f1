import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { GrpcServer } from '../../grpc/index.ts';
import { ReapiServer } from '../../reapi/index.ts';
import { BuildRig } from '../../testing/index.ts';
import { BuildError } from '../error.ts';
import { openRemoteDerivationActions } from './open-derivation-actions.ts';

test('a builder that uses Nix is not for servers that have no channels', async () => {
  await using rig = new BuildRig();
  await using grpc = new GrpcServer([]);
  const { port } = await grpc.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
  await using server = new ReapiServer({ address: { transport: 'tcp', host: '127.0.0.1', port } });
  await using actions = await openRemoteDerivationActions(rig.store, server);
  const folder = join(rig.folder.path, 'build');
  mkdirSync(folder);
  const run = actions.run({
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
  });
  const isRejected = (error: unknown) => error instanceof BuildError && /lets no action do so/.test(error.message);
  await assert.rejects(run, isRejected);
});
