/** What came by REAPI and what came as store paths is one store: the same blobs, the same trees. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { byteStringFromText } from '../../src/base/index.ts';
import {
  DiskBlobStore,
  type ForeignDigest,
  type Node,
  encodeDirectory,
  foreignDigestOf,
} from '../../src/castore/index.ts';
import { GrpcClient } from '../../src/grpc/index.ts';
import {
  ActionResultSchema,
  ActionSchema,
  BatchUpdateBlobsRequestSchema,
  BatchUpdateBlobsRequest_RequestSchema,
  CommandSchema,
  ExecuteRequestSchema,
  ExecuteResponseSchema,
  FindMissingBlobsRequestSchema,
  GetTreeRequestSchema,
  type Operation,
  UpdateActionResultRequestSchema,
  actionCacheMethods,
  contentAddressableStorageMethods,
  executionMethods,
} from '../../src/proto/index.ts';
import { messageOfDigest } from '../../src/reapi/index.ts';
import { ServedFirn } from '../clients/served-firn.ts';
import { runCli } from './run-cli.ts';

const digestFor = (bytes: Uint8Array) => foreignDigestOf(bytes, 'sha256');
const own = (digest: { readonly hash: string; readonly size: number }): ForeignDigest => ({
  ...digest,
  function: 'sha256',
});

class Rig implements AsyncDisposable {
  readonly served: ServedFirn;
  readonly client: GrpcClient;

  constructor(served: ServedFirn) {
    this.served = served;
    const [host = '', port] = served.grpc.split(':');
    this.client = new GrpcClient({ transport: 'tcp', host, port: Number(port) });
  }

  get data(): string {
    return join(this.served.folder, 'data');
  }

  /** Another process, of the same store. */
  run(program: string, ...args: string[]): string {
    const { status, stdout, stderr } = runCli(program, args, { env: { FIRN_DATA: this.data } });
    assert.equal(status, 0, stderr);
    return stdout.toString().trim();
  }

  /** Where the checkout of a store path is: in the store directory itself for root, where that is nobody else's. */
  placeOf(path: string): string {
    const below = join(this.data, 'root', path);
    return existsSync(below) ? below : path;
  }

  /** What the database says that a store path is. */
  async rootOf(path: string): Promise<Extract<Node, { kind: 'directory' }>> {
    await using store = new DiskBlobStore(this.data);
    const row = store.folder.database.get(
      'SELECT lower(hex(root)) AS hash, root_size AS size FROM paths WHERE path = ?',
      path.slice('/nix/store/'.length),
    );
    const [digest] = await store.blobAliases.find([own({ hash: String(row?.['hash']), size: Number(row?.['size']) })]);
    return { kind: 'directory', digest: digest ?? assert.fail() };
  }

  async upload(...blobs: Uint8Array[]): Promise<void> {
    const requests = blobs.map(data =>
      create(BatchUpdateBlobsRequest_RequestSchema, { digest: messageOfDigest(digestFor(data)), data }),
    );
    await this.client.unary(
      contentAddressableStorageMethods.batchUpdateBlobs,
      create(BatchUpdateBlobsRequestSchema, { requests }),
    );
  }

  async missing(...digests: ForeignDigest[]): Promise<number> {
    const request = create(FindMissingBlobsRequestSchema, { blobDigests: digests.map(messageOfDigest) });
    const answer = await this.client.unary(contentAddressableStorageMethods.findMissingBlobs, request);
    return answer.missingBlobDigests.length;
  }

  async [Symbol.asyncDispose]() {
    await this.client[Symbol.asyncDispose]();
    await this.served[Symbol.asyncDispose]();
  }
}

function blobFiles(data: string, hash: string): string[] {
  const folder = join(data, 'blobs', hash.slice(0, 2));
  return readdirSync(folder).filter(name => name.startsWith(hash.slice(2)));
}

