import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  connect as connectHttp2,
} from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../testing/index.ts';
import {
  type ClientStreamingMethod,
  type Codec,
  GrpcClient,
  GrpcServer,
  GrpcStatus,
  type ServerCall,
  type ServerOptions,
  bidiStreaming,
  clientStreaming,
  serverStreaming,
  unary,
} from './index.ts';

const text: Codec<string> = {
  decode: bytes => new TextDecoder('utf-8', { fatal: true }).decode(bytes),
  encode: value => Buffer.from(value),
};
const echo = { path: '/test.Echo/Say', kind: 'unary', request: text, response: text } as const;
const count = { path: '/test.Echo/Count', kind: 'server-streaming', request: text, response: text } as const;
const join_ = { path: '/test.Echo/Join', kind: 'client-streaming', request: text, response: text } as const;
const chat = { path: '/test.Echo/Chat', kind: 'bidi-streaming', request: text, response: text } as const;
const absent = { path: '/test.Echo/Absent', kind: 'unary', request: text, response: text } as const;
/** Answers as soon as the first message has come. */
const first: ClientStreamingMethod<string, string> = { ...join_, path: '/test.Echo/First' };

async function* countTo(request: string): AsyncGenerator<string, void> {
  for (let i = 1; i <= Number(request); i++) yield String(i);
}

const routes = [
  unary(echo, (request, call) => {
    if (request === 'fail') throw new GrpcStatus('notFound', 'nothing “here”', { details: Buffer.from('details') });
    if (request === 'crash') throw new Error('crashed');
    if (request === 'metadata') return call.metadata.get('x-test') ?? 'none';
    call.addTrailers({ 'x-served': 'yes' });
    return request;
  }),
  serverStreaming(count, countTo),
  clientStreaming(join_, async requests => {
    let joined = '';
    for await (const request of requests) joined += request;
    return joined;
  }),
  clientStreaming(first, async requests => {
    for await (const request of requests) return request;
    throw new GrpcStatus('invalidArgument', 'no message');
  }),
  bidiStreaming(chat, async function* (requests) {
    for await (const request of requests) yield `${request}!`;
  }),
];

async function serve(options: ServerOptions = {}, more = routes) {
  const server = new GrpcServer(more, options);
  const { port } = await server.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
  const client = new GrpcClient({ transport: 'tcp', host: '127.0.0.1', port });
  return {
    server,
    client,
    port,
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close();
    },
  };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(items);
}

interface RawAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: Buffer;
}

