import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { DiskBlobStore, type ForeignDigest, digestOf, foreignDigestOf, verifyBlobs } from '../../src/castore/index.ts';
import { GrpcClient, GrpcStatus } from '../../src/grpc/index.ts';
import {
  ActionResultSchema,
  ActionSchema,
  BatchUpdateBlobsRequestSchema,
  BatchUpdateBlobsRequest_RequestSchema,
  CommandSchema,
  ExecuteRequestSchema,
  ExecuteResponseSchema,
  type Operation,
  UpdateActionResultRequestSchema,
  WriteRequestSchema,
  actionCacheMethods,
  byteStreamMethods,
  contentAddressableStorageMethods,
  executionMethods,
} from '../../src/proto/index.ts';
import { ActionCache, formatUploadResource, messageOfDigest } from '../../src/reapi/index.ts';
import { temporaryFolder } from '../../src/testing/index.ts';
import { killMoments } from './kill-moments.ts';

const server = join(import.meta.dirname, 'kill-server-child.ts');

const digestFor = (bytes: Uint8Array) => foreignDigestOf(bytes, 'sha256');

/** What a server has said that it has. */
class Acknowledged {
  readonly blobs: Uint8Array[] = [];
  readonly actions: ForeignDigest[] = [];
}

/** One of several clients of a server, which goes on until it hears no more. */
class Load {
  readonly #client: GrpcClient;
  readonly #said: Acknowledged;

  constructor(client: GrpcClient, said: Acknowledged) {
    this.#client = client;
    this.#said = said;
  }

  async run(kind: 'uploads' | 'executions' | 'results'): Promise<void> {
    const turn = {
      uploads: () => this.#upload(),
      executions: () => this.#execute(),
      results: () => this.#writeResult(),
    };
    try {
      for (;;) await turn[kind]();
    } catch (error) {
      // The server is gone, and this call with it.
      if (!(error instanceof GrpcStatus) || !['unavailable', 'cancelled'].includes(error.code)) throw error;
    }
  }

  async #upload(): Promise<void> {
    await this.#batch([100, 20_000, 100_000].map(size => randomBytes(size)));
    await this.#stream(randomBytes(700_000));
  }

  async #batch(blobs: readonly Uint8Array[]): Promise<void> {
    const requests = blobs.map(data =>
      create(BatchUpdateBlobsRequest_RequestSchema, { digest: messageOfDigest(digestFor(data)), data }),
    );
    const message = create(BatchUpdateBlobsRequestSchema, { requests });
    const { responses } = await this.#client.unary(contentAddressableStorageMethods.batchUpdateBlobs, message);
    assert.ok(responses.every(({ status }) => (status?.code ?? 0) === 0));
    this.#said.blobs.push(...blobs);
  }

  async #stream(bytes: Uint8Array): Promise<void> {
    const digest = { ...digestFor(bytes), function: 'sha256' } as const;
    const upload = { instance: '', digest, compressor: 'identity', uploadId: randomBytes(8).toString('hex') } as const;
    const resourceName = formatUploadResource(upload);
    async function* requests() {
      for (let at = 0; at < bytes.byteLength; at += 200_000) {
        const data = bytes.subarray(at, at + 200_000);
        const finishWrite = at + data.byteLength === bytes.byteLength;
        yield create(WriteRequestSchema, { resourceName, writeOffset: BigInt(at), data, finishWrite });
      }
    }
    await this.#client.clientStreaming(byteStreamMethods.write, requests());
    this.#said.blobs.push(bytes);
  }

  async #execute(): Promise<void> {
    const nonce = randomBytes(8).toString('hex');
    const script = `echo ${nonce}; mkdir d; head -c 50000 /dev/urandom >d/f; head -c 300000 /dev/urandom >o`;
    const command = create(CommandSchema, { arguments: ['/bin/sh', '-c', script], outputPaths: ['d', 'o'] });
    const commandBytes = toBinary(CommandSchema, command);
    const empty = new Uint8Array(0);
    const action = create(ActionSchema, {
      commandDigest: messageOfDigest(digestFor(commandBytes)),
      inputRootDigest: messageOfDigest(digestFor(empty)),
    });
    const actionBytes = toBinary(ActionSchema, action);
    await this.#batch([empty, commandBytes, actionBytes]);
    const digest = digestFor(actionBytes);
    const message = create(ExecuteRequestSchema, { actionDigest: messageOfDigest(digest) });
    let last: Operation | undefined;
    for await (const operation of this.#client.serverStreaming(executionMethods.execute, message)) last = operation;
    assert.ok(last?.result.case === 'response');
    const response = anyUnpack(last.result.value, ExecuteResponseSchema);
    assert.equal(response?.result?.exitCode, 0, response?.message ?? 'no response');
    this.#said.actions.push(digest);
  }

  async #writeResult(): Promise<void> {
    const file = randomBytes(3000);
    await this.#batch([file]);
    const digest = digestFor(randomBytes(10));
    const actionResult = create(ActionResultSchema, {
      outputFiles: [{ path: 'f', digest: messageOfDigest(digestFor(file)) }],
    });
    const message = create(UpdateActionResultRequestSchema, { actionDigest: messageOfDigest(digest), actionResult });
    await this.#client.unary(actionCacheMethods.updateActionResult, message);
    this.#said.actions.push(digest);
  }
}

