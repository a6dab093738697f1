import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { foreignDigestOf } from '../../src/castore/index.ts';
import { GrpcClient, type ServerAddress } from '../../src/grpc/index.ts';
import {
  FindMissingBlobsRequestSchema,
  HealthCheckRequestSchema,
  WriteRequestSchema,
  byteStreamMethods,
  contentAddressableStorageMethods,
  healthMethods,
} from '../../src/proto/index.ts';
import { temporaryFolder, writeRequests } from '../../src/testing/index.ts';
import { ServedFirn } from '../clients/served-firn.ts';

function addressOf(text: string): ServerAddress {
  const [host = '', port = ''] = text.split(':');
  return { transport: 'tcp', host, port: Number(port) };
}

const bytes = randomBytes(200_000);
const { hash, size } = foreignDigestOf(bytes, 'sha256');
const resourceName = `uploads/u/blobs/${hash}/${size}`;

describe('firn serve', () => {
  it('lets everybody on this machine read, and asks for its token to write', async () => {
    await using served = await ServedFirn.start({ isHere: true, anonymous: undefined });
    const { token } = served;
    assert.equal(statSync(join(served.folder, 'data/token')).mode & 0o777, 0o600);
    assert.match(served.configuration, new RegExp(`^build --remote_(?:executor|cache)=grpc://${served.grpc}$`, 'm'));
    assert.ok(served.configuration.includes(`build "--remote_header=authorization=Bearer ${token}"\n`));
    assert.match(served.configuration, /^\[buck2_re_client\]$/m);
    assert.match(served.configuration, /^export RECC_SERVER=http:/m);
    assert.match(served.configuration, new RegExp(`^substituters = reapi://${served.grpc}`, 'm'));
    await using nobody = new GrpcClient(addressOf(served.grpc));
    await nobody.unary(contentAddressableStorageMethods.findMissingBlobs, create(FindMissingBlobsRequestSchema));
    const upload = (client: GrpcClient) =>
      client.clientStreaming(byteStreamMethods.write, writeRequests(bytes, { resourceName }));
    await assert.rejects(upload(nobody), { code: 'unauthenticated' });
    await using owner = new GrpcClient(addressOf(served.grpc), { metadata: { authorization: `Bearer ${token}` } });
    assert.equal((await upload(owner)).committedSize, BigInt(size));
    const answer = await fetch(`http://${served.http}/blobs/sha256/${hash}`);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes);
    assert.equal((await fetch(`http://${served.http}/cas/${hash}`, { method: 'PUT', body: bytes })).status, 401);
  });

  it('lets calls end when it is asked to stop', async () => {
    await using served = await ServedFirn.start({ isHere: true });
    await using client = new GrpcClient(addressOf(served.grpc));
    const begun = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const requests = async function* () {
      yield create(WriteRequestSchema, { resourceName, data: bytes.subarray(0, 100_000) });
      begun.resolve();
      await goOn.promise;
      yield create(WriteRequestSchema, { writeOffset: 100_000n, data: bytes.subarray(100_000), finishWrite: true });
    };
    const upload = client.clientStreaming(byteStreamMethods.write, requests());
    await begun.promise;
    while (!/^firn_grpc_calls 1$/m.test(await (await fetch(`http://${served.http}/metrics`)).text())) await turn();
    const stopped = served.stop();
    while (!served.log.includes('"event":"stopping"')) await turn();
    goOn.resolve();
    assert.equal((await upload).committedSize, BigInt(size));
    await stopped;
    assert.match(served.log, /"event":"stopped"/);
  });

  it('listens where firn.toml says, also where a killed server left its socket', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'socket');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('listening'))`;
    const other = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    const config = join(folder.path, 'firn.toml');
    writeFileSync(config, `grpc = "unix:${path}"\nanonymous = "write"\ninstances = ["only"]\n`);
    await assert.rejects(ServedFirn.start({ isHere: true, flags: ['--grpc', `unix:${path}`] }), /EADDRINUSE/);
    other.kill('SIGKILL');
    await once(other, 'exit');
    assert.ok(statSync(path).isSocket());
    await using served = await ServedFirn.start({
      isHere: true,
      flags: ['--grpc', `unix:${path}`, '--config', config],
    });
    await using client = new GrpcClient({ transport: 'unix', path });
    assert.equal((await client.unary(healthMethods.check, create(HealthCheckRequestSchema))).status, 1);
    const ask = (instanceName: string) =>
      client.unary(
        contentAddressableStorageMethods.findMissingBlobs,
        create(FindMissingBlobsRequestSchema, { instanceName }),
      );
    await ask('only');
    await assert.rejects(ask(''), { code: 'invalidArgument', message: "no instance '': there are 'only'" });
    assert.ok(served.configuration.includes('build --remote_instance_name=only\n'));
  });
});
