import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type DigestFunction,
  type ForeignDigest,
  LeasedRoots,
  BlobMarks,
  encodeDirectory,
  foreignDigestOf,
  sha256FromHex,
  sweepBlobs,
} from '../../castore/index.ts';
import { byteStringFromText } from '../../base/index.ts';
import type { GrpcStatus } from '../../grpc/index.ts';
import {
  BatchReadBlobsRequestSchema,
  BatchUpdateBlobsRequestSchema,
  BatchUpdateBlobsRequest_RequestSchema,
  Compressor_Value,
  DigestFunction_Value,
  DigestSchema,
  DirectorySchema,
  GetCapabilitiesRequestSchema,
  GetTreeRequestSchema,
  QueryWriteStatusRequestSchema,
  ReadRequestSchema,
  SpliceBlobRequestSchema,
  SplitBlobRequestSchema,
  type WriteRequest,
  byteStreamMethods,
  capabilitiesMethods,
  contentAddressableStorageMethods as cas,
} from '../../proto/index.ts';
import { messageOfDigest } from '../../reapi/index.ts';
import { ServedReapiRig, writeRequests } from '../../testing/index.ts';

const text = Buffer.from('hello\n');
const hello = foreignDigestOf(text, 'sha256');
const message = (digest: ForeignDigest) => create(DigestSchema, messageOfDigest(digest));
const upload = (digest: ForeignDigest, more = '') => `uploads/u${more}/blobs/${digest.hash}/${digest.size}`;
const numbers = { sha256: 1, sha1: 2, sha384: 5, sha512: 6, blake3: 9, gitsha1: 10 } as const;

function batch(
  rig: ServedReapiRig,
  blobs: readonly (readonly [ForeignDigest, Uint8Array, Compressor_Value?])[],
  digestFunction: DigestFunction_Value = DigestFunction_Value.UNKNOWN,
) {
  const requests = blobs.map(([digest, data, compressor = Compressor_Value.IDENTITY]) =>
    create(BatchUpdateBlobsRequest_RequestSchema, { digest: message(digest), data, compressor }),
  );
  return rig.client.unary(cas.batchUpdateBlobs, create(BatchUpdateBlobsRequestSchema, { requests, digestFunction }));
}

