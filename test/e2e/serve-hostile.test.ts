import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { foreignDigestOf } from '../../src/castore/index.ts';
import { GrpcClient } from '../../src/grpc/index.ts';
import {
  DigestSchema,
  FindMissingBlobsRequestSchema,
  HealthCheckRequestSchema,
  ReadRequestSchema,
  WriteRequestSchema,
  byteStreamMethods,
  contentAddressableStorageMethods,
  healthMethods,
} from '../../src/proto/index.ts';
import { messageOfDigest } from '../../src/reapi/index.ts';
import { writeRequests } from '../../src/testing/index.ts';
import { ServedFirn } from '../clients/served-firn.ts';

/** More than it ever was when this was written: 380 MB, whatever came before. In bytes. */
const memoryBound = 600 * 2 ** 20;

/** A message as it goes over the wire. */
function framed(bytes: Uint8Array, size = bytes.byteLength): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(size, 1);
  return Buffer.concat([prefix, bytes]);
}

/** Connections of a client that does as it likes, closed at the end. */
class HostileClient implements Disposable {
  readonly sessions: ClientHttp2Session[] = [];
  readonly #address: string;

  constructor(address: string) {
    this.#address = address;
  }

  connect(count: number): void {
    for (let i = 0; i < count; i++) {
      const session = connect(`http://${this.#address}`, { maxSessionMemory: 1000, peerMaxConcurrentStreams: 100_000 });
      session.on('error', () => {});
      this.sessions.push(session);
    }
  }

  /** Calls at a time on each connection. */
  call(count: number, path: string, start: (stream: ClientHttp2Stream) => void): ClientHttp2Stream[] {
    return this.sessions.flatMap(session =>
      Array.from({ length: count }, () => {
        const stream = session.request({
          ':method': 'POST',
          ':path': path,
          'content-type': 'application/grpc',
          te: 'trailers',
        });
        stream.on('error', () => {});
        start(stream);
        return stream;
      }),
    );
  }

  [Symbol.dispose](): void {
    for (const session of this.sessions) session.destroy();
  }
}

const answered = (stream: ClientHttp2Stream): Promise<boolean> =>
  new Promise(resolve => {
    stream.once('response', () => resolve(true));
    stream.once('close', () => resolve(false));
  });

