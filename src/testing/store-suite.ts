import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type ByteString, byteStringFromText, bytesOf } from '../base/index.ts';
import { SecretKey, type StorePath, equalHashes, hashBytes, storePathHashPart } from '../nix-compat/index.ts';
import {
  NarHasher,
  type PathAddition,
  type PathOffer,
  type PathWriter,
  type Store,
  StoreError,
  type StoreErrorCode,
  requireFacet,
} from '../store/index.ts';
import { testPath } from './memory-store.ts';
import { offerTree } from './offer-tree.ts';
import { type TestTree, TreeRecorder, inAscii, playTree, testTrees } from './trees.ts';

/** A store that is empty at first, and everything that goes with it at disposal. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: Store;
}

export type OpenStore = () => Promise<OpenedStore>;

/** What a store may lack for want of a request in its protocol, or of a way to say it: names that are no UTF-8. */
export type StoreGap = 'hash parts' | 'signatures' | 'realisations' | 'build logs' | 'bytes in names';

/** The contract of `Store` and of the facets that a store has, for each kind of store that can be written to. */
export function storeSuite(name: string, open: OpenStore, gaps: readonly StoreGap[] = []): void {
  describe(name, () => {
    readingSuite(open, gaps);
    addingSuite(open);
    refusingSuite(open);
    if (!gaps.includes('signatures')) signaturesSuite(open);
    if (!gaps.includes('realisations')) realisationsSuite(open);
    if (!gaps.includes('build logs')) buildLogsSuite(open);
  });
}

const text = byteStringFromText;

function file(contents: string, executable = false): TestTree {
  return { type: 'file', executable, contents: text(contents) };
}

const folder: TestTree = {
  type: 'directory',
  entries: [
    [text('a'), file('contents of a')],
    [text('empty'), { type: 'directory', entries: [] }],
    [text('link'), { type: 'symlink', target: text('sub/run') }],
    [text('sub'), { type: 'directory', entries: [[text('run'), file('#!/bin/sh\n'.repeat(40_000), true)]] }],
  ],
};