test('a file that was uploaded and is in a store path is one blob, and a path is a tree at once', async () => {
  await using rig = new Rig(await ServedFirn.start());
  const contents = randomBytes(300_000);
  await rig.upload(contents);
  const source = join(rig.served.folder, 'source');
  mkdirSync(join(source, 'deep'), { recursive: true });
  writeFileSync(join(source, 'deep', 'file'), contents);
  const path = rig.run('nix-store', '--add', source);
  const { hash } = digestFor(contents);
  assert.deepEqual(blobFiles(rig.data, hash), [hash.slice(2)]);
  const blob = statSync(join(rig.data, 'blobs', hash.slice(0, 2), hash.slice(2)));
  assert.equal(statSync(join(rig.placeOf(path), 'deep', 'file')).ino, blob.ino);

  const root = await rig.rootOf(path);
  const request = create(GetTreeRequestSchema, { rootDigest: messageOfDigest(own(root.digest)) });
  const pages = await Array.fromAsync(rig.client.serverStreaming(contentAddressableStorageMethods.getTree, request));
  const directories = pages.flatMap(page => page.directories);
  assert.deepEqual(
    directories.map(({ directories: below }) => below.map(({ name }) => name)),
    [['deep'], []],
  );
  assert.equal(directories[1]?.files[0]?.digest?.hash, hash);
});

test('an action has a store path among its inputs, and its output becomes one; nothing is uploaded, nothing copied', async () => {
  await using rig = new Rig(await ServedFirn.start());
  const source = join(rig.served.folder, 'tool');
  mkdirSync(source);
  writeFileSync(join(source, 'data'), randomBytes(200_000));
  const path = rig.run('nix-store', '--add', source);
  const { digest } = await rig.rootOf(path);
  assert.equal(await rig.missing(own(digest)), 0);
  const entries = [{ name: byteStringFromText('tool'), node: { kind: 'directory', digest } as const }];
  const inputRoot = encodeDirectory({ entries });
  const script = 'mkdir out; cat tool/data tool/data >out/twice';
  const command = toBinary(
    CommandSchema,
    create(CommandSchema, { arguments: ['/bin/sh', '-c', script], outputPaths: ['out'] }),
  );
  const action = toBinary(
    ActionSchema,
    create(ActionSchema, {
      commandDigest: messageOfDigest(digestFor(command)),
      inputRootDigest: messageOfDigest(digestFor(inputRoot)),
    }),
  );
  await rig.upload(inputRoot, command, action);
  const request = create(ExecuteRequestSchema, { actionDigest: messageOfDigest(digestFor(action)) });
  let last: Operation | undefined;
  for await (const operation of rig.client.serverStreaming(executionMethods.execute, request)) last = operation;
  assert.ok(last?.result.case === 'response');
  const response = anyUnpack(last.result.value, ExecuteResponseSchema);
  assert.equal(response?.result?.exitCode, 0, response?.message ?? 'no response');

  const { hash, size } = digestFor(action);
  const output = rig.run('firn', 'store', 'add-output', '--name', 'doubled', `${hash}/${size}`, 'out');
  assert.match(output, /^\/nix\/store\/[0-9a-z]{32}-doubled$/);
  const place = join(rig.placeOf(output), 'twice');
  const data = readFileSync(join(source, 'data'));
  assert.deepEqual(readFileSync(place), Buffer.concat([data, data]));
  const blob = digestFor(readFileSync(place)).hash;
  assert.equal(statSync(place).ino, statSync(join(rig.data, 'blobs', blob.slice(0, 2), blob.slice(2))).ino);
  rig.run('nix-store', '--verify-path', output);
  // Adding it as files of this machine says the same.
  assert.equal(rig.run('nix', 'store', 'add', '--name', 'doubled', rig.placeOf(output)), output);
});

test('who writes results of actions makes no store path valid', async () => {
  await using rig = new Rig(await ServedFirn.start({ anonymous: 'write' }));
  const file = randomBytes(1000);
  await rig.upload(file);
  const name = '/nix/store/00000000000000000000000000000000-evil';
  const actionResult = create(ActionResultSchema, {
    outputFiles: [{ path: name.slice(1), digest: messageOfDigest(digestFor(file)) }],
    stdoutRaw: Buffer.from(`StorePath: ${name}\n`),
  });
  const actionDigest = messageOfDigest(digestFor(Buffer.from(name)));
  await rig.client.unary(
    actionCacheMethods.updateActionResult,
    create(UpdateActionResultRequestSchema, { actionDigest, actionResult }),
  );
  const { status } = runCli('nix-store', ['--check-validity', name], { env: { FIRN_DATA: rig.data } });
  assert.equal(status, 1);
  await using store = new DiskBlobStore(rig.data);
  const tables = store.folder.database.all("SELECT name FROM sqlite_schema WHERE name = 'paths'");
  assert.equal(tables.length === 0 ? 0 : store.folder.database.all('SELECT 1 FROM paths').length, 0);
});
