import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type MessageInitShape, create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { silentReporter } from '../../../base/index.ts';
import { Leases, decodeDirectory, digestOf, foreignDigestOf, putBlob, sha256FromHex } from '../../../castore/index.ts';
import { Mirrors } from '../../../engine/index.ts';
import { GrpcClient, GrpcServer, GrpcStatus, statusCodes } from '../../../grpc/index.ts';
import { printStorePath } from '../../../nix-compat/index.ts';
import {
  DigestFunction_Value,
  FetchBlobRequestSchema,
  FetchDirectoryRequestSchema,
  PushBlobRequestSchema,
  PushDirectoryRequestSchema,
  fetchMethods,
  pushMethods,
} from '../../../proto/index.ts';
import {
  HttpRig,
  type HttpRigOptions,
  addTestPath,
  noise,
  openLocalStoreIn,
  tarArchive,
  temporaryFolder,
  testStoreContext,
} from '../../../testing/index.ts';
import { Access, type Right } from '../../access.ts';
import { statusOfError } from '../../status-of-error.ts';
import { defaultReapiLimits } from '../reapi-place.ts';
import { ServedBlobs } from '../served-blobs.ts';
import { assetServices } from './asset-service.ts';

interface OpenOptions {
  readonly fault?: HttpRigOptions['fault'];
  readonly allowsNearby?: boolean;
  readonly anonymous?: readonly Right[];
  readonly maxSize?: number;
  readonly maxTimeout?: number;
}