describe('firn serve', () => {
  let served: ServedFirn;
  let client: GrpcClient;
  before(async () => {
    served = await ServedFirn.start({ isHere: true });
    const [host = '', port = ''] = served.grpc.split(':');
    client = new GrpcClient({ transport: 'tcp', host, port: Number(port) });
  });
  after(async () => {
    await client.close();
    await served[Symbol.asyncDispose]();
  });

  const figure = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://${served.http}/metrics`)).text();
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
  };
  const isWell = async (): Promise<void> => {
    const { status } = await client.unary(healthMethods.check, create(HealthCheckRequestSchema), { timeout: 30_000 });
    assert.equal(status, 1);
    const memory = await figure('process_resident_memory_bytes');
    assert.ok(memory < memoryBound, `${Math.round(memory / 1e6)} MB`);
  };
  /** Until a figure is `wanted`; a server learns of what clients did a little later. */
  const settles = async (name: string, wanted: (value: number) => boolean): Promise<void> => {
    while (!wanted(await figure(name))) await new Promise(resolve => setImmediate(resolve));
  };

  for (const [connections, calls] of [
    [1000, 10],
    [1, 10_000],
  ] as const) {
    it(`bears ${connections} connections with ${connections * calls} calls in flight`, async () => {
      {
        using hostile = new HostileClient(served.grpc);
        hostile.connect(connections);
        const request = framed(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema)));
        const streams = hostile.call(calls, healthMethods.watch.path, stream => {
          stream.resume();
          stream.end(request);
        });
        assert.ok((await Promise.all(streams.map(answered))).every(Boolean));
        await settles('firn_grpc_calls', value => value >= connections * calls);
        await isWell();
      }
      await settles('firn_grpc_calls', value => value === 0);
    });
  }

  it('bears readers that take nothing', async () => {
    const bytes = randomBytes(16 * 2 ** 20);
    const { hash, size } = foreignDigestOf(bytes, 'sha256');
    const uploaded = writeRequests(bytes, { resourceName: `uploads/u/blobs/${hash}/${size}` });
    await client.clientStreaming(byteStreamMethods.write, uploaded);
    using hostile = new HostileClient(served.grpc);
    hostile.connect(100);
    const request = create(ReadRequestSchema, { resourceName: `blobs/${hash}/${size}` });
    hostile.call(20, byteStreamMethods.read.path, stream => {
      stream.pause();
      stream.end(framed(toBinary(ReadRequestSchema, request)));
    });
    await settles('firn_grpc_calls', value => value === 2000);
    await isWell();
    // Who reads still gets it.
    let read = 0;
    for await (const { data } of client.serverStreaming(byteStreamMethods.read, request)) read += data.byteLength;
    assert.equal(read, size);
  });

  it('bears uploads that stand still, within a message and between two', async () => {
    const digests: { readonly hash: string; readonly size: number }[] = [];
    {
      using hostile = new HostileClient(served.grpc);
      hostile.connect(50);
      hostile.call(20, byteStreamMethods.write.path, stream => {
        const digest = { hash: randomBytes(32).toString('hex'), size: 10_000_000 };
        digests.push(digest);
        const resourceName = `uploads/u/blobs/${digest.hash}/${digest.size}`;
        const message = create(WriteRequestSchema, { resourceName, data: randomBytes(100_000) });
        stream.resume();
        stream.write(framed(toBinary(WriteRequestSchema, message)));
        stream.write(framed(Buffer.alloc(1000), 5_000_000));
      });
      await settles('firn_grpc_calls', value => value >= 1000);
      await isWell();
    }
    await settles('firn_grpc_calls', value => value === 0);
    const blobDigests = digests.map(({ hash, size }) =>
      create(DigestSchema, messageOfDigest({ function: 'sha256', hash, size })),
    );
    const request = create(FindMissingBlobsRequestSchema, { blobDigests });
    const { missingBlobDigests } = await client.unary(contentAddressableStorageMethods.findMissingBlobs, request);
    assert.equal(missingBlobDigests.length, digests.length);
  });

  it('bears garbage after the preface of HTTP/2, and in messages', async () => {
    const [host = '', port = ''] = served.grpc.split(':');
    const closed = Array.from(
      { length: 200 },
      (_, i) =>
        new Promise<void>(resolve => {
          const socket = connectSocket(Number(port), host);
          socket.on('error', () => {});
          socket.on('close', () => resolve());
          socket.resume();
          socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
          socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
          socket.end(randomBytes(100 + i * 10));
        }),
    );
    await Promise.all(closed);
    using hostile = new HostileClient(served.grpc);
    hostile.connect(1);
    const paths = [byteStreamMethods.write, byteStreamMethods.read, contentAddressableStorageMethods.batchUpdateBlobs];
    for (const { path } of paths) {
      const streams = hostile.call(100, path, stream => {
        stream.resume();
        stream.end(framed(randomBytes(50)));
      });
      const statuses = streams.map(
        stream =>
          new Promise<unknown>(resolve => {
            stream.once('response', headers => resolve(headers['grpc-status']));
            stream.once('close', () => resolve('closed'));
          }),
      );
      for (const status of await Promise.all(statuses)) assert.match(String(status), /^(?:3|13)$/);
    }
    await isWell();
  });

  it('bears store paths that are sent untrue, broken off or to odd places', async () => {
    const [host = '', port = ''] = served.http.split(':');
    const hashPart = '0'.repeat(32);
    const narInfo = [
      `StorePath: /nix/store/${hashPart}-x`,
      'URL: nar/..',
      'Compression: none',
      `NarHash: sha256:${'0'.repeat(52)}`,
      'NarSize: 1000000000000',
      'References: ',
      '',
    ].join('\n');
    const put = (path: string, length: number, body = '') =>
      `PUT /${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${served.token}\r\ncontent-length: ${length}\r\n\r\n${body}`;
    const said = [
      put('nar/x.nar', 1_000_000, 'x'.repeat(5000)),
      put('nar/x.nar', 2 ** 50),
      put('nar/../../token', 4, 'mine'),
      put('nar/..%2f..%2ftoken', 4, 'mine'),
      put(`${hashPart}.narinfo`, narInfo.length, narInfo),
      put(`${hashPart}.narinfo`, narInfo.length, narInfo.replace('nar/..', 'nar/x.nar')),
      put(`${hashPart}.narinfo`, 100_000_000, 'x'.repeat(100_000)),
      put(`${hashPart}.ls`, 10, '{'),
      'GET /nix-cache-info HTTP/1.1\r\nhost: x\r\nrange: bytes=99999999999999999999-\r\n\r\n',
      'GET /nar/%00 HTTP/1.1\r\nhost: x\r\n\r\n',
      '\0\xff\r\n\r\n',
    ];
    const descriptors = () => readdirSync(`/proc/${served.pid}/fd`).length;
    await isWell();
    const usual = descriptors();
    for (let round = 0; round < 30; round++) {
      await Promise.all(
        said.map(
          bytes =>
            new Promise<void>(resolve => {
              const socket = connectSocket(Number(port), host);
              socket.on('error', () => {});
              socket.on('close', () => resolve());
              // Some hear what they are told.
              if (round % 3 === 0) socket.once('data', () => socket.destroy());
              socket.write(bytes, 'latin1', () => {
                if (round % 3 === 1) socket.destroy();
                else if (round % 3 === 2) socket.end();
                else setTimeout(() => socket.destroy(), 50);
              });
              socket.resume();
            }),
        ),
      );
    }
    while (descriptors() > usual) await delay(20);
    await isWell();
    assert.doesNotMatch(served.log, /"event":"error"/);
    const left = readdirSync(join(served.folder, 'data'), { recursive: true, encoding: 'utf8' });
    assert.deepEqual(
      left.filter(name => /(?:part-[0-9]+|x\.nar)$/.test(name)),
      [],
    );
  });

  it('ends when it is asked to, and leaves nothing half-written', async () => {
    await served.stop();
    assert.doesNotMatch(served.log, /"event":"error"/);
    assert.match(served.log, /"event":"stopped"/);
    assert.equal(existsSync(join(served.folder, 'data/token')), true);
  });
});
