import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { foreignDigestOf } from '../../castore/index.ts';
import { ActionResultSchema, DigestSchema } from '../../proto/index.ts';
import { ActionCache, messageOfDigest } from '../../reapi/index.ts';
import { ServedReapiRig, type ServedReapiRigOptions } from '../../testing/index.ts';
import { parseRange } from './byte-range.ts';
import { HttpService } from './http-service.ts';

async function serve(options: ServedReapiRigOptions = {}) {
  const rig = await ServedReapiRig.open(options);
  const faults: unknown[] = [];
  const http = new HttpService({
    ...rig.place,
    cache: new ActionCache(rig.store),
    sites: [],
    metrics: () => 'figures 1\n',
    onFault: error => faults.push(error),
  });
  const { port } = await http.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
  return {
    rig,
    port,
    faults,
    call: (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${port}${path}`, init),
    async [Symbol.asyncDispose]() {
      await http.close();
      await rig[Symbol.asyncDispose]();
    },
  };
}

const status = async (answer: Promise<Response>) => (await answer).status;

describe('HttpService', () => {
  it('keeps blobs by their hashes, the ones that REAPI serves', async () => {
    await using served = await serve();
    const bytes = randomBytes(300_000);
    for (const name of ['sha256', 'sha1', 'sha384', 'sha512'] as const) {
      const digest = foreignDigestOf(bytes, name);
      assert.equal(await status(served.call(`/cas/${digest.hash}`)), 404);
      assert.equal(await status(served.call(`/main/cas/${digest.hash}`, { method: 'PUT', body: bytes })), 200);
      const answer = await served.call(`/cas/${digest.hash}`);
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes);
      assert.deepEqual(await served.rig.read(digest), bytes);
    }
    const blake3 = await served.rig.write(bytes, 'blake3');
    const answer = await served.call(`/blobs/blake3/${blake3.hash}`, { headers: { range: 'bytes=10-19' } });
    assert.equal(answer.status, 206);
    assert.equal(answer.headers.get('content-range'), 'bytes 10-19/300000');
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes.subarray(10, 20));
    const { hash } = foreignDigestOf(bytes, 'sha256');
    const head = await served.call(`/blobs/sha256/${hash}`, { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), '300000');
    assert.equal(await status(served.call(`/blobs/sha256/${hash}`, { headers: { range: 'bytes=300000-' } })), 416);
    assert.equal(await status(served.call(`/cas/${foreignDigestOf(new Uint8Array(0), 'sha256').hash}`)), 200);
    assert.deepEqual(served.faults, []);
  });

  it('keeps results of actions that are complete', async () => {
    await using served = await serve();
    const { call, rig } = served;
    const action = foreignDigestOf(Buffer.from('an action'), 'sha256');
    const output = foreignDigestOf(Buffer.from('an output'), 'sha256');
    const result = create(ActionResultSchema, {
      exitCode: 0,
      outputFiles: [
        {
          $typeName: 'build.bazel.remote.execution.v2.OutputFile',
          path: 'out',
          digest: create(DigestSchema, messageOfDigest(output)),
          isExecutable: false,
          contents: new Uint8Array(0),
        },
      ],
    });
    const body = toBinary(ActionResultSchema, result);
    assert.equal(await status(call(`/ac/${action.hash}`)), 404);
    assert.equal(await status(call(`/ac/${action.hash}`, { method: 'PUT', body })), 412);
    await rig.write(Buffer.from('an output'));
    assert.equal(await status(call(`/ac/${action.hash}`, { method: 'PUT', body })), 200);
    assert.deepEqual(Buffer.from(await (await call(`/ac/${action.hash}`)).arrayBuffer()), Buffer.from(body));
    assert.equal(await status(call(`/main/ac/${action.hash}`)), 404);
    assert.equal(await status(call(`/ac/${action.hash}`, { method: 'PUT', body: 'garbage' })), 400);
  });

  it('refuses other bytes, too many, other methods, other paths, other instances', async () => {
    await using served = await serve({ limits: { blobSize: 1000 } });
    const { call, rig } = served;
    const digest = foreignDigestOf(Buffer.from('x'), 'sha256');
    assert.equal(await status(call(`/cas/${digest.hash}`, { method: 'PUT', body: 'y' })), 400);
    assert.equal(await status(call(`/cas/${digest.hash}`, { method: 'PUT', body: Buffer.alloc(1001) })), 400);
    assert.equal(await status(call(`/cas/${digest.hash}`, { method: 'DELETE' })), 405);
    assert.equal(await status(call(`/blobs/sha256/${digest.hash}`, { method: 'PUT', body: 'x' })), 405);
    assert.equal(await status(call('/cas/../../etc/passwd')), 404);
    assert.equal(await status(call('/cas/abc')), 400);
    assert.equal(await status(call(`/elsewhere/cas/${digest.hash}`)), 400);
    assert.equal(await (await call('/health')).text(), 'ok\n');
    assert.equal(await (await call('/metrics')).text(), 'figures 1\n');
    assert.deepEqual(await rig.missing([digest]), [digest.hash]);
  });

  it('keeps nothing of an upload that is broken off', async () => {
    await using served = await serve();
    const digest = foreignDigestOf(Buffer.alloc(100_000), 'sha256');
    const socket = connect(served.port, '127.0.0.1');
    socket.write(`PUT /cas/${digest.hash} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n`);
    socket.end(Buffer.alloc(60_000));
    socket.resume();
    socket.on('error', () => {});
    await once(socket, 'close');
    assert.deepEqual(await served.rig.missing([digest]), [digest.hash]);
    assert.deepEqual(served.faults, []);
  });

  it('asks for tokens', async () => {
    const tokens = [{ token: 'writer', instances: '*', rights: ['read', 'write'] }] as const;
    await using served = await serve({ rules: { anonymous: { instances: '*', rights: ['read'] }, tokens } });
    const path = `/cas/${foreignDigestOf(Buffer.from('x'), 'sha256').hash}`;
    const answer = await served.call(path, { method: 'PUT', body: 'x' });
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/);
    const put = (authorization: string) =>
      status(served.call(path, { method: 'PUT', body: 'x', headers: { authorization } }));
    assert.equal(await put('Bearer other'), 401);
    assert.equal(await put('Bearer writer'), 200);
    assert.equal(await status(served.call(path)), 200);
  });
});

describe('ranges', () => {
  it('are read as RFC 9110 has them', () => {
    const cases: readonly (readonly [string | undefined, unknown])[] = [
      [undefined, undefined],
      ['bytes=0-0', { start: 0, end: 1 }],
      ['bytes=5-', { start: 5, end: 100 }],
      ['bytes=-5', { start: 95, end: 100 }],
      ['bytes=-500', { start: 0, end: 100 }],
      ['bytes=90-500', { start: 90, end: 100 }],
      ['bytes=100-', 'unsatisfiable'],
      ['bytes=-0', 'unsatisfiable'],
      ['bytes=9-8', undefined],
      ['bytes=1-2,5-6', undefined],
      ['lines=1-2', undefined],
      ['bytes=-', undefined],
    ];
    for (const [header, range] of cases) assert.deepEqual(parseRange(header, 100), range, String(header));
  });
});
