import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PathInfo, type StorePath, hashBytes, parseStorePath } from '../../nix-compat/index.ts';
import { MemoryStore } from '../../testing/index.ts';
import { StoreError } from '../error.ts';
import { computeClosure } from './compute-closure.ts';
import { sortPaths } from './sort-paths.ts';

const pathOf = (letter: string): StorePath => parseStorePath(`${letter.repeat(32)}-${letter}`);

/** A store whose paths refer to each other as the entries say, by letters. */
function storeOf(references: Readonly<Record<string, string>>): MemoryStore {
  const store = new MemoryStore();
  for (const [letter, to] of Object.entries(references)) {
    const path = pathOf(letter);
    const info: PathInfo = {
      path,
      narHash: hashBytes('sha256', new Uint8Array()),
      narSize: 0,
      references: to.split('').map(pathOf),
      signatures: [],
    };
    store.infos.set(path, info);
  }
  return store;
}

test('each path comes after those it refers to; those that are not valid have nothing before them', async () => {
  const store = storeOf({ a: 'ca', b: 'c', c: 'd', d: '' });
  const sorted = await sortPaths(store, ['a', 'b', 'c', 'd', 'x'].map(pathOf));
  assert.deepEqual(
    sorted.map(({ path }) => path),
    ['d', 'c', 'a', 'b', 'x'].map(pathOf),
  );
  assert.equal(sorted.at(-1)?.info, undefined);
});

test('a closure has what its roots refer to, and all of it has to be there', async () => {
  const store = storeOf({ a: 'ca', b: 'x', c: 'd', d: '' });
  const closure = await computeClosure(store, [pathOf('a')]);
  assert.deepEqual(new Set(closure.keys()), new Set(['a', 'c', 'd'].map(pathOf)));
  await assert.rejects(computeClosure(store, [pathOf('b')]), (error: unknown) => {
    return error instanceof StoreError && error.code === 'path/invalid' && error.message.includes(pathOf('x'));
  });
});