async function rawCall(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body: Uint8Array,
): Promise<RawAnswer> {
  const stream = session.request({ ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', ...headers });
  let answer: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  stream.on('response', received => (answer = received));
  stream.on('trailers', received => (trailers = received));
  stream.end(body);
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'close');
  return { headers: answer, trailers, body: Buffer.concat(chunks) };
}

describe('GrpcServer and GrpcClient', () => {
  it('make calls of every kind', async () => {
    await using rig = await serve();
    assert.equal(await rig.client.unary(echo, 'hello'), 'hello');
    assert.equal(await rig.client.unary(echo, ''), '');
    assert.deepEqual(await collect(rig.client.serverStreaming(count, '3')), ['1', '2', '3']);
    assert.deepEqual(await collect(rig.client.serverStreaming(count, '0')), []);
    assert.equal(await rig.client.clientStreaming(join_, ['a', 'b', 'c']), 'abc');
    assert.equal(await rig.client.clientStreaming(join_, []), '');
    assert.deepEqual(await collect(rig.client.bidiStreaming(chat, ['a', 'b'])), ['a!', 'b!']);
  });

  it('give every message of a stream that has ended before it was read', async () => {
    await using rig = await serve();
    const responses = rig.client.serverStreaming(count, '50');
    const received = [(await responses.next()).value];
    for (let turns = 0; turns < 100; turns++) await new Promise(resolve => setImmediate(resolve));
    for await (const response of responses) received.push(response);
    assert.deepEqual(
      received,
      Array.from({ length: 50 }, (_, i) => String(i + 1)),
    );
  });

  it('carry messages larger than any window, both ways', async () => {
    await using rig = await serve();
    const large = 'x'.repeat(5_000_000);
    assert.equal(await rig.client.unary(echo, large), large);
    const joined = await rig.client.clientStreaming(join_, Array<string>(8).fill('y'.repeat(700_000)));
    assert.equal(joined.length, 5_600_000);
  });

  it('tell the client of failures, with code, message and details', async () => {
    await using rig = await serve();
    await assert.rejects(rig.client.unary(echo, 'fail'), (error: unknown) => {
      assert.ok(error instanceof GrpcStatus);
      assert.equal(error.code, 'notFound');
      assert.equal(error.message, 'nothing “here”');
      assert.deepEqual(error.details, Buffer.from('details'));
      return true;
    });
    await assert.rejects(rig.client.unary(echo, 'crash'), { code: 'unknown', message: 'crashed' });
    await assert.rejects(rig.client.unary(absent, ''), { code: 'unimplemented' });
  });

  it('fail in the middle of a stream after what came before', async () => {
    const failing = serverStreaming(count, async function* () {
      yield 'one';
      throw new GrpcStatus('dataLoss', 'gone');
    });
    await using rig = await serve({}, [failing]);
    const received: string[] = [];
    await assert.rejects(
      async () => {
        for await (const message of rig.client.serverStreaming(count, '')) received.push(message);
      },
      { code: 'dataLoss', message: 'gone' },
    );
    assert.deepEqual(received, ['one']);
  });

  it('map errors by the function they are given', async () => {
    await using rig = await serve({ statusOf: error => new GrpcStatus('internal', `mapped ${String(error)}`) });
    await assert.rejects(rig.client.unary(echo, 'crash'), { code: 'internal', message: 'mapped Error: crashed' });
  });

  it('carry metadata', async () => {
    await using rig = await serve();
    assert.equal(await rig.client.unary(echo, 'metadata', { metadata: { 'x-test': 'said' } }), 'said');
    await assert.rejects(rig.client.unary(echo, '', { metadata: { 'grpc-x': '' } }), { code: 'invalidArgument' });
  });

  it('answer before the client has sent all', async () => {
    await using rig = await serve();
    let sent = 0;
    async function* messages() {
      for (; sent < 100_000; sent++) yield String(sent);
    }
    assert.equal(await rig.client.clientStreaming(first, messages()), '0');
    assert.ok(sent < 100_000);
  });

  it('end a call at its deadline, at both ends', async () => {
    const aborted: unknown[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const hanging = unary(echo, (_, call: ServerCall) => {
      const { signal } = call;
      return new Promise<string>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted.push(signal.reason);
          reject(signal.reason);
          resolve();
        });
      });
    });
    await using rig = await serve({}, [hanging]);
    await assert.rejects(rig.client.unary(echo, '', { timeout: 30 }), { code: 'deadlineExceeded' });
    await promise;
    assert.ok(aborted[0] instanceof GrpcStatus);
  });

  it('tell the handler that the client has cancelled', async () => {
    const started = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<unknown>();
    const hanging = unary(echo, (_, { signal }) => {
      started.resolve();
      return new Promise<string>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          ended.resolve(signal.reason);
          reject(signal.reason);
        });
      });
    });
    await using rig = await serve({}, [hanging]);
    const stop = new AbortController();
    const call = rig.client.unary(echo, '', { signal: stop.signal });
    await started.promise;
    stop.abort(new Error('enough'));
    await assert.rejects(call, { message: 'enough' });
    const reason = await ended.promise;
    assert.ok(reason instanceof GrpcStatus && reason.code === 'cancelled');
  });

  it('make nothing that a reader does not take', async () => {
    let made = 0;
    const closed = Promise.withResolvers<void>();
    const endless = serverStreaming(count, async function* () {
      try {
        for (;;) {
          made++;
          yield 'z'.repeat(65_536);
        }
      } finally {
        closed.resolve();
      }
    });
    await using rig = await serve({}, [endless]);
    const responses = rig.client.serverStreaming(count, '');
    await responses.next();
    await responses.return();
    await closed.promise;
    assert.ok(made < 200, `${made} made`);
  });

  it('take nothing that a handler does not read', async () => {
    const release = Promise.withResolvers<void>();
    const slow = clientStreaming(join_, async requests => {
      let length = 0;
      await release.promise;
      for await (const request of requests) length += request.length;
      return String(length);
    });
    await using rig = await serve({}, [slow]);
    let sent = 0;
    async function* messages() {
      for (; sent < 200; sent++) yield 'w'.repeat(65_536);
    }
    const call = rig.client.clientStreaming(join_, messages());
    await rig.client.clientStreaming({ ...join_, path: '/test.Echo/Absent' }, []).catch(() => {});
    // Turns of the event loop in which nothing more is sent: all buffers on the way are full.
    for (let turns = 0, before = 0; turns < 50; turns = sent === before ? turns + 1 : 0) {
      before = sent;
      await new Promise(resolve => setImmediate(resolve));
    }
    assert.ok(sent < 20, `${sent} sent`);
    release.resolve();
    assert.equal(await call, String(200 * 65_536));
  });

  it('refuse messages beyond the limit, compressed ones and garbage', async () => {
    await using rig = await serve({ limits: { messageSize: 1000 } });
    await assert.rejects(rig.client.unary(echo, 'x'.repeat(1001)), { code: 'resourceExhausted' });
    const session = connectHttp2(`http://127.0.0.1:${rig.port}`);
    const call = (body: readonly number[], headers: OutgoingHttpHeaders = {}) =>
      rawCall(session, { ':path': echo.path, ...headers }, Uint8Array.from(body));
    assert.equal((await call([1, 0, 0, 0, 0])).headers['grpc-status'], '12');
    assert.equal((await call([7, 0, 0, 0, 0])).headers['grpc-status'], '13');
    assert.equal((await call([0, 0, 0, 0, 2, 0xff, 0xff])).headers['grpc-status'], '13');
    assert.equal((await call([0, 0])).headers['grpc-status'], '13');
    assert.equal((await call([])).headers['grpc-status'], '12');
    assert.equal((await call([0, 0, 0, 0, 0, 0, 0, 0, 0, 0])).headers['grpc-status'], '12');
    assert.equal((await call([0, 0, 0, 0, 0], { 'grpc-encoding': 'gzip' })).headers['grpc-status'], '12');
    assert.equal((await call([0, 0, 0, 0, 0], { 'grpc-timeout': 'soon' })).headers['grpc-status'], '3');
    assert.equal((await call([0, 0, 0, 0, 0], { ':method': 'PUT' })).headers[':status'], 405);
    assert.equal((await call([0, 0, 0, 0, 0], { 'content-type': 'text/plain' })).headers[':status'], 415);
    const good = await call([0, 0, 0, 0, 2, 104, 105]);
    assert.deepEqual(good.body, Buffer.from([0, 0, 0, 0, 2, 104, 105]));
    assert.equal(good.trailers?.['grpc-status'], '0');
    assert.equal(good.trailers?.['x-served'], 'yes');
    session.close();
  });

  it('survive bytes that are no HTTP/2', async () => {
    await using rig = await serve();
    for (const bytes of [
      'GET / HTTP/1.1\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'.padEnd(4000, '\u0007'),
      '\0'.repeat(99),
    ]) {
      const socket = connect(rig.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(Buffer.from(bytes, 'latin1'));
      socket.resume();
      await once(socket, 'close');
    }
    assert.equal(await rig.client.unary(echo, 'still here'), 'still here');
  });

  it('run many calls at a time', async () => {
    await using rig = await serve();
    const calls = Array.from({ length: 2000 }, (_, i) => rig.client.unary(echo, String(i)));
    assert.deepEqual(await Promise.all(calls), [...calls.keys()].map(String));
    assert.equal(rig.server.calls, 0);
  });

  it('refuse more calls than are allowed, and take more when some have ended', async () => {
    const release = Promise.withResolvers<void>();
    const waiting = unary(echo, async request => {
      await release.promise;
      return request;
    });
    await using rig = await serve({ limits: { calls: 2 } }, [waiting]);
    const running = [rig.client.unary(echo, 'a'), rig.client.unary(echo, 'b')];
    await assert.rejects(rig.client.unary(echo, 'c'), { code: 'resourceExhausted' });
    release.resolve();
    assert.deepEqual(await Promise.all(running), ['a', 'b']);
    assert.equal(await rig.client.unary(echo, 'd'), 'd');
  });

  it('let calls end when the server closes, and end those that do not', async () => {
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    let isFirst = true;
    const waiting = unary(echo, async (request, { signal }) => {
      if (!isFirst)
        return new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      isFirst = false;
      started.resolve();
      await release.promise;
      return request;
    });
    await using rig = await serve({}, [waiting]);
    const ending = rig.client.unary(echo, 'ends');
    await started.promise;
    const hanging = assert.rejects(rig.client.unary(echo, 'hangs'), { code: 'unavailable' });
    while (rig.server.calls < 2) await new Promise(resolve => setImmediate(resolve));
    const closed = rig.server.close({ drain: 100 });
    release.resolve();
    assert.equal(await ending, 'ends');
    await closed;
    await hanging;
    await assert.rejects(rig.client.unary(echo, 'late'), { code: 'unavailable' });
  });

  it('call a server at a socket in the file system', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'socket');
    await using server = new GrpcServer([unary(echo, (_, { peer }) => peer.transport)]);
    await server.listen({ transport: 'unix', path });
    await using client = new GrpcClient({ transport: 'unix', path });
    assert.equal(await client.unary(echo, ''), 'unix');
  });

  it('fail with unavailable where nobody listens', async () => {
    await using client = new GrpcClient({ transport: 'unix', path: '/nowhere/socket' });
    await assert.rejects(client.unary(echo, ''), { code: 'unavailable' });
  });
});
