import assert from 'node:assert/strict';
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../../base/index.ts';
import { removeTree } from '../../../castore/index.ts';
import {
  DerivationHasher,
  type StorePath,
  fillOutputPaths,
  hashBytes,
  makeDerivationFile,
  storePathHashPart,
} from '../../../nix-compat/index.ts';
import {
  MemoryStore,
  TreeRecorder,
  addTestPath,
  offerTree,
  openLocalStoreIn,
  recordReports,
  storeSuite,
  temporaryFolder,
} from '../../../testing/index.ts';
import { addDerivation } from '../../add-text.ts';
import { computeClosure, computeReferrers } from '../../closure/compute-closure.ts';
import { StoreError, type StoreErrorCode } from '../../error.ts';
import { LocalStore, type LocalStoreOptions } from '../local-store.ts';

const code = (expected: StoreErrorCode) => (error: unknown) => error instanceof StoreError && error.code === expected;

/** A store over another. Nothing is mounted: `show` does what the mount would. */
async function openOverlay(more: Partial<LocalStoreOptions> = {}) {
  const owned = new AsyncDisposableStack();
  const folder = owned.use(temporaryFolder()).path;
  const { reporter, reports } = recordReports();
  const lower = openLocalStoreIn(join(folder, 'lower'));
  const merged = join(folder, 'merged');
  const upperLayer = join(folder, 'upper');
  mkdirSync(upperLayer);
  const store = owned.use(
    new LocalStore({
      dataFolder: join(folder, 'data'),
      storeDir: lower.storeDir,
      realStoreDir: merged,
      reporter,
      overlay: { lower, lowerStoreDir: lower.realStoreDir, upperLayer, remountHook: undefined },
      ...more,
    }),
  );
  const show = (path: StorePath) => cpSync(lower.realPath(path), store.realPath(path), { recursive: true });
  const warnings = () => reports.flatMap(each => (each.kind === 'log' && each.level === 'warn' ? [each.text] : []));
  const parts = { folder, lower, store, upperLayer, show, warnings };
  return { ...parts, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

storeSuite('a local store over another', async () => {
  const rig = await openOverlay();
  return rig;
});

describe('what a store inherits', () => {
  test('is valid with all that it refers to, and stays where it is', async () => {
    await using rig = await openOverlay();
    const { lower, store, show } = rig;
    const below = await addTestPath(lower, 'below');
    const above = await addTestPath(lower, 'above', [below]);
    const other = await addTestPath(lower, 'other');
    assert.deepEqual(await store.validPaths([above]), new Set([above]));
    assert.deepEqual(store.paths.all(), [above, below].toSorted());
    assert.deepEqual(await store.pathInfo(above), await lower.pathInfo(above));
    assert.equal(await store.pathFromHashPart(storePathHashPart(other)), other);
    show(above);
    const [ours, theirs] = [new TreeRecorder(), new TreeRecorder()];
    await store.streamPath(above, ours);
    await lower.streamPath(above, theirs);
    assert.deepEqual(ours, theirs);
    assert.equal((await (await store.openTree(above)).lookup([byteStringFromText('small')]))?.type, 'regular');
    assert.equal(store.paths.require(above).root, undefined);
    assert.equal(await store.pathInfo(offerTree({ type: 'symlink', target: byteStringFromText('x') }).path), undefined);
  });

  test('is found from both sides', async () => {
    await using rig = await openOverlay();
    const { lower, store } = rig;
    const below = await addTestPath(lower, 'below');
    const theirs = await addTestPath(lower, 'theirs', [below]);
    const ours = await addTestPath(store, 'ours', [below]);
    assert.deepEqual(await store.index.referrers(below), [ours, theirs].toSorted());
    assert.deepEqual(await computeReferrers(store, [below]), new Set([below, ours, theirs]));
    assert.deepEqual(
      [...(await computeClosure(store, [ours, theirs])).keys()].toSorted(),
      [below, ours, theirs].toSorted(),
    );
  });

  test('need not be added, nor is anything at its place touched', async () => {
    await using rig = await openOverlay();
    const { lower, store, show } = rig;
    const path = await addTestPath(lower, 'x');
    show(path);
    const { ino } = lstatSync(store.realPath(path));
    assert.equal(await addTestPath(store, 'x'), path);
    const info = await lower.pathInfo(path);
    assert.ok(info !== undefined);
    const source = () => Promise.reject(new Error('the source was asked'));
    await store.writer.add([{ path, offers: [{ info, source, from: 'test', isTrusted: true }] }]);
    assert.equal(lstatSync(store.realPath(path)).ino, ino);
  });

  test('has its outputs noted, whether the lower store has noted them or not', async () => {
    await using rig = await openOverlay();
    const { folder, lower, store, show } = rig;
    const output = byteStringFromText('out');
    const { path, text, references } = makeDerivationFile(
      lower.storeDir,
      fillOutputPaths(
        {
          name: byteStringFromText('x'),
          outputs: new Map([[output, { kind: 'deferred' }]]),
          inputSources: [],
          inputDerivations: new Map(),
          platform: byteStringFromText('x86_64-linux'),
          builder: byteStringFromText('/bin/sh'),
          args: [],
          env: new Map([[output, byteStringFromText('')]]),
        },
        new DerivationHasher(lower.storeDir, () => undefined),
      ),
    );
    await addDerivation(lower, { path, text, references });
    const noted = (await lower.knownOutputs([path])).get(path);
    assert.equal(noted?.size, 1);
    assert.deepEqual((await store.knownOutputs([path])).get(path), noted);
    show(path);
    assert.equal(store.derivation(path)?.outputs.size, 1);

    const silent = new MemoryStore({ storeDir: lower.storeDir });
    silent.put(text, [...references], { path });
    const overlay = { lower: silent, lowerStoreDir: lower.realStoreDir, upperLayer: folder, remountHook: undefined };
    await using another = new LocalStore({
      dataFolder: join(folder, 'another'),
      storeDir: lower.storeDir,
      realStoreDir: store.realStoreDir,
      overlay,
    });
    assert.deepEqual((await another.knownOutputs([path])).get(path), noted);
  });

  test('are realisations, which ours may not contradict', async () => {
    await using rig = await openOverlay();
    const { lower, store } = rig;
    const [path, other] = [await addTestPath(lower, 'x'), await addTestPath(store, 'y')];
    const derivationHash = hashBytes('sha256', Buffer.from('a derivation'));
    const id = { derivationHash, output: byteStringFromText('out') };
    await lower.writer.addRealisation({ id, path, signatures: [] });
    await assert.rejects(
      store.writer.addRealisation({ id, path: other, signatures: [] }),
      code('realisation/conflict'),
    );
    assert.deepEqual(await store.realisation(id), { path, signatures: [] });
    assert.ok(store.paths.isValid(path));
  });

  test('is forgotten by collections, and then there again', async () => {
    await using rig = await openOverlay();
    const { folder, lower, store, show } = rig;
    const below = await addTestPath(lower, 'below');
    const above = await addTestPath(lower, 'above', [below]);
    for (const path of [below, above]) show(path);
    await store.validPaths([above]);
    assert.deepEqual((await store.collector.liveness()).dead, []);
    assert.deepEqual(await store.collector.collect(), { paths: [], bytesFreed: 0 });
    assert.deepEqual(store.paths.all(), []);
    assert.deepEqual(
      readdirSync(join(folder, 'merged')).filter(name => !name.startsWith('.')),
      [above, below].toSorted(),
    );
    assert.deepEqual(await store.validPaths([above, below]), new Set([above, below]));
    for (const path of [below, above]) assert.ok(existsSync(lower.realPath(path)));
  });

  test('cannot be recorded in a store that is read-only', async () => {
    await using rig = await openOverlay();
    const { folder, lower, store } = rig;
    const ours = await addTestPath(store, 'ours');
    const theirs = await addTestPath(lower, 'theirs');
    const overlay = {
      lower: new MemoryStore({ storeDir: lower.storeDir }),
      lowerStoreDir: '/',
      upperLayer: '/',
      remountHook: undefined,
    };
    overlay.lower.put('x', [], { path: theirs });
    await using readOnly = new LocalStore({
      dataFolder: join(folder, 'data'),
      storeDir: lower.storeDir,
      realStoreDir: store.realStoreDir,
      readOnly: true,
      overlay,
    });
    assert.equal((await readOnly.pathInfo(ours))?.path, ours);
    await assert.rejects(readOnly.pathInfo(theirs), code('store/read-only'));
  });
});

describe('what both layers have', () => {
  /** Adds a path to both; the upper layer has it as the mount would have put it there. */
  async function addToBoth({ lower, store, upperLayer }: Awaited<ReturnType<typeof openOverlay>>) {
    const path = await addTestPath(store, 'x');
    assert.equal(await addTestPath(lower, 'x'), path);
    cpSync(store.realPath(path), join(upperLayer, path), { recursive: true });
    return path;
  }

  test('leaves the upper one and the castore by optimising', async () => {
    await using rig = await openOverlay();
    const { store, upperLayer, warnings } = rig;
    const path = await addToBoth(rig);
    assert.equal(await store.upkeep.optimise(), undefined);
    assert.deepEqual(readdirSync(upperLayer), []);
    assert.ok(existsSync(store.realPath(path)));
    assert.equal(store.paths.require(path).root, undefined);
    assert.match(warnings().join(), /needs remounting/);
    assert.equal(await store.upkeep.verify({ checkContents: true }), false);
  });

  test('stays where the lower layer has other contents, or lacks them by now', async () => {
    await using rig = await openOverlay();
    const { lower, store, upperLayer, warnings } = rig;
    const path = await addToBoth(rig);
    const { info, root } = lower.paths.require(path);
    lower.paths.register([{ info: { ...info, narHash: hashBytes('sha256', Buffer.from('other')) }, root }]);
    await store.upkeep.optimise();
    assert.deepEqual(readdirSync(upperLayer), [path]);
    lower.paths.register([{ info, root }]);
    removeTree(lower.realPath(path));
    await store.upkeep.optimise();
    assert.deepEqual(readdirSync(upperLayer), [path]);
    assert.deepEqual(warnings(), []);
  });

  test('goes from the upper one by a collection, and stays valid', async () => {
    await using rig = await openOverlay();
    const { folder, store, upperLayer, warnings } = rig;
    const path = await addToBoth(rig);
    const lower = openLocalStoreIn(join(folder, 'lower'));
    await using another = new LocalStore({
      dataFolder: store.dataFolder,
      storeDir: store.storeDir,
      realStoreDir: store.realStoreDir,
      reporter: store.reporter,
      overlay: { lower, lowerStoreDir: lower.realStoreDir, upperLayer, remountHook: undefined },
    });
    // Whoever has added it holds it.
    await assert.rejects(another.collector.collect({ paths: [path] }), code('path/in-use'));
    store.temporaryRoots[Symbol.dispose]();
    assert.deepEqual((await another.collector.collect({ paths: [path] })).paths, [path]);
    assert.deepEqual(readdirSync(upperLayer), []);
    assert.ok(existsSync(store.realPath(path)));
    assert.match(warnings().join(), /needs remounting/);
    assert.deepEqual(await store.validPaths([path]), new Set([path]));
  });
});
