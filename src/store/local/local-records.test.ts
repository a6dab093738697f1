import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { type Realisation, SecretKey, hashBytes, joinStorePath } from '../../nix-compat/index.ts';
import { addTestPath, openLocalStoreIn, temporaryFolder, testPath } from '../../testing/index.ts';
import { StoreError, type StoreErrorCode } from '../error.ts';
import { logFile } from './build-log.ts';

const code = (expected: StoreErrorCode) => (error: unknown) => error instanceof StoreError && error.code === expected;

function openStore() {
  const folder = temporaryFolder();
  const store = openLocalStoreIn(folder.path);
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

describe('realisations of a local store', () => {
  const derivationHash = hashBytes('sha256', Buffer.from('a derivation'));
  const id = { derivationHash, output: byteStringFromText('out') };
  const signature = SecretKey.generate('test-1').sign(Buffer.from('something'));

  test('are kept with all their signatures, until their path goes', async () => {
    await using opened = openStore();
    const { store } = opened;
    const path = await addTestPath(store, 'x');
    assert.equal(await store.realisation(id), undefined);
    await store.writer.addRealisation({ id, path, signatures: [] });
    await store.writer.addRealisation({ id, path, signatures: [signature] });
    await store.writer.addRealisation({ id, path, signatures: [] });
    assert.deepEqual(await store.realisation(id), { path, signatures: [signature] });
    assert.equal(await store.realisation({ ...id, output: byteStringFromText('dev') }), undefined);
    store.paths.invalidate([path]);
    assert.equal(await store.realisation(id), undefined);
  });

  test('of one output are of one path', async () => {
    await using opened = openStore();
    const { store } = opened;
    const [path, other] = [await addTestPath(store, 'x'), await addTestPath(store, 'y')];
    const realisation: Realisation = { id, path, signatures: [] };
    await store.writer.addRealisation(realisation);
    await assert.rejects(store.writer.addRealisation({ ...realisation, path: other }), code('realisation/conflict'));
    await assert.rejects(
      store.writer.addRealisation({ ...realisation, path: other }),
      /^StoreError: Trying to register a realisation of 'sha256:[0-9a-f]{64}!out', but we already have another one locally\.\nLocal: {2}.*-x \(.*\)\nRemote: .*-y \(.*\)$/,
    );
    const absent = { ...realisation, id: { ...id, output: byteStringFromText('dev') }, path: testPath('absent') };
    await assert.rejects(store.writer.addRealisation(absent), code('path/invalid'));
  });

  test('are added together or not at all, and found together', async () => {
    await using opened = openStore();
    const { store } = opened;
    const [path, other] = [await addTestPath(store, 'x'), await addTestPath(store, 'y')];
    const ids = ['out', 'dev', 'doc'].map(output => ({ derivationHash, output: byteStringFromText(output) }));
    const [out, dev, doc] = ids;
    assert.ok(out && dev && doc);
    await store.writer.addRealisations([{ id: out, path, signatures: [] }]);
    await store.writer.addRealisations([
      { id: out, path, signatures: [signature] },
      { id: dev, path: other, signatures: [] },
      { id: dev, path: other, signatures: [] },
    ]);
    const known = await store.knownRealisations(ids);
    assert.deepEqual(
      [known.get(out), known.get(dev), known.get(doc)],
      [{ path, signatures: [signature] }, { path: other, signatures: [] }, undefined],
    );
    const conflicting = [doc, dev].map(each => ({ id: each, path, signatures: [] }));
    await assert.rejects(store.writer.addRealisations(conflicting), code('realisation/conflict'));
    const absent = [
      { id: doc, path, signatures: [] },
      { id: { ...id, output: byteStringFromText('man') }, path: testPath('absent'), signatures: [] },
    ];
    await assert.rejects(store.writer.addRealisations(absent), code('path/invalid'));
    assert.equal(await store.realisation(doc), undefined);
  });
});

describe('build logs of a local store', () => {
  const path = joinStorePath('0'.repeat(32), 'x.drv');
  const log = Buffer.from('building\n'.repeat(1000));

  test('are written compressed, and once', async () => {
    await using opened = openStore();
    const { store } = opened;
    assert.equal(await store.buildLog(path), undefined);
    await store.writer.addBuildLog(path, log);
    await store.writer.addBuildLog(path, Buffer.from('something else'));
    assert.deepEqual(await store.buildLog(path), log);
    assert.deepEqual(readdirSync(dirname(logFile(store.logDir, path))), [`${path.slice(2)}.zst`]);
  });

  test('are read as C++ Nix writes them, and passed over where they cannot be', async () => {
    await using opened = openStore();
    const { store } = opened;
    const file = logFile(store.logDir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.bz2`, execFileSync('bzip2', ['-c'], { input: log }));
    assert.deepEqual(Buffer.from((await store.buildLog(path)) ?? []), log);
    writeFileSync(`${file}.zst`, 'broken');
    assert.deepEqual(Buffer.from((await store.buildLog(path)) ?? []), log);
    writeFileSync(`${file}.bz2`, 'broken');
    await assert.rejects(async () => store.buildLog(path));
    writeFileSync(file, log);
    assert.deepEqual(await store.buildLog(path), log);
  });
});
