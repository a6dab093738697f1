import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { describe, it } from 'node:test';
import { GrpcStatus } from '../grpc/index.ts';
import { TraceExporter } from './trace-exporter.ts';

const peer = { address: '127.0.0.1:5', transport: 'tcp', certificateName: undefined } as const;
const call = { path: '/a.Service/Do', peer, status: undefined, milliseconds: 2.5, traceparent: undefined };

interface Span {
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: object;
}

interface Posted {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

async function collector(status: number) {
  const bodies: string[] = [];
  const headers: (string | undefined)[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    headers.push(request.headers['x-key']?.toString());
    bodies.push(Buffer.concat(await Array.fromAsync(request)).toString());
    response.statusCode = status;
    response.end('{}');
  };
  const server = createServer((request, response) => void take(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}/v1/traces`,
    bodies,
    headers,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

describe('TraceExporter', () => {
  it('posts calls as spans, of the trace that the client named', async () => {
    await using sink = await collector(200);
    {
      await using traces = new TraceExporter({
        endpoint: sink.endpoint,
        headers: { 'x-key': 'k' },
        onFault: error => assert.fail(String(error)),
      });
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      traces.record({ ...call, traceparent }, 1_700_000_000_000);
      traces.record({ ...call, status: new GrpcStatus('notFound', 'gone'), traceparent: 'garbage' });
    }
    assert.deepEqual(sink.headers, ['k']);
    const posted = JSON.parse(sink.bodies[0]!) as Posted;
    const [first, second] = posted.resourceSpans[0]!.scopeSpans[0]!.spans as [Span, Span];
    assert.equal(first.traceId, '0af7651916cd43dd8448eb211c80319c');
    assert.equal(first.parentSpanId, 'b7ad6b7169203331');
    assert.equal(first.name, 'a.Service/Do');
    assert.equal(first.startTimeUnixNano, '1699999999997500000');
    assert.equal(first.endTimeUnixNano, '1700000000000000000');
    assert.match(second.traceId, /^[0-9a-f]{32}$/);
    assert.equal(second.parentSpanId, undefined);
    assert.deepEqual(second.status, { code: 2, message: 'gone' });
  });

  it('drops what nobody takes, and says so', async () => {
    await using sink = await collector(503);
    const faults: unknown[] = [];
    const traces = new TraceExporter({ endpoint: sink.endpoint, onFault: error => faults.push(error) });
    for (let i = 0; i < 5000; i++) traces.record(call);
    assert.equal(traces.dropped, 5000 - 4096);
    await traces[Symbol.asyncDispose]();
    assert.equal(traces.dropped, 5000);
    assert.match(String(faults[0]), /answered 503/);
  });
});
