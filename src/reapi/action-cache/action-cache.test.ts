import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MessageInitShape, create } from '@bufbuild/protobuf';
import { byteStringFromText } from '../../base/index.ts';
import {
  type DigestFunction,
  type ForeignDigest,
  BlobMarks,
  DiskBlobStore,
  HeldRoots,
  encodeDirectory,
  encodeTreeMessage,
  exportForeignDirectory,
  foreignDigestOf,
  putBlob,
  sweepBlobs,
  treeMessageOf,
} from '../../castore/index.ts';
import { ActionResultSchema } from '../../proto/index.ts';
import { temporaryFolder, uploadForeign } from '../../testing/index.ts';
import { messageOfDigest } from '../digests/digest-message.ts';
import { ActionCache, type ActionKey } from './action-cache.ts';
import { foreignStoreOf } from './resolve-blobs.ts';

const resultOf = (init: MessageInitShape<typeof ActionResultSchema>) => create(ActionResultSchema, init);
const uploaded = { origin: 'uploaded' } as const;

class Rig implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly path = `${this.#folder.path}/data`;
  store = new DiskBlobStore(this.path);
  cache = new ActionCache(this.store);
  readonly digestFunction: DigestFunction;

  constructor(digestFunction: DigestFunction = 'sha256') {
    this.digestFunction = digestFunction;
  }

  key(action: string, instance = ''): ActionKey {
    return { instance, action: foreignDigestOf(Buffer.from(action), this.digestFunction) };
  }

  upload(bytes: Uint8Array): Promise<ForeignDigest> {
    const { store } = this;
    return uploadForeign({ store, aliases: store.blobAliases }, bytes, this.digestFunction);
  }

  async collect() {
    const { database } = this.store.folder;
    const held = new HeldRoots(database);
    this.store.holds.expire();
    const marks = new BlobMarks(this.store);
    await marks.mark(held.next());
    await sweepBlobs(this.store, marks, { newRoots: () => held.next() });
  }

  /** Deletes a blob behind everybody's back. */
  async lose(digest: ForeignDigest) {
    const [own] = await this.store.blobAliases.find([digest]);
    this.store.forget(own ?? assert.fail());
  }

  async reopen() {
    await this.store[Symbol.asyncDispose]();
    this.store = new DiskBlobStore(this.path);
    this.cache = new ActionCache(this.store);
  }

  /** A directory with a file `f` of these bytes, in a folder `d`. */
  async uploadTree(file: ForeignDigest) {
    const [own] = await this.store.blobAliases.find([file]);
    const name = byteStringFromText;
    const leaf = await putBlob(
      this.store,
      encodeDirectory({
        entries: [{ name: name('f'), node: { kind: 'file', digest: own ?? assert.fail(), executable: false } }],
      }),
    );
    const root = await putBlob(
      this.store,
      encodeDirectory({ entries: [{ name: name('d'), node: { kind: 'directory', digest: leaf } }] }),
    );
    const directory = await exportForeignDirectory(root, this.digestFunction, foreignStoreOf(this.store));
    const tree = await this.upload(await treeMessageOf(directory, foreignStoreOf(this.store)));
    return { directory, tree };
  }

  async [Symbol.asyncDispose]() {
    await this.store[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

for (const digestFunction of ['sha256', 'blake3', 'sha512', 'sha1'] as const)
  describe(`results of actions: ${digestFunction}`, () => {
    test('are kept by instance and action, over collections, until another one comes', async () => {
      await using rig = new Rig(digestFunction);
      const file = await rig.upload(Buffer.from('file'));
      const log = await rig.upload(Buffer.from('log'));
      const { directory, tree } = await rig.uploadTree(file);
      const result = resultOf({
        outputFiles: [{ path: 'a', digest: messageOfDigest(file) }],
        outputDirectories: [
          { path: 't', treeDigest: messageOfDigest(tree) },
          { path: 'd', rootDirectoryDigest: messageOfDigest(directory) },
        ],
        stdoutDigest: messageOfDigest(log),
        exitCode: 0,
      });
      await rig.cache.record(rig.key('one'), result, uploaded);
      assert.deepEqual(await rig.cache.get(rig.key('one')), { result, origin: 'uploaded' });
      assert.equal(await rig.cache.get(rig.key('two')), undefined);
      assert.equal(await rig.cache.get(rig.key('one', 'other')), undefined);
      await rig.collect();
      await rig.reopen();
      assert.deepEqual(await rig.cache.get(rig.key('one')), { result, origin: 'uploaded' });
      const other = resultOf({ exitCode: 0, stdoutRaw: Uint8Array.of(1, 2) });
      await rig.cache.record(rig.key('one'), other, { origin: 'executed' });
      assert.deepEqual(await rig.cache.get(rig.key('one')), { result: other, origin: 'executed' });
      await rig.collect();
      assert.equal(rig.store.folder.database.get('SELECT 1 FROM blobs'), undefined);
    });

    test('are none where something is gone that they name', async () => {
      await using rig = new Rig(digestFunction);
      const file = await rig.upload(Buffer.from('file'));
      const { directory, tree } = await rig.uploadTree(file);
      const results = {
        file: resultOf({ outputFiles: [{ path: 'a', digest: messageOfDigest(file) }] }),
        tree: resultOf({ outputDirectories: [{ path: 't', treeDigest: messageOfDigest(tree) }] }),
        directory: resultOf({ outputDirectories: [{ path: 't', rootDirectoryDigest: messageOfDigest(directory) }] }),
        log: resultOf({ stderrDigest: messageOfDigest(file) }),
      };
      for (const [name, result] of Object.entries(results)) await rig.cache.record(rig.key(name), result, uploaded);
      await rig.lose(file);
      for (const name of Object.keys(results)) assert.equal(await rig.cache.get(rig.key(name)), undefined, name);
      // Nor are they recorded.
      for (const result of Object.values(results)) {
        await assert.rejects(rig.cache.record(rig.key('new'), result, uploaded), { code: 'blobs/missing' });
      }
      await rig.upload(Buffer.from('file'));
      for (const name of Object.keys(results)) assert.equal(await rig.cache.get(rig.key(name)), undefined, name);
    });
  });

test('a result that is not whole does not replace one that is', async () => {
  await using rig = new Rig();
  const result = resultOf({ exitCode: 0, stdoutRaw: Uint8Array.of(1, 2) });
  await rig.cache.record(rig.key('one'), result, uploaded);
  const absent = foreignDigestOf(Buffer.from('absent'), 'sha256');
  const tree = await rig.upload(encodeTreeMessage(new Uint8Array(0), [Buffer.from('?')]));
  const junk = await rig.upload(Buffer.from('\u0001\u0002'));
  const refused: [MessageInitShape<typeof ActionResultSchema>, object][] = [
    [{ outputFiles: [{ path: 'a', digest: messageOfDigest(absent) }] }, { code: 'blobs/missing', missing: [absent] }],
    [{ outputFiles: [{ path: 'a' }] }, { code: 'digest/malformed', message: /'a' is missing/ }],
    [{ outputDirectories: [{ path: 'a' }] }, { code: 'digest/malformed' }],
    [{ stdoutDigest: { hash: '../..', sizeBytes: 3n } }, { code: 'digest/malformed' }],
    [{ outputDirectories: [{ path: 'a', treeDigest: messageOfDigest(junk) }] }, { code: 'message/malformed' }],
    [{ outputDirectories: [{ path: 'a', rootDirectoryDigest: messageOfDigest(junk) }] }, { code: 'message/malformed' }],
  ];
  for (const [bad, expected] of refused)
    await assert.rejects(rig.cache.record(rig.key('one'), resultOf(bad), uploaded), expected);
  // Children that nothing refers to are nobody's.
  await rig.cache.record(
    rig.key('two'),
    resultOf({ outputDirectories: [{ path: 'a', treeDigest: messageOfDigest(tree) }] }),
    uploaded,
  );
  assert.deepEqual(await rig.cache.get(rig.key('one')), { result, origin: 'uploaded' });
});

test('results go when nobody asked for them for long, and their blobs with the next collection', async () => {
  await using rig = new Rig();
  const file = await rig.upload(Buffer.from('file'));
  const result = resultOf({ outputFiles: [{ path: 'a', digest: messageOfDigest(file) }] });
  await rig.cache.record(rig.key('one'), result, uploaded);
  const { database } = rig.store.folder;
  database.run('UPDATE holds SET used = used - 40 * 24 * 3600');
  await rig.collect();
  assert.equal(await rig.cache.get(rig.key('one')), undefined);
  assert.equal(database.get('SELECT 1 FROM action_results'), undefined);
  assert.equal(database.get('SELECT 1 FROM blobs'), undefined);
});

test('many results are recorded at once, and one that cannot be does not spoil the others', async () => {
  await using rig = new Rig();
  const absent = messageOfDigest(foreignDigestOf(Buffer.from('absent'), 'sha256'));
  const records = Array.from({ length: 50 }, (_, at) =>
    rig.cache.record(rig.key(`${at}`), resultOf(at % 10 === 3 ? { stdoutDigest: absent } : { exitCode: at }), uploaded),
  );
  const ends = await Promise.allSettled(records);
  assert.equal(ends.filter(end => end.status === 'rejected').length, 5);
  for (const [at, end] of ends.entries()) {
    const found = await rig.cache.get(rig.key(`${at}`));
    assert.equal(found?.result.exitCode, end.status === 'fulfilled' ? at : undefined);
  }
});