describe('blobs over REAPI', () => {
  it('are found once they were written, in every digest function', async () => {
    await using rig = await ServedReapiRig.open();
    const bytes = randomBytes(100_000);
    for (const name of ['sha256', 'sha1', 'sha384', 'sha512', 'blake3', 'gitsha1', 'gitblob', 'gittree'] as const) {
      const digest = foreignDigestOf(bytes, name);
      if (name === 'gitsha1') continue;
      assert.deepEqual((await rig.missing([digest])).length, 1, name);
      await rig.write(bytes, name);
      assert.deepEqual(await rig.missing([digest]), [], name);
      assert.deepEqual(await rig.read(digest), bytes, name);
    }
    const [row] = rig.store.folder.database.all('SELECT count(*) AS n FROM blobs');
    assert.equal(row?.['n'], 1);
  });

  it('of no bytes are always there', async () => {
    await using rig = await ServedReapiRig.open();
    for (const name of ['sha256', 'sha1', 'sha384', 'sha512', 'blake3'] as const) {
      const empty = foreignDigestOf(new Uint8Array(0), name);
      assert.deepEqual(await rig.missing([empty]), []);
      assert.deepEqual(await rig.read(empty), Buffer.alloc(0));
      await rig.write(new Uint8Array(0), name);
    }
    const bad = { ...foreignDigestOf(text, 'sha256'), size: 0 };
    assert.deepEqual(await rig.missing([bad]), [bad.hash]);
  });

  it('with the right hash and another size are absent, and stay so once the right one is known', async () => {
    await using rig = await ServedReapiRig.open();
    await rig.write(text);
    assert.deepEqual(await rig.missing([hello]), []);
    const wrong = { ...hello, size: 7 };
    assert.deepEqual(await rig.missing([wrong]), [hello.hash]);
    await assert.rejects(rig.read(wrong), { code: 'notFound' });
  });

  it('are missing once each, in the order of the question', async () => {
    await using rig = await ServedReapiRig.open();
    await rig.write(text);
    const others = ['a', 'b', 'c'].map(each => foreignDigestOf(Buffer.from(each), 'sha256'));
    const asked = [others[1]!, hello, others[0]!, others[1]!, others[2]!];
    assert.deepEqual(await rig.missing(asked), [others[1]!.hash, others[0]!.hash, others[2]!.hash]);
  });

  it('are updated and read in batches, each with a status of its own', async () => {
    await using rig = await ServedReapiRig.open();
    const large = Buffer.alloc(50_000, 'x');
    const digests = [text, large].map(bytes => foreignDigestOf(bytes, 'blake3'));
    const wrong = foreignDigestOf(Buffer.from('other'), 'blake3');
    const updated = await batch(
      rig,
      [
        [digests[0]!, text],
        [digests[1]!, zstdCompressSync(large), Compressor_Value.ZSTD],
        [wrong, text],
        [wrong, Buffer.from('no zstd'), Compressor_Value.ZSTD],
        [wrong, Buffer.from('x'), Compressor_Value.BROTLI],
        [wrong, zstdCompressSync(Buffer.alloc(40_000_000)), Compressor_Value.ZSTD],
      ],
      numbers.blake3,
    );
    assert.deepEqual(
      updated.responses.map(({ status }) => status?.code),
      [0, 0, 3, 3, 3, 3],
    );
    assert.deepEqual(await rig.missing([...digests, wrong]), [wrong.hash]);
    const read = await rig.client.unary(
      cas.batchReadBlobs,
      create(BatchReadBlobsRequestSchema, {
        digests: [...digests, wrong].map(message),
        digestFunction: numbers.blake3,
        acceptableCompressors: [Compressor_Value.ZSTD],
      }),
    );
    assert.deepEqual(
      read.responses.map(({ status }) => status?.code),
      [0, 0, 5],
    );
    assert.deepEqual(Buffer.from(read.responses[0]!.data), text);
    assert.equal(read.responses[1]!.compressor, Compressor_Value.ZSTD);
    assert.deepEqual(zstdDecompressSync(read.responses[1]!.data), large);
  });

  it('beyond the limit of a batch, or of a blob, are refused', async () => {
    await using rig = await ServedReapiRig.open({ limits: { batchSize: 1000, blobSize: 2000 } });
    const bytes = Buffer.alloc(600);
    const digest = foreignDigestOf(bytes, 'sha256');
    await assert.rejects(
      batch(rig, [
        [digest, bytes],
        [digest, bytes],
      ]),
      { code: 'invalidArgument' },
    );
    const read = create(BatchReadBlobsRequestSchema, { digests: [message(digest), message(digest)] });
    await assert.rejects(rig.client.unary(cas.batchReadBlobs, read), { code: 'invalidArgument' });
    await assert.rejects(rig.write(Buffer.alloc(2001)), { code: 'invalidArgument' });
  });

  it('are refused with digests that are none, and in instances that there are not', async () => {
    await using rig = await ServedReapiRig.open();
    const bad = [
      { hash: 'x', sizeBytes: 1n },
      { hash: hello.hash, sizeBytes: -1n },
      { hash: hello.hash.toUpperCase(), sizeBytes: 6n },
    ];
    for (const each of bad) {
      const request = create(BatchReadBlobsRequestSchema, { digests: [create(DigestSchema, each)] });
      await assert.rejects(rig.client.unary(cas.batchReadBlobs, request), { code: 'invalidArgument' });
    }
    const elsewhere = create(BatchReadBlobsRequestSchema, { instanceName: 'other' });
    await assert.rejects(rig.client.unary(cas.batchReadBlobs, elsewhere), {
      code: 'invalidArgument',
      message: /no instance 'other'/,
    });
  });
});