/** Kills a server of `folder` so many milliseconds after its first clients came. */
async function serveAndKill(folder: string, delay: number): Promise<Acknowledged> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', server, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const port = Number(String((await once(child.stdout, 'data'))[0]));
  const said = new Acknowledged();
  const clients = Array.from({ length: 3 }, () => new GrpcClient({ transport: 'tcp', host: '127.0.0.1', port }));
  setTimeout(() => child.kill('SIGKILL'), delay);
  const kinds = ['uploads', 'executions', 'results'] as const;
  await Promise.all(clients.map((client, at) => new Load(client, said).run(kinds[at] ?? 'uploads')));
  for (const client of clients) await client[Symbol.asyncDispose]();
  await closed;
  assert.equal(child.signalCode, 'SIGKILL');
  return said;
}

/** Everything that was acknowledged is there, and every result that is there is whole. */
async function checkStore(folder: string, { blobs, actions }: Acknowledged): Promise<number> {
  await using store = new DiskBlobStore(folder);
  const cache = new ActionCache(store);
  for (const bytes of blobs) {
    const found = await store.get(digestOf(bytes));
    assert.ok(found !== undefined && Buffer.from(bytes).equals(found), `a blob of ${bytes.byteLength} bytes is gone`);
  }
  for (const action of actions) {
    assert.notEqual(await cache.get({ instance: '', action }), undefined, `the result of ${action.hash} is gone`);
  }
  const rows = store.folder.database.all('SELECT lower(hex(hash)) AS hash, size FROM action_results');
  for (const { hash, size } of rows) {
    const action = { function: 'sha256', hash: String(hash), size: Number(size) } as const;
    assert.notEqual(await cache.get({ instance: '', action }), undefined, `the result of ${action.hash} is not whole`);
  }
  return rows.length;
}

test(`servers killed at ${killMoments} random moments have what they said, and no part of a result`, async () => {
  using folder = temporaryFolder();
  chmodSync(folder.path, 0o755);
  let acknowledged = 0;
  let results = 0;
  for (let round = 0; round < killMoments; round++) {
    // Several rounds meet in one folder; not all of them, since each looks at all results.
    const place = join(folder.path, String(Math.floor(round / 10)));
    const said = await serveAndKill(place, Math.random() * 1200);
    acknowledged += said.actions.length;
    results = await checkStore(place, said);
    if (round % 10 !== 9) continue;
    await using store = new DiskBlobStore(place);
    // Files that nothing names are what a crash may leave.
    const problems = await Array.fromAsync(verifyBlobs(store));
    assert.deepEqual(
      problems.filter(({ kind }) => kind !== 'orphan'),
      [],
    );
  }
  assert.ok(acknowledged > 0 && results > 0, `${acknowledged} results were acknowledged`);
});