function refusedWith(code: StoreErrorCode): (error: unknown) => boolean {
  return error => {
    assert(error instanceof StoreError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

function writerOf(store: Store): PathWriter {
  return requireFacet(store, 'writer', 'addToStore');
}

async function add(store: Store, ...additions: readonly PathAddition[]): Promise<void> {
  await writerOf(store).add(additions, { checkSignatures: false });
}

async function eventsOf(store: Store, path: StorePath): Promise<string[]> {
  const recorder = new TreeRecorder();
  await store.streamPath(path, recorder);
  return recorder.events;
}

function eventsOfTree(tree: TestTree): string[] {
  const recorder = new TreeRecorder();
  playTree(tree, recorder);
  return recorder.events;
}

async function contentsOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const chunk of chunks) copies.push(Buffer.from(chunk));
  return Buffer.concat(copies);
}

function readingSuite(open: OpenStore, gaps: readonly StoreGap[]): void {
  test('says of a path what it was told, and gives its tree', async () => {
    await using opened = await open();
    const { store } = opened;
    const { storeDir } = store;
    const below = offerTree(file('below'), { name: 'below', storeDir });
    const deriver = testPath('x.drv');
    const addition = offerTree(folder, { name: 'x', storeDir, references: [below.path], info: { deriver } });
    await add(store, below, addition);
    const { path, offers } = addition;
    const info = await store.pathInfo(path);
    assert.ok(info !== undefined);
    assert.ok(equalHashes(info.narHash, offers[0].info.narHash));
    assert.deepEqual(
      [info.path, info.narSize, info.references, info.deriver, info.signatures],
      [path, offers[0].info.narSize, [below.path], deriver, []],
    );
    assert.deepEqual(await eventsOf(store, path), eventsOfTree(folder));
  });

  test('gives every tree back as it was', async () => {
    await using opened = await open();
    const { store } = opened;
    let serial = 0;
    const trees = gaps.includes('bytes in names') ? testTrees.map(inAscii) : testTrees;
    const property = fc.asyncProperty(trees, async tree => {
      const addition = offerTree(tree, { name: `tree${serial++}`, storeDir: store.storeDir });
      await add(store, addition);
      assert.deepEqual(await eventsOf(store, addition.path), eventsOfTree(tree));
    });
    await fc.assert(property, { numRuns: 20 });
  });

  test('finds valid paths, also by their hash parts', async () => {
    await using opened = await open();
    const { store } = opened;
    const { path } = await (async () => {
      const addition = offerTree(file('x'), { name: 'x', storeDir: store.storeDir });
      await add(store, addition);
      return addition;
    })();
    const absent = testPath('absent');
    assert.deepEqual(await store.validPaths([path, absent]), new Set([path]));
    assert.deepEqual(await store.validPaths([]), new Set());
    if (!gaps.includes('hash parts')) {
      assert.equal(await store.pathFromHashPart(storePathHashPart(path)), path);
      assert.equal(await store.pathFromHashPart(storePathHashPart(absent)), undefined);
    }
    assert.equal(await store.pathInfo(absent), undefined);
    await assert.rejects(store.streamPath(absent, new NarHasher().sink), refusedWith('path/invalid'));
    await assert.rejects(store.openTree(absent), refusedWith('path/invalid'));
  });

  test('lets trees be looked around in', async () => {
    await using opened = await open();
    const { store } = opened;
    const addition = offerTree(folder, { storeDir: store.storeDir });
    await add(store, addition);
    const tree = await store.openTree(addition.path);
    const at = (...names: string[]): ByteString[] => names.map(name => text(name));
    assert.deepEqual(await tree.lookup([]), { type: 'directory', names: at('a', 'empty', 'link', 'sub') });
    assert.deepEqual(await tree.lookup(at('empty')), { type: 'directory', names: [] });
    assert.deepEqual(await tree.lookup(at('link')), { type: 'symlink', target: text('sub/run') });
    const run = await tree.lookup(at('sub', 'run'));
    assert.ok(run?.type === 'regular' && run.executable && run.size === 400_000);
    for (const nowhere of [at('b'), at('a', 'b'), at('link', 'run'), at('sub', 'run', '.')])
      assert.equal(await tree.lookup(nowhere), undefined);
    assert.equal((await contentsOf(tree.read(at('a')))).toString(), 'contents of a');
    assert.equal((await contentsOf(tree.read(at('sub', 'run')))).byteLength, 400_000);
    for (const other of [[], at('link'), at('sub'), at('b')])
      await assert.rejects(contentsOf(tree.read(other)), refusedWith('tree/not-a-file'));
  });

  test('stops when it is told to', async () => {
    await using opened = await open();
    const { store } = opened;
    const addition = offerTree(folder, { storeDir: store.storeDir });
    await add(store, addition);
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(store.streamPath(addition.path, new NarHasher().sink, { signal }), /enough/);
    await assert.rejects(writerOf(store).add([addition], { signal }), /enough/);
  });
}

function addingSuite(open: OpenStore): void {
  test('adds paths in whatever order they are given, each after what it refers to', async () => {
    await using opened = await open();
    const { store } = opened;
    const additions: PathAddition[] = [];
    for (let at = 0; at < 40; at++) {
      const references = [...new Set([at >> 1, Math.floor(at / 3)])].flatMap(each => additions[each]?.path ?? []);
      additions.push(offerTree(file(`path ${at}`), { name: `path${at}`, storeDir: store.storeDir, references }));
    }
    const added: StorePath[] = [];
    const options = { checkSignatures: false, added: (path: StorePath) => void added.push(path) };
    assert.deepEqual(await writerOf(store).add(additions.toReversed(), options), []);
    assert.deepEqual(added.toSorted(), additions.map(({ path }) => path).toSorted());
    for (const [at, path] of added.entries()) {
      const info = await store.pathInfo(path);
      assert.ok(info?.references.every(reference => reference === path || added.indexOf(reference) < at));
    }
    assert.deepEqual(await writerOf(store).add(additions, options), []);
    assert.equal(added.length, additions.length, 'those that are valid are not added again');
    const { index } = store;
    if (index === undefined) return;
    assert.deepEqual(await index.allPaths(), added.toSorted());
    const first = additions[0]?.path;
    assert.ok(first !== undefined);
    const referrers = additions.filter(({ offers }) => offers[0].info.references.includes(first));
    assert.deepEqual(await index.referrers(first), referrers.map(({ path }) => path).toSorted());
  });

  test('a path may refer to itself', async () => {
    await using opened = await open();
    const { store } = opened;
    const path = testPath('self');
    const { offers } = offerTree(file('self'), { name: 'self', storeDir: store.storeDir });
    const [offer] = offers;
    await add(store, { path, offers: [{ ...offer, info: { ...offer.info, path, references: [path] } }] });
    assert.deepEqual((await store.pathInfo(path))?.references, [path]);
  });

  test('tries one offer after the other', async () => {
    await using opened = await open();
    const { store } = opened;
    const { path, offers } = offerTree(folder, { storeDir: store.storeDir });
    const [good] = offers;
    const broken: PathOffer = {
      ...good,
      source: async sink => {
        sink.startDirectory();
        throw new Error('connection reset');
      },
    };
    const lying: PathOffer = { ...good, source: async sink => playTree(file('something else'), sink) };
    assert.deepEqual(await writerOf(store).add([{ path, offers: [broken, lying, good] }]), []);
    assert.deepEqual(await eventsOf(store, path), eventsOfTree(folder));
  });
}

function refusingSuite(open: OpenStore): void {
  test('refuses a tree with another hash or size than was announced, and nothing is there', async () => {
    await using opened = await open();
    const { store } = opened;
    const { path, offers } = offerTree(file('x'), { storeDir: store.storeDir });
    const [offer] = offers;
    const other: PathOffer = { ...offer, source: async sink => playTree(file('y'), sink) };
    await assert.rejects(add(store, { path, offers: [other] }), refusedWith('path/hash-mismatch'));
    const longer: PathOffer = { ...offer, info: { ...offer.info, narSize: offer.info.narSize + 8 } };
    await assert.rejects(add(store, { path, offers: [longer] }), refusedWith('path/hash-mismatch'));
    assert.equal(await store.pathInfo(path), undefined);
  });

  test('refuses a path that refers to what is not there', async () => {
    await using opened = await open();
    const { store } = opened;
    const references = [testPath('absent')];
    const addition = offerTree(file('x'), { storeDir: store.storeDir, references });
    await assert.rejects(add(store, addition), refusedWith('path/missing-reference'));
    assert.equal(await store.pathInfo(addition.path), undefined);
  });

  test('goes on with the others where that is asked for', async () => {
    await using opened = await open();
    const { store } = opened;
    const { storeDir } = store;
    const bad = offerTree(file('bad'), { name: 'bad', storeDir });
    const above = offerTree(file('above'), { name: 'above', storeDir, references: [bad.path] });
    const good = offerTree(file('good'), { name: 'good', storeDir });
    const lying: PathAddition = {
      path: bad.path,
      offers: [{ ...bad.offers[0], source: async sink => playTree(file('something else'), sink) }],
    };
    const failures = await writerOf(store).add([above, lying, good], { keepGoing: true, checkSignatures: false });
    assert.deepEqual(failures.map(({ path }) => path).toSorted(), [above.path, bad.path].toSorted());
    const found = new Map(failures.map(({ path, error }) => [path, error instanceof StoreError && error.code]));
    assert.equal(found.get(bad.path), 'path/hash-mismatch');
    assert.equal(found.get(above.path), 'path/missing-reference');
    assert.deepEqual(await store.validPaths([bad.path, above.path, good.path]), new Set([good.path]));
  });
}

function signaturesSuite(open: OpenStore): void {
  test('keeps the signatures of a path', async () => {
    await using opened = await open();
    const { store } = opened;
    const addition = offerTree(file('x'), { storeDir: store.storeDir });
    await add(store, addition);
    const [one, two] = ['one-1', 'two-1'].map(name => SecretKey.generate(name).sign(Buffer.from('x')));
    assert.ok(one !== undefined && two !== undefined);
    await writerOf(store).addSignatures(addition.path, [two]);
    await writerOf(store).addSignatures(addition.path, [one, two]);
    assert.deepEqual((await store.pathInfo(addition.path))?.signatures, [one, two]);
    await assert.rejects(writerOf(store).addSignatures(testPath('absent'), [one]), /is not valid/);
  });
}

function realisationsSuite(open: OpenStore): void {
  test('keeps realisations', async () => {
    await using opened = await open();
    const { store } = opened;
    const addition = offerTree(file('x'), { storeDir: store.storeDir });
    await add(store, addition);
    const derivationHash = hashBytes('sha256', bytesOf(text('a derivation')));
    const id = { derivationHash, output: text('out') };
    assert.equal(await store.realisation(id), undefined);
    await writerOf(store).addRealisation({ id, path: addition.path, signatures: [] });
    assert.deepEqual(await store.realisation(id), { path: addition.path, signatures: [] });
    assert.equal(await store.realisation({ derivationHash, output: text('dev') }), undefined);
  });
}

function buildLogsSuite(open: OpenStore): void {
  test('keeps build logs', async () => {
    await using opened = await open();
    const { store } = opened;
    const path = testPath('x.drv');
    assert.equal(await store.buildLog(path), undefined);
    const log = Buffer.from('building\n'.repeat(10_000));
    await writerOf(store).addBuildLog(path, log);
    assert.deepEqual(Buffer.from((await store.buildLog(path)) ?? []), log);
  });
}