describe('ByteStream', () => {
  const write = (
    rig: ServedReapiRig,
    requests: Iterable<ReturnType<typeof writeRequests> extends Generator<infer T> ? T : never>,
  ) => rig.client.clientStreaming(byteStreamMethods.write, requests);
  const query = (rig: ServedReapiRig, resourceName: string) =>
    rig.client.unary(byteStreamMethods.queryWriteStatus, create(QueryWriteStatusRequestSchema, { resourceName }));

  it('reads from an offset, up to a limit', async () => {
    await using rig = await ServedReapiRig.open();
    const bytes = randomBytes(3_000_000);
    const digest = await rig.write(bytes);
    assert.deepEqual(await rig.read(digest, { offset: 2_999_990 }), bytes.subarray(2_999_990));
    assert.deepEqual(await rig.read(digest, { offset: 5, limit: 1_500_000 }), bytes.subarray(5, 1_500_005));
    assert.deepEqual(await rig.read(digest, { offset: 3_000_000 }), Buffer.alloc(0));
    await assert.rejects(rig.read(digest, { offset: 3_000_001 }), { code: 'outOfRange' });
    await assert.rejects(rig.read(digest, { offset: -1 }), { code: 'outOfRange' });
    await assert.rejects(rig.read(digest, { limit: -1 }), { code: 'invalidArgument' });
  });

  it('keeps nothing of an upload with another digest, of more bytes or of fewer', async () => {
    await using rig = await ServedReapiRig.open();
    for (const bytes of [Buffer.from('jello\n'), Buffer.from('hello\n\n'), Buffer.from('hell'), randomBytes(200_000)]) {
      await assert.rejects(write(rig, writeRequests(bytes, { resourceName: upload(hello) })), {
        code: 'invalidArgument',
      });
    }
    assert.deepEqual(await rig.missing([hello]), [hello.hash]);
    const large = foreignDigestOf(randomBytes(300_000), 'blake3');
    const name = `uploads/v/blobs/blake3/${large.hash}/${large.size}`;
    await assert.rejects(write(rig, writeRequests(randomBytes(300_000), { resourceName: name })), {
      code: 'invalidArgument',
    });
    assert.equal(rig.store.folder.database.all('SELECT * FROM blobs').length, 0);
  });

  it('continues an upload where it stopped', async () => {
    await using rig = await ServedReapiRig.open();
    const bytes = randomBytes(500_000);
    const digest = foreignDigestOf(bytes, 'sha256');
    const resourceName = upload(digest);
    const half = writeRequests(bytes.subarray(0, 262_144), { resourceName, finish: false });
    await assert.rejects(write(rig, half), { code: 'invalidArgument', message: /finish_write/ });
    assert.deepEqual(
      { ...(await query(rig, resourceName)), $typeName: '' },
      { $typeName: '', committedSize: 262_144n, complete: false },
    );
    await assert.rejects(write(rig, writeRequests(bytes.subarray(5), { resourceName, offset: 5 })), {
      code: 'invalidArgument',
    });
    const rest = writeRequests(bytes.subarray(262_144), { resourceName, offset: 262_144 });
    assert.equal((await write(rig, rest)).committedSize, 500_000n);
    assert.deepEqual(await rig.read(digest), bytes);
    const status = await query(rig, resourceName);
    assert.deepEqual([status.committedSize, status.complete], [500_000n, true]);
  });

  it('begins an upload anew whose client knows nothing of the first attempt', async () => {
    await using rig = await ServedReapiRig.open();
    const bytes = randomBytes(100_000);
    const digest = foreignDigestOf(bytes, 'sha256');
    const resourceName = upload(digest);
    await assert.rejects(write(rig, writeRequests(bytes.subarray(0, 70_000), { resourceName, finish: false })));
    await write(rig, writeRequests(bytes, { resourceName }));
    assert.deepEqual(await rig.read(digest), bytes);
  });

  it('ends an upload of what is here at once', async () => {
    await using rig = await ServedReapiRig.open();
    const bytes = randomBytes(2_000_000);
    const digest = await rig.write(bytes);
    let sent = 0;
    const requests = function* () {
      for (const request of writeRequests(bytes, { resourceName: upload(digest), pieceSize: 1000 })) {
        sent++;
        yield request;
      }
    };
    assert.equal((await write(rig, requests())).committedSize, 2_000_000n);
    assert.ok(sent < 2000);
  });

  it('refuses offsets out of order, other names and what comes after the end', async () => {
    await using rig = await ServedReapiRig.open();
    const bytes = randomBytes(200_000);
    const digest = foreignDigestOf(bytes, 'sha256');
    const resourceName = upload(digest);
    const requests = () => [...writeRequests(bytes, { resourceName })];
    const altered = (at: number, change: Partial<WriteRequest>) => {
      const all = requests();
      Object.assign(all[at]!, change);
      return all;
    };
    const changed = [
      altered(1, { writeOffset: 7n }),
      altered(1, { resourceName: 'uploads/x/blobs/y/1' }),
      [...requests(), ...requests().slice(-1)],
      altered(0, { resourceName: 'no/name' }),
      altered(0, { resourceName: '' }),
      [],
    ];
    for (const each of changed) await assert.rejects(write(rig, each), { code: 'invalidArgument' });
  });

  it('compresses and decompresses by zstd', async () => {
    await using rig = await ServedReapiRig.open();
    const bytes = Buffer.from('compressible '.repeat(200_000));
    const digest = foreignDigestOf(bytes, 'sha256');
    const resourceName = `uploads/z/compressed-blobs/zstd/${digest.hash}/${digest.size}`;
    const response = await write(rig, writeRequests(zstdCompressSync(bytes), { resourceName, pieceSize: 100 }));
    assert.equal(response.committedSize, -1n);
    assert.deepEqual(await rig.read(digest), bytes);
    const read = create(ReadRequestSchema, {
      resourceName: `compressed-blobs/zstd/${digest.hash}/${digest.size}`,
      readOffset: 13n,
    });
    const chunks: Uint8Array[] = [];
    for await (const { data } of rig.client.serverStreaming(byteStreamMethods.read, read)) chunks.push(data);
    assert.deepEqual(zstdDecompressSync(Buffer.concat(chunks)), bytes.subarray(13));
    assert.ok(chunks.reduce((sum, each) => sum + each.byteLength, 0) < 10_000);
    await assert.rejects(collect(rig.client.serverStreaming(byteStreamMethods.read, { ...read, readLimit: 5n })), {
      code: 'invalidArgument',
    });
  });

  it('refuses zip bombs, garbage and cut-off zstd', async () => {
    await using rig = await ServedReapiRig.open();
    const digest = foreignDigestOf(Buffer.alloc(1000), 'sha256');
    const resourceName = `uploads/z/compressed-blobs/zstd/${digest.hash}/${digest.size}`;
    const bomb = zstdCompressSync(Buffer.alloc(64_000_000));
    const cut = zstdCompressSync(randomBytes(5000)).subarray(0, 3000);
    for (const bytes of [bomb, cut, Buffer.from('garbage'), zstdCompressSync(Buffer.alloc(999)), Buffer.alloc(0)]) {
      await assert.rejects(write(rig, writeRequests(bytes, { resourceName })), { code: 'invalidArgument' });
    }
    assert.deepEqual(await rig.missing([digest]), [digest.hash]);
  });

  it('refuses compressors that it does not have', async () => {
    await using rig = await ServedReapiRig.open();
    const resourceName = `uploads/z/compressed-blobs/brotli/${hello.hash}/6`;
    await assert.rejects(write(rig, writeRequests(text, { resourceName })), {
      code: 'invalidArgument',
      message: /brotli/,
    });
  });
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(items);
}

describe('GetTree', () => {
  async function tree(rig: ServedReapiRig): Promise<ForeignDigest> {
    const directory = async (children: readonly (readonly [string, ForeignDigest])[], file = '') => {
      const entries = [
        ...children.map(([name, { hash, size }]) => ({
          name: byteStringFromText(name),
          node: { kind: 'directory', digest: { hash: sha256FromHex(hash), size } } as const,
        })),
        ...(file === ''
          ? []
          : [{ name: byteStringFromText(file), node: { kind: 'symlink', target: byteStringFromText('t') } as const }]),
      ];
      return rig.write(encodeDirectory({ entries }));
    };
    const leaf = await directory([], 'link');
    const other = await directory([['same', leaf]]);
    return directory([
      ['a', leaf],
      ['b', other],
      ['c', leaf],
    ]);
  }

  it('gives each directory once, the root first, and pages', async () => {
    await using rig = await ServedReapiRig.open();
    const rootDigest = message(await tree(rig));
    const all = await collect(rig.client.serverStreaming(cas.getTree, create(GetTreeRequestSchema, { rootDigest })));
    assert.equal(all.length, 1);
    assert.equal(all[0]!.nextPageToken, '');
    assert.deepEqual(
      all[0]!.directories.map(each => each.directories.map(({ name }) => name)),
      [['a', 'b', 'c'], [], ['same']],
    );
    const pages = [];
    let pageToken = '';
    do {
      const request = create(GetTreeRequestSchema, { rootDigest, pageSize: 2, pageToken });
      const [page] = await collect(rig.client.serverStreaming(cas.getTree, request));
      pages.push(...page!.directories);
      pageToken = page!.nextPageToken;
    } while (pageToken !== '');
    assert.deepEqual(pages, all[0]!.directories);
  });

  it('leaves out what is absent below the root, and says when that is', async () => {
    await using rig = await ServedReapiRig.open();
    const lost = create(DirectorySchema, { directories: [{ name: 'gone', digest: message({ ...hello, size: 9 }) }] });
    const root = await rig.write(toBinary(DirectorySchema, lost));
    const ask = (request: object) =>
      collect(rig.client.serverStreaming(cas.getTree, create(GetTreeRequestSchema, request)));
    assert.equal((await ask({ rootDigest: message(root) }))[0]!.directories.length, 1);
    await assert.rejects(ask({ rootDigest: message(hello) }), { code: 'notFound' });
    await assert.rejects(ask({}), { code: 'invalidArgument' });
    await assert.rejects(ask({ rootDigest: message(root), pageToken: 'x' }), { code: 'invalidArgument' });
    await assert.rejects(ask({ rootDigest: message(root), pageSize: -1 }), { code: 'invalidArgument' });
    const noTree = await rig.write(Buffer.from('this is no directory'));
    await assert.rejects(ask({ rootDigest: message(noTree) }), { code: 'invalidArgument' });
  });
});

describe('SplitBlob and SpliceBlob', () => {
  for (const name of ['sha256', 'blake3'] as const) {
    it(`give chunks of ${name} that make up the blob`, async () => {
      await using from = await ServedReapiRig.open();
      await using to = await ServedReapiRig.open();
      const bytes = randomBytes(5_000_000);
      const digest = await from.write(bytes, name);
      const digestFunction = numbers[name];
      const request = create(SplitBlobRequestSchema, { blobDigest: message(digest), digestFunction });
      const { chunkDigests } = await from.client.unary(cas.splitBlob, request);
      assert.ok(chunkDigests.length > 2);
      const splice = create(SpliceBlobRequestSchema, { blobDigest: message(digest), chunkDigests, digestFunction });
      await assert.rejects(to.client.unary(cas.spliceBlob, splice), { code: 'notFound' });
      for (const { hash, sizeBytes } of chunkDigests) {
        await to.write(await from.read({ function: name, hash, size: Number(sizeBytes) }), name);
      }
      const wrong = { ...splice, chunkDigests: chunkDigests.toReversed() };
      await assert.rejects(to.client.unary(cas.spliceBlob, wrong), { code: 'invalidArgument' });
      const short = { ...splice, chunkDigests: chunkDigests.slice(1) };
      await assert.rejects(to.client.unary(cas.spliceBlob, short), { code: 'invalidArgument' });
      assert.deepEqual(await to.missing([digest]), [digest.hash]);
      assert.equal((await to.client.unary(cas.spliceBlob, splice)).blobDigest?.hash, digest.hash);
      assert.deepEqual(await to.read(digest), bytes);
    });
  }

  it('say what is absent', async () => {
    await using rig = await ServedReapiRig.open();
    const request = create(SplitBlobRequestSchema, { blobDigest: message(hello) });
    await assert.rejects(rig.client.unary(cas.splitBlob, request), { code: 'notFound' });
  });
});

describe('leases', () => {
  it('keep what clients were told is here, and nothing else', async () => {
    await using rig = await ServedReapiRig.open();
    const kept = await rig.write(text);
    const loose = rig.store.batch();
    const gone = await loose.put(Buffer.from('nobody asked'));
    const asked = await loose.put(Buffer.from('somebody asked'));
    await loose.commit();
    await loose[Symbol.asyncDispose]();
    assert.deepEqual(await rig.missing([{ function: 'sha256', ...asked }]), []);
    const leased = new LeasedRoots(rig.store.folder);
    const marks = new BlobMarks(rig.store);
    await marks.mark(leased.next());
    await sweepBlobs(rig.store, marks, { newRoots: () => leased.next() });
    assert.deepEqual(await rig.missing([kept, { function: 'sha256', ...asked }, { function: 'sha256', ...gone }]), [
      gone.hash,
    ]);
  });
});

describe('rights', () => {
  const rules = {
    anonymous: { instances: '*', rights: [] },
    tokens: [
      { token: 'reader', instances: ['main'], rights: ['read'] },
      { token: 'writer', instances: '*', rights: ['read', 'write'] },
      { token: 'executor', instances: '*', rights: ['read', 'write', 'execute'] },
    ],
  } as const;
  const attempt = async (rig: ServedReapiRig, token: string | undefined, instanceName: string): Promise<string[]> => {
    const metadata = token === undefined ? {} : { authorization: token };
    const outcome = (call: Promise<unknown>) =>
      call.then(
        () => 'ok',
        (error: unknown) => (error as GrpcStatus).code,
      );
    const requests = [create(BatchUpdateBlobsRequest_RequestSchema, { digest: message(hello), data: text })];
    return [
      await outcome(
        rig.client.unary(capabilitiesMethods.getCapabilities, create(GetCapabilitiesRequestSchema, { instanceName }), {
          metadata,
        }),
      ),
      await outcome(
        rig.client.unary(cas.batchUpdateBlobs, create(BatchUpdateBlobsRequestSchema, { instanceName, requests }), {
          metadata,
        }),
      ),
    ];
  };

  it('are those of the token, by instance', async () => {
    await using rig = await ServedReapiRig.open({ rules });
    assert.deepEqual(await attempt(rig, undefined, 'main'), ['unauthenticated', 'unauthenticated']);
    assert.deepEqual(await attempt(rig, 'Bearer nobody', 'main'), ['unauthenticated', 'unauthenticated']);
    assert.deepEqual(await attempt(rig, 'reader', 'main'), ['unauthenticated', 'unauthenticated']);
    assert.deepEqual(await attempt(rig, 'Bearer reader', 'main'), ['ok', 'permissionDenied']);
    assert.deepEqual(await attempt(rig, 'Bearer reader', ''), ['permissionDenied', 'permissionDenied']);
    assert.deepEqual(await attempt(rig, 'Bearer writer', ''), ['ok', 'ok']);
    assert.deepEqual(await attempt(rig, `basic ${Buffer.from('me:writer').toString('base64')}`, ''), ['ok', 'ok']);
    assert.deepEqual(await attempt(rig, 'Bearer writer', 'other'), ['invalidArgument', 'invalidArgument']);
  });

  it('are told by the capabilities', async () => {
    await using rig = await ServedReapiRig.open({
      rules,
      features: { execution: { minPriority: 0, maxPriority: 1 }, actionCache: true },
    });
    const request = create(GetCapabilitiesRequestSchema, { instanceName: 'main' });
    for (const [token, mayUpdate, mayExecute] of [
      ['reader', false, false],
      ['writer', true, false],
      ['executor', true, true],
    ] as const) {
      const answer = await rig.client.unary(capabilitiesMethods.getCapabilities, request, {
        metadata: { authorization: `Bearer ${token}` },
      });
      assert.equal(answer.cacheCapabilities?.actionCacheUpdateCapabilities?.updateEnabled, mayUpdate);
      assert.equal(answer.executionCapabilities?.execEnabled, mayExecute);
      const functions: readonly DigestFunction[] = ['sha256', 'sha1', 'sha384', 'sha512', 'blake3', 'gitsha1'];
      assert.deepEqual(answer.cacheCapabilities?.digestFunctions.length, functions.length);
      assert.deepEqual([answer.lowApiVersion?.major, answer.lowApiVersion?.minor], [2, 0]);
    }
  });
});
