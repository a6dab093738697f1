import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { NarWriter, type StorePath, hashBytes, parseStorePath } from '../../nix-compat/index.ts';
import { type TestTree, playTree, temporaryFolder } from '../../testing/index.ts';
import type { PathOffer } from '../store.ts';
import { LocalStore } from './local-store.ts';
import { OrderedAdder } from './ordered-adder.ts';

const letters = '0123456789abcdfghijklmnpqrsvwxyz';
const treeOf = (text: string): TestTree => ({ type: 'file', executable: false, contents: byteStringFromText(text) });
const signal = new AbortController().signal;

function pathOf(at: number): StorePath {
  const hash = Array.from({ length: 32 }, (_, digit) => letters[(at >> (5 * digit)) & 31] ?? '0').join('');
  return parseStorePath(`${hash}-path${at}`);
}

/** A path that refers to the one before. */
function offerOf(at: number, contents = treeOf(`contents ${at}`)): PathOffer {
  const chunks: Buffer[] = [];
  playTree(treeOf(`contents ${at}`), new NarWriter(chunk => chunks.push(Buffer.from(chunk))));
  const nar = Buffer.concat(chunks);
  const references = at === 0 ? [] : [pathOf(at - 1)];
  const info = { path: pathOf(at), narHash: hashBytes('sha256', nar), narSize: nar.length, references, signatures: [] };
  return { info, source: async sink => playTree(contents, sink), from: 'a test', isTrusted: true };
}

function openStore() {
  const folder = temporaryFolder();
  const store = new LocalStore({ dataFolder: join(folder.path, 'data'), realStoreDir: join(folder.path, 'store') });
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

describe('paths that come one after the other', () => {
  test('become valid in groups, of which one is committed while the next gathers', async () => {
    await using opened = openStore();
    const { store } = opened;
    await using adder = new OrderedAdder(store, { checkSignatures: false, repair: false, signal });
    const count = 1100;
    for (let at = 0; at < count; at++) await adder.add(offerOf(at));
    await adder.commit();
    assert.equal(store.paths.all().length, count);
    assert.deepEqual(store.paths.find(pathOf(700))?.info.references, [pathOf(699)]);
  });

  test('stay where one after them is not what it says', async () => {
    await using opened = openStore();
    const { store } = opened;
    await using adder = new OrderedAdder(store, { checkSignatures: false, repair: false, signal });
    for (let at = 0; at < 5; at++) await adder.add(offerOf(at));
    await assert.rejects(adder.add(offerOf(5, treeOf('contents X'))), { code: 'path/hash-mismatch' });
    await adder.commit();
    assert.equal(store.paths.all().length, 5);
  });

  test('are refused where what they refer to is missing, without those that refer to them', async () => {
    await using opened = openStore();
    const { store } = opened;
    await using adder = new OrderedAdder(store, { checkSignatures: false, repair: false, signal });
    for (const at of [0, 1, 3, 4]) await adder.add(offerOf(at));
    await assert.rejects(adder.commit(), { code: 'path/missing-reference' });
    assert.deepEqual(store.paths.all(), [pathOf(0), pathOf(1)].toSorted());
  });
});
