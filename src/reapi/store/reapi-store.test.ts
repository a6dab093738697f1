import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { byteStringFromLatin1, byteStringFromText, ignoreTree } from '../../base/index.ts';
import { CastoreError, digestOf } from '../../castore/index.ts';
import { SecretKey, countValidSignatures, storePathHashPart } from '../../nix-compat/index.ts';
import { type PathAddition, type Store, StoreError } from '../../store/index.ts';
import {
  ReapiRig,
  type TestTree,
  TreeRecorder,
  makeCertificate,
  offerTree,
  openTestStore,
  playTree,
  recordReports,
  storeSuite,
  temporaryFolder,
} from '../../testing/index.ts';
import { entryKey } from './entry-key.ts';

async function open(query = '') {
  const rig = await ReapiRig.start();
  const store = await openTestStore(`reapi://${rig.authority}/main${query}`);
  return {
    rig,
    store,
    /** The same cache, by somebody who remembers nothing. */
    again: (more = '') => openTestStore(`reapi://${rig.authority}/main${more}`),
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

storeSuite('ReapiStore', () => open(), ['bytes in names']);

const text = byteStringFromText;
const tree: TestTree = {
  type: 'directory',
  entries: [
    [text('a'), { type: 'file', executable: false, contents: text('contents of a') }],
    [text('b'), { type: 'directory', entries: [[text('c'), { type: 'symlink', target: text('../a') }]] }],
  ],
};

async function add(store: Store, ...additions: readonly PathAddition[]): Promise<void> {
  await store.writer?.add(additions, { checkSignatures: false });
}

describe('ReapiStore', () => {
  test('finds what another client has added', async () => {
    await using opened = await open();
    const addition = offerTree(tree, { name: 'x' });
    await add(opened.store, addition);
    await using again = await opened.again();
    const recorder = new TreeRecorder();
    await again.streamPath(addition.path, recorder);
    const expected = new TreeRecorder();
    playTree(tree, expected);
    assert.deepEqual(recorder.events, expected.events);
    await using other = await openTestStore(`reapi://${opened.rig.authority}/other`);
    assert.equal(await other.pathInfo(addition.path), undefined, 'instances are apart');
  });

  test('takes a path for missing of whose tree something is gone', async () => {
    await using opened = await open();
    const addition = offerTree(tree, { name: 'x' });
    await add(opened.store, addition);
    const { blobs } = opened.rig;
    for (const digest of blobs.digests) {
      const bytes = await blobs.get(digest);
      blobs.delete(digest);
      await using again = await opened.again();
      // The directories themselves are in the Tree message, and action and command are nobody's to read.
      const isNeeded = (await again.pathInfo(addition.path)) === undefined;
      const contents = Buffer.from(bytes ?? []).toString('latin1');
      const mustBe = contents.startsWith('StorePath:') || contents === 'contents of a';
      if (mustBe) assert.ok(isNeeded, contents);
      await using batch = blobs.batch();
      await batch.put(bytes ?? new Uint8Array(0));
      await batch.commit();
    }
    await using again = await opened.again();
    assert.ok((await again.pathInfo(addition.path)) !== undefined);
  });

  test('takes an entry for missing that cannot be read, and says so', async () => {
    await using opened = await open();
    const addition = offerTree(tree, { name: 'x' });
    await add(opened.store, addition);
    const { action } = entryKey('path', opened.store.storeDir, storePathHashPart(addition.path));
    const result = opened.rig.results.get(`main ${action.hash}`);
    assert.ok(result !== undefined);
    const [output] = result.outputDirectories;
    assert.ok(output !== undefined);
    for (const spoil of [
      () => (output.path = 'elsewhere'),
      () => (output.rootDirectoryDigest = output.treeDigest),
      () => delete output.treeDigest,
      () => delete result.stdoutDigest,
    ]) {
      spoil();
      const { reporter, reports } = recordReports();
      await using again = await openTestStore(`reapi://${opened.rig.authority}/main`, { reporter });
      assert.equal(await again.pathInfo(addition.path), undefined);
      assert.match(JSON.stringify(reports), /ignoring the entry of/);
    }
  });

  test('refuses a tree that has not the NAR hash of its narinfo', async () => {
    await using opened = await open();
    const [one, two] = [offerTree(tree, { name: 'x' }), offerTree({ type: 'directory', entries: [] }, { name: 'y' })];
    await add(opened.store, one, two);
    const results = [one, two].map(({ path }) => {
      const { action } = entryKey('path', opened.store.storeDir, storePathHashPart(path));
      return opened.rig.results.get(`main ${action.hash}`);
    });
    const [first, second] = results;
    assert.ok(first !== undefined && second !== undefined);
    first.outputDirectories = second.outputDirectories;
    await using again = await opened.again();
    const isMismatch = (error: unknown) => error instanceof StoreError && error.code === 'path/hash-mismatch';
    await assert.rejects(again.streamPath(one.path, ignoreTree), isMismatch);
    await assert.rejects(again.openTree(one.path), isMismatch);
    await using trusting = await opened.again('?trusted=1');
    await trusting.openTree(one.path);
  });

  test('refuses names that REAPI cannot say, naming the file', async () => {
    await using opened = await open();
    const odd: TestTree = {
      type: 'directory',
      entries: [
        [
          text('share'),
          {
            type: 'directory',
            entries: [[byteStringFromLatin1('caf\xe9'), { type: 'symlink', target: text('x') }]],
          },
        ],
      ],
    };
    const calls = opened.rig.calls.length;
    await assert.rejects(
      add(opened.store, offerTree(odd, { name: 'odd' })),
      (error: unknown) =>
        error instanceof CastoreError &&
        error.code === 'directory/not-utf8' &&
        error.message.includes('-odd/share/caf'),
    );
    const symlink: TestTree = { type: 'symlink', target: byteStringFromLatin1('\xff') };
    await assert.rejects(add(opened.store, offerTree(symlink, { name: 'link' })), /-link.*no UTF-8/);
    assert.ok(!opened.rig.calls.slice(calls).includes('BatchUpdateBlobs'), 'nothing was sent');
  });

  test('signs what it adds, and who takes it checks', async () => {
    using folder = temporaryFolder();
    const key = SecretKey.generate('cache-1');
    writeFileSync(`${folder.path}/key`, key.format());
    await using opened = await open(`?secret-key=${folder.path}/key`);
    const addition = offerTree(tree, { name: 'x' });
    await add(opened.store, addition);
    await using again = await opened.again();
    const info = await again.pathInfo(addition.path);
    assert.ok(info !== undefined);
    const keys = new Map([['cache-1', key.publicKey]]);
    assert.equal(countValidSignatures(again.storeDir, info, keys), 1);
    assert.equal(countValidSignatures(again.storeDir, { ...info, narSize: info.narSize + 1 }, keys), 0);
  });

  test('does not send twice what the cache has', async () => {
    await using opened = await open();
    await add(opened.store, offerTree(tree, { name: 'x' }));
    const { rig } = opened;
    rig.calls.length = 0;
    const before = rig.blobs.digests.length;
    await add(opened.store, offerTree(tree, { name: 'y' }));
    // The narinfo, the action and its command.
    assert.equal(rig.blobs.digests.length, before + 3);
    assert.deepEqual(
      digestOf(Buffer.from('contents of a')),
      rig.blobs.digests.find(({ size }) => size === 13),
    );
  });
});

describe('openReapiStore', () => {
  test('goes by TLS, through sockets, and with tokens', async () => {
    using folder = temporaryFolder();
    const { key, cert } = makeCertificate(folder.path);
    writeFileSync(`${folder.path}/ca`, cert);
    writeFileSync(`${folder.path}/token`, 'secret\n');
    const authorization = 'Bearer secret';
    const tls = { certificate: cert, key };
    await using secure = await ReapiRig.start({
      authorization,
      listen: { transport: 'tcp', host: '127.0.0.1', port: 0, tls },
    });
    const token = `token-file=${folder.path}/token`;
    await using store = await openTestStore(`reapis://${secure.authority}/main?tls-ca=${folder.path}/ca&${token}`);
    await add(store, offerTree(tree));
    assert.ok([...secure.results.keys()].every(name => name.startsWith('main ')));
    const isRefused = (error: unknown) => error instanceof StoreError && error.code === 'remote/failed';
    const isUnreachable = (error: unknown) => error instanceof StoreError && error.code === 'remote/unreachable';
    await assert.rejects(openTestStore(`reapis://${secure.authority}?tls-ca=${folder.path}/ca`), isRefused);
    // Who vouches for certificates of downloads does for servers, too.
    const settings = { 'ssl-cert-file': `${folder.path}/ca` };
    await using _known = await openTestStore(`reapis://${secure.authority}?${token}`, { settings });
    const advice = /name who vouches for its certificate with \?tls-ca=FILE, or .* 'ssl-cert-file'$/;
    await assert.rejects(openTestStore(`reapis://${secure.authority}?${token}`), advice);

    await using local = await ReapiRig.start({
      authorization,
      listen: { transport: 'unix', path: `${folder.path}/socket` },
    });
    await using nearby = await openTestStore(`reapi+unix://${folder.path}/socket?instance=other&${token}`);
    await add(nearby, offerTree(tree));
    assert.ok([...local.results.keys()].every(name => name.startsWith('other ')));
    await assert.rejects(openTestStore(`reapi+unix://${folder.path}/nowhere`), isUnreachable);
  });
});