async function open(options: OpenOptions = {}) {
  const folder = temporaryFolder();
  const served = `${folder.path}/served`;
  mkdirSync(served);
  const http = await HttpRig.start({
    folder: served,
    ...(options.fault === undefined ? {} : { fault: options.fault }),
  });
  const store = openLocalStoreIn(folder.path);
  const leases = new Leases(store.blobs.folder, { duration: 3600 });
  const place = {
    blobs: new ServedBlobs(store.blobs, leases),
    access: new Access({
      instances: ['', 'other'],
      anonymous: { instances: '*', rights: options.anonymous ?? ['read', 'write'] },
      tokens: [],
      certificates: [],
    }),
    limits: defaultReapiLimits,
  };
  const { settings } = testStoreContext({ settings: { 'download-attempts': '1' } });
  const services = assetServices(place, {
    store,
    settings,
    mirrors: new Mirrors({
      variables: {},
      home: folder.path,
      workingFolder: folder.path,
      configured: () => new Map([['test', [http.url]]]),
    }),
    cacheFolder: `${folder.path}/cache`,
    reporter: silentReporter,
    maxSize: options.maxSize ?? 2 ** 30,
    allowsNearby: options.allowsNearby ?? true,
    lifetime: 60_000,
    maxTimeout: options.maxTimeout ?? 60_000,
  });
  const server = new GrpcServer(services.routes, { statusOf: statusOfError });
  const { port } = await server.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
  const client = new GrpcClient({ transport: 'tcp', host: '127.0.0.1', port });
  type Init<T extends Parameters<typeof create>[0]> = MessageInitShape<T>;
  return {
    folder: folder.path,
    served,
    http,
    store,
    fetchBlob: (request: Init<typeof FetchBlobRequestSchema>) =>
      client.unary(fetchMethods.fetchBlob, create(FetchBlobRequestSchema, request)),
    fetchDirectory: (request: Init<typeof FetchDirectoryRequestSchema>) =>
      client.unary(fetchMethods.fetchDirectory, create(FetchDirectoryRequestSchema, request)),
    pushBlob: (request: Init<typeof PushBlobRequestSchema>) =>
      client.unary(pushMethods.pushBlob, create(PushBlobRequestSchema, request)),
    pushDirectory: (request: Init<typeof PushDirectoryRequestSchema>) =>
      client.unary(pushMethods.pushDirectory, create(PushDirectoryRequestSchema, request)),
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await services[Symbol.asyncDispose]();
      await http[Symbol.asyncDispose]();
      leases[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

function sri(bytes: Uint8Array, algorithm = 'sha256'): string {
  return `${algorithm}-${createHash(algorithm).update(bytes).digest('base64')}`;
}

function qualifiers(values: Readonly<Record<string, string>>) {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

function refusedWith(code: string, message = /./): (error: unknown) => boolean {
  return error => {
    assert(error instanceof GrpcStatus, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

function codeOf(response: { readonly status?: { readonly code: number; readonly message: string } | undefined }) {
  const code = response.status?.code ?? 0;
  return Object.entries(statusCodes).find(([, number]) => number === code)?.[0];
}

function expectOk(response: Parameters<typeof codeOf>[0]): void {
  assert.deepEqual([codeOf(response), response.status?.message], ['ok', '']);
}

const archive = gzipSync(
  tarArchive([
    { path: 'pkg-1/', type: '5', mode: 0o755 },
    { path: 'pkg-1/run', mode: 0o755, contents: '#!/bin/sh\n' },
    { path: 'pkg-1/data', contents: 'data' },
  ]),
);

describe('Fetch', () => {
  test('gives a file, in the digest function that is asked for, and remembers it by its checksum', async () => {
    await using opened = await open();
    const bytes = noise(300_000, 1);
    writeFileSync(`${opened.served}/file`, bytes);
    const uris = [`${opened.http.url}/file`];
    for (const algorithm of ['sha256', 'sha384', 'sha512']) {
      const response = await opened.fetchBlob({
        uris,
        qualifiers: qualifiers({ 'checksum.sri': sri(bytes, algorithm) }),
      });
      expectOk(response);
      assert.equal(response.blobDigest?.hash, digestOf(bytes).hash);
      assert.equal(response.blobDigest.sizeBytes, 300_000n);
      assert.equal(response.digestFunction, DigestFunction_Value.SHA256);
    }
    // By SHA-256 a blob that is here is known, whoever brought it.
    assert.ok(opened.http.requests.length <= 3);
    const before = opened.http.requests.length;
    const blake3 = await opened.fetchBlob({
      uris: ['http://nowhere.invalid/file'],
      qualifiers: qualifiers({ 'checksum.sri': sri(bytes) }),
      digestFunction: DigestFunction_Value.BLAKE3,
    });
    assert.equal(blake3.blobDigest?.hash, foreignDigestOf(bytes, 'blake3').hash);
    assert.equal(blake3.digestFunction, DigestFunction_Value.BLAKE3);
    assert.equal(opened.http.requests.length, before);
  });

  test('asks again for another name of the same checksum', async () => {
    await using opened = await open();
    const bytes = noise(1000, 1);
    writeFileSync(`${opened.served}/file`, bytes);
    const request = (id: string) => ({
      uris: [`${opened.http.url}/file`],
      qualifiers: qualifiers({ 'checksum.sri': sri(bytes), 'bazel.canonical_id': id }),
    });
    for (const id of ['one', 'one', 'two', 'two']) assert.equal(codeOf(await opened.fetchBlob(request(id))), 'ok');
    assert.equal(opened.http.requests.length, 2);
  });

  test('refuses bytes of another checksum, and keeps nothing of them', async () => {
    await using opened = await open();
    const bytes = noise(300_000, 2);
    writeFileSync(`${opened.served}/file`, bytes);
    const response = await opened.fetchBlob({
      uris: [`${opened.http.url}/file`],
      qualifiers: qualifiers({ 'checksum.sri': sri(noise(1, 1)) }),
    });
    assert.equal(codeOf(response), 'aborted');
    assert.match(response.status?.message ?? '', /checksum/);
    assert.equal(response.uri, `${opened.http.url}/file`);
    assert.equal(opened.store.blobs.isPresent(digestOf(bytes).hash), false);
  });

  test('tries one URI after the other, and says what became of the last', async () => {
    await using opened = await open();
    writeFileSync(`${opened.served}/file`, 'contents');
    const { url } = opened.http;
    const found = await opened.fetchBlob({ uris: [`${url}/absent`, `${url}/file`] });
    assert.equal(codeOf(found), 'ok');
    assert.equal(found.uri, `${url}/file`);
    const absent = await opened.fetchBlob({ uris: [`${url}/absent`, `${url}/gone`] });
    assert.equal(codeOf(absent), 'notFound');
    assert.equal(absent.uri, `${url}/gone`);
  });

  test('takes what was fetched shortly before, unless the client wants it newer', async () => {
    await using opened = await open();
    const { url } = opened.http;
    writeFileSync(`${opened.served}/file`, 'one');
    await opened.fetchBlob({ uris: [`${url}/file`] });
    writeFileSync(`${opened.served}/file`, 'two');
    const old = await opened.fetchBlob({ uris: [`${url}/file`] });
    assert.equal(old.blobDigest?.hash, digestOf(Buffer.from('one')).hash);
    const oldestContentAccepted = timestampFromMs(Date.now() + 1000);
    const fresh = await opened.fetchBlob({ uris: [`${url}/file`], oldestContentAccepted });
    assert.equal(fresh.blobDigest?.hash, digestOf(Buffer.from('two')).hash);
    const other = await opened.fetchBlob({ uris: [`${url}/file`], instanceName: 'other' });
    assert.equal(other.blobDigest?.hash, digestOf(Buffer.from('two')).hash, 'instances are apart');
    assert.equal(opened.http.count('GET', '/file'), 3);
  });

  test('sends headers to the URIs that they are for', async () => {
    await using opened = await open();
    const { url } = opened.http;
    writeFileSync(`${opened.served}/file`, 'contents');
    await opened.fetchBlob({
      uris: [`${url}/absent`, `${url}/file`],
      qualifiers: qualifiers({
        'http_header:X-All': 'everywhere',
        'http_header_url:1:Authorization': 'Bearer secret',
      }),
    });
    const [first, second] = opened.http.requests;
    assert.equal(first?.headers['x-all'], 'everywhere');
    assert.equal(first.headers.authorization, undefined);
    assert.equal(second?.headers['x-all'], 'everywhere');
    assert.equal(second.headers.authorization, 'Bearer secret');
  });

  test('unpacks archives', async () => {
    await using opened = await open();
    writeFileSync(`${opened.served}/pkg.tar.gz`, archive);
    const request = {
      uris: [`${opened.http.url}/pkg.tar.gz`],
      qualifiers: qualifiers({ 'checksum.sri': sri(archive, 'sha512') }),
    };
    const response = await opened.fetchDirectory(request);
    expectOk(response);
    const digest = response.rootDirectoryDigest;
    const root = await opened.store.blobs.get({
      hash: sha256FromHex(digest?.hash ?? ''),
      size: Number(digest?.sizeBytes),
    });
    const [entry] = decodeDirectory(root ?? new Uint8Array(0)).entries;
    assert.equal(entry?.name, 'pkg-1');
    assert.equal(entry.node.kind, 'directory');
    assert.deepEqual((await opened.fetchDirectory(request)).rootDirectoryDigest, digest);
    assert.equal(opened.http.requests.length, 1);
    const sha1 = await opened.fetchDirectory({ ...request, digestFunction: DigestFunction_Value.SHA1 });
    assert.equal(sha1.rootDirectoryDigest?.hash.length, 40);

    writeFileSync(`${opened.served}/broken.tar.gz`, archive.subarray(0, 100));
    const broken = await opened.fetchDirectory({ uris: [`${opened.http.url}/broken.tar.gz`] });
    assert.equal(codeOf(broken), 'aborted');
    await assert.rejects(opened.fetchDirectory({ uris: [`${opened.http.url}/a.zip`] }), refusedWith('unimplemented'));
  });

  test('gives the tree of a store path, without fetching or asking for more than to read', async () => {
    await using opened = await open({ anonymous: ['read'] });
    const path = await addTestPath(opened.store, 'x');
    const root = opened.store.paths.require(path).root;
    assert.ok(root?.kind === 'directory');
    for (const uri of [`nix:${printStorePath(opened.store.storeDir, path)}`, `nix:${path}`]) {
      const response = await opened.fetchDirectory({ uris: [uri] });
      expectOk(response);
      assert.equal(response.rootDirectoryDigest?.hash, root.digest.hash);
    }
    await assert.rejects(opened.fetchBlob({ uris: [`nix:${path}`] }), refusedWith('failedPrecondition', /directory/));
    const absent = await opened.fetchDirectory({ uris: [`nix:${'0'.repeat(32)}-absent`] });
    assert.equal(codeOf(absent), 'notFound');
    await assert.rejects(opened.fetchDirectory({ uris: ['nix:../etc'] }), refusedWith('invalidArgument'));
    const fetched = await opened.fetchBlob({ uris: [`${opened.http.url}/file`] });
    assert.equal(codeOf(fetched), 'permissionDenied');
    assert.equal(opened.http.requests.length, 0);
  });

  test('finds mirrors as this machine is configured', async () => {
    await using opened = await open({ allowsNearby: false });
    writeFileSync(`${opened.served}/file`, 'contents');
    const response = await opened.fetchBlob({ uris: ['mirror://test/file'] });
    expectOk(response);
    assert.equal(codeOf(await opened.fetchBlob({ uris: ['mirror://unheard-of/file'] })), 'notFound');
  });

  test('asks neither this machine nor its links unless that is allowed', async () => {
    await using opened = await open({ allowsNearby: false });
    writeFileSync(`${opened.served}/file`, 'contents');
    const { port } = opened.http;
    const hosts = ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '127.1', '2130706433', '0.0.0.0'];
    for (const host of hosts) {
      const response = await opened.fetchBlob({ uris: [`http://${host}:${port}/file`] });
      assert.equal(codeOf(response), 'permissionDenied', `${host}: ${response.status?.message}`);
    }
    for (const uri of ['http://169.254.169.254/latest', `http://127.0.0.1:${port}/x.git`]) {
      const response = await opened.fetchDirectory({ uris: [uri] });
      assert.equal(codeOf(response), 'permissionDenied', `${uri}: ${response.status?.message}`);
    }
    assert.equal(opened.http.requests.length, 0);
    for (const uri of [`file://${opened.served}/file`, 'ftp://example.org/x', 'file', '/etc/passwd']) {
      await assert.rejects(opened.fetchBlob({ uris: [uri] }), refusedWith('invalidArgument'));
    }
  });

  test('bounds sizes and times', async () => {
    await using opened = await open({
      maxSize: 1000,
      maxTimeout: 200,
      fault: ({ url }) => (url === '/slow' ? { kind: 'stall', after: 10 } : undefined),
    });
    writeFileSync(`${opened.served}/large`, noise(1001, 1));
    writeFileSync(`${opened.served}/slow`, noise(1000, 1));
    writeFileSync(`${opened.served}/bomb.tar.gz`, gzipSync(tarArchive([{ contents: Buffer.alloc(100_000) }])));
    const { url } = opened.http;
    assert.equal(codeOf(await opened.fetchBlob({ uris: [`${url}/large`] })), 'resourceExhausted');
    assert.equal(codeOf(await opened.fetchDirectory({ uris: [`${url}/bomb.tar.gz`] })), 'resourceExhausted');
    assert.equal(codeOf(await opened.fetchBlob({ uris: [`${url}/slow`] })), 'deadlineExceeded');
  });

  test('says what it does not support', async () => {
    await using opened = await open();
    const uris = [`${opened.http.url}/file`];
    const bad: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
      [{ 'some.qualifier': 'x' }, /some\.qualifier/],
      [{ 'checksum.sri': 'sha256-abc' }, /checksum\.sri/],
      [{ 'checksum.sri': 'nonsense' }, /checksum\.sri/],
      [{ 'http_header:Host': 'elsewhere' }, /Host/],
      [{ 'http_header:X': 'a\nb: c' }, /header/],
      [{ 'vcs.commit': '--upload-pack=x' }, /commit/],
      [{ 'vcs.branch': '-x' }, /branch/],
    ];
    for (const [values, message] of bad) {
      const refusal = refusedWith('invalidArgument', message);
      await assert.rejects(opened.fetchBlob({ uris, qualifiers: qualifiers(values) }), refusal);
    }
    await assert.rejects(opened.fetchBlob({ uris: [] }), refusedWith('invalidArgument'));
    await assert.rejects(opened.fetchBlob({ uris, instanceName: 'nowhere' }), refusedWith('invalidArgument'));
  });

  test('fetches once what several want at the same time', async () => {
    await using opened = await open();
    writeFileSync(`${opened.served}/file`, noise(2_000_000, 3));
    const uris = [`${opened.http.url}/file`];
    const responses = await Promise.all(Array.from({ length: 10 }, () => opened.fetchBlob({ uris })));
    assert.ok(responses.every(response => codeOf(response) === 'ok'));
    assert.equal(opened.http.requests.length, 1);
  });

  test('fetches a commit of a repository', async () => {
    await using opened = await open();
    const work = `${opened.folder}/work`;
    mkdirSync(work);
    const git = (...args: string[]) => {
      const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
      const who = ['-c', 'user.name=x', '-c', 'user.email=x@example.org', '-c', 'init.defaultBranch=main'];
      return execFileSync('git', ['-C', work, ...who, ...args], { encoding: 'utf8', env }).trim();
    };
    git('init', '-q');
    writeFileSync(`${work}/file`, 'committed');
    git('add', '.');
    git('commit', '-qm', 'one');
    const commit = git('rev-parse', 'HEAD');
    await using server = await gitServer(opened.folder);
    const uri = `http://127.0.0.1:${server.port}/work/.git`;
    for (const values of [{ 'vcs.commit': commit }, { 'vcs.branch': 'main' }, {}]) {
      const response = await opened.fetchDirectory({ uris: [uri], qualifiers: qualifiers(values) });
      expectOk(response);
      const digest = response.rootDirectoryDigest;
      const bytes = await opened.store.blobs.get({
        hash: sha256FromHex(digest?.hash ?? ''),
        size: Number(digest?.sizeBytes),
      });
      const { entries } = decodeDirectory(bytes ?? new Uint8Array(0));
      assert.deepEqual(
        entries.map(({ name, node }) => [name, node.kind === 'file' && node.digest.hash]),
        [['file', digestOf(Buffer.from('committed')).hash]],
      );
    }
    const absent = await opened.fetchDirectory({
      uris: [uri],
      qualifiers: qualifiers({ 'vcs.commit': '0'.repeat(40) }),
    });
    assert.equal(codeOf(absent), 'aborted');
  });
});

/** Git's own server of repositories below a folder. */
async function gitServer(folder: string) {
  const { spawn } = await import('node:child_process');
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    const child = spawn('git', ['http-backend'], {
      env: {
        ...process.env,
        GIT_PROJECT_ROOT: folder,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'safe.directory',
        GIT_CONFIG_VALUE_0: '*',
        REQUEST_METHOD: request.method ?? '',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        ...(request.headers['content-encoding'] === undefined
          ? {}
          : { HTTP_CONTENT_ENCODING: request.headers['content-encoding'] }),
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    request.pipe(child.stdin);
    const pieces: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => void pieces.push(piece));
    child.on('close', () => {
      const output = Buffer.concat(pieces);
      const end = output.indexOf('\r\n\r\n');
      const headers = output.subarray(0, end).toString().split('\r\n');
      let status = 200;
      for (const header of headers) {
        const [name = '', value = ''] = header.split(': ', 2);
        if (name === 'Status') status = Number.parseInt(value, 10);
        else response.setHeader(name, value);
      }
      response.writeHead(status).end(output.subarray(end + 4));
    });
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  assert(address !== null && typeof address === 'object');
  return {
    port: address.port,
    [Symbol.asyncDispose]: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

describe('Push', () => {
  test('makes assets known under their URIs, as long as they say', async () => {
    await using opened = await open();
    const bytes = noise(1000, 1);
    const { hash, size } = await putBlob(opened.store.blobs, bytes);
    const blobDigest = { hash, sizeBytes: BigInt(size) };
    await opened.pushBlob({
      uris: ['urn:one', 'urn:two'],
      qualifiers: qualifiers({ 'checksum.sri': sri(bytes) }),
      blobDigest,
    });
    for (const uri of ['urn:one', 'urn:two']) {
      const found = await opened.fetchBlob({ uris: [uri] });
      assert.equal(codeOf(found), 'ok');
      assert.equal(found.blobDigest?.hash, hash);
    }
    await opened.pushBlob({ uris: ['urn:brief'], blobDigest, expireAt: timestampFromMs(Date.now() - 1) });
    await assert.rejects(opened.fetchBlob({ uris: ['urn:brief'] }), refusedWith('invalidArgument'));
    await assert.rejects(opened.fetchBlob({ uris: ['urn:one'], instanceName: 'other' }));

    const directory = await opened.fetchDirectory({ uris: [`nix:${await addTestPath(opened.store, 'x')}`] });
    const { rootDirectoryDigest } = directory;
    assert.ok(rootDirectoryDigest !== undefined);
    await opened.pushDirectory({ uris: ['urn:tree'], rootDirectoryDigest });
    assert.deepEqual((await opened.fetchDirectory({ uris: ['urn:tree'] })).rootDirectoryDigest, rootDirectoryDigest);
  });

  test('refuses what is not here, or is something else, or comes from who may not write', async () => {
    await using opened = await open();
    const absent = { hash: digestOf(noise(10, 1)).hash, sizeBytes: 10n };
    await assert.rejects(opened.pushBlob({ uris: ['urn:x'], blobDigest: absent }), refusedWith('failedPrecondition'));
    const { hash, size } = await putBlob(opened.store.blobs, noise(10, 2));
    const blobDigest = { hash, sizeBytes: BigInt(size) };
    const lying = { uris: ['urn:x'], blobDigest, qualifiers: qualifiers({ 'checksum.sri': sri(noise(10, 1)) }) };
    await assert.rejects(opened.pushBlob(lying), refusedWith('aborted', /checksum/));
    const pointing = { uris: ['urn:x'], blobDigest, referencesBlobs: [absent] };
    await assert.rejects(opened.pushBlob(pointing), refusedWith('failedPrecondition'));
    await using readable = await open({ anonymous: ['read'] });
    await assert.rejects(readable.pushBlob({ uris: ['urn:x'], blobDigest }), refusedWith('unauthenticated'));
  });
});
