import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { MemoryBlobStore, putBlob } from '../../castore/index.ts';
import { GrpcServer, GrpcStatus, serverStreaming } from '../../grpc/index.ts';
import {
  ActionResultSchema,
  ExecuteOperationMetadataSchema,
  ReadResponseSchema,
  byteStreamMethods,
} from '../../proto/index.ts';
import { ReapiServer, messageOfDigest } from '../../reapi/index.ts';
import { noise } from '../../testing/index.ts';
import { RemoteLog } from './remote-log.ts';

type Script = (signal: AbortSignal) => AsyncGenerator<Uint8Array, void>;

/** A server whose streams are scripts, by name, and the log of an action that it executes. */
async function open(scripts: Readonly<Record<string, Script>>, signal = new AbortController().signal) {
  const asked: string[] = [];
  const grpc = new GrpcServer([
    serverStreaming(byteStreamMethods.read, async function* ({ resourceName }, call) {
      asked.push(resourceName);
      const script = scripts[resourceName];
      if (script === undefined) throw new GrpcStatus('notFound', 'no such log');
      for await (const data of script(call.signal)) yield create(ReadResponseSchema, { data });
    }),
  ]);
  const { port } = await grpc.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
  const server = new ReapiServer({ address: { transport: 'tcp', host: '127.0.0.1', port } });
  const blobs = new MemoryBlobStore();
  const came: Buffer[] = [];
  const more = new Set<() => void>();
  const output = (chunk: Uint8Array) => {
    came.push(Buffer.from(chunk));
    for (const wake of more) wake();
  };
  return {
    log: new RemoteLog({ server, blobs, signal, output }),
    asked,
    blobs,
    get text() {
      return Buffer.concat(came);
    },
    /** Resolves when so many bytes have come. */
    until: async (size: number) => {
      while (Buffer.concat(came).byteLength < size) await new Promise<void>(resolve => more.add(resolve));
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await grpc[Symbol.asyncDispose]();
    },
  };
}

const named = (stdoutStreamName: string, stderrStreamName = '') =>
  create(ExecuteOperationMetadataSchema, { stdoutStreamName, stderrStreamName });

const whole = noise(300_000, 1);

/** The first bytes, as a server's log that keeps no more. */
function first(size: number): Script {
  return async function* () {
    for (let at = 0; at < size; at += 10_000) yield whole.subarray(at, Math.min(size, at + 10_000));
  };
}

test('what comes while the action runs does not come again', async () => {
  await using opened = await open({ out: first(whole.byteLength) });
  const { log } = opened;
  log.follow(undefined);
  log.follow(named(''));
  log.follow(named('out'));
  log.follow(named('out'));
  await opened.until(whole.byteLength);
  await log.finish(create(ActionResultSchema, { stdoutRaw: whole }));
  assert.ok(opened.text.equals(whole));
  assert.deepEqual(opened.asked, ['out']);
});

for (const kept of [0, 1, 150_000]) {
  for (const place of ['in the result', 'in the store'] as const) {
    test(`of a log of which ${kept} bytes come meanwhile, the rest is ${place}`, async () => {
      await using opened = await open({ out: first(kept) });
      const { log, blobs } = opened;
      log.follow(named('out'));
      await opened.until(kept);
      const stdoutDigest = messageOfDigest({ function: 'sha256', ...(await putBlob(blobs, whole)) });
      await log.finish(create(ActionResultSchema, place === 'in the store' ? { stdoutDigest } : { stdoutRaw: whole }));
      assert.ok(opened.text.equals(whole));
    });
  }
}

test('a log that breaks, or that there is not, comes with the result', async () => {
  await using opened = await open({
    out: async function* () {
      yield whole.subarray(0, 1000);
      throw new GrpcStatus('internal', 'broken');
    },
  });
  const { log } = opened;
  log.follow(named('out', 'none'));
  await opened.until(1000);
  await log.finish(create(ActionResultSchema, { stdoutRaw: whole, stderrRaw: Buffer.from('errors') }));
  assert.ok(opened.text.equals(Buffer.concat([whole, Buffer.from('errors')])));
});

test('a log that does not end is left when there is a result', async () => {
  await using opened = await open({
    out: async function* (signal) {
      yield whole.subarray(0, 1000);
      await new Promise(resolve => signal.addEventListener('abort', resolve));
      yield whole.subarray(1000, 2000);
    },
  });
  const { log } = opened;
  log.follow(named('out'));
  await opened.until(1000);
  await log.finish(create(ActionResultSchema, { stdoutRaw: whole }));
  assert.ok(opened.text.equals(whole));
});

test('nobody waits for a log that is not wanted any more', async () => {
  const stop = new AbortController();
  await using opened = await open(
    {
      out: async function* (signal) {
        yield whole.subarray(0, 1000);
        await new Promise(resolve => signal.addEventListener('abort', resolve));
      },
    },
    stop.signal,
  );
  opened.log.follow(named('out'));
  await opened.until(1000);
  const finished = assert.rejects(opened.log.finish(undefined));
  stop.abort(new Error('enough'));
  await finished;
});

test('an action that has written nothing has no log', async () => {
  await using opened = await open({});
  await opened.log.finish(create(ActionResultSchema, {}));
  await opened.log.finish(undefined);
  assert.equal(opened.text.byteLength, 0);
});
