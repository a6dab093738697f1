import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StorePath, defaultStoreDir } from '../../nix-compat/index.ts';
import { testPath } from '../../testing/index.ts';
import { StoreError } from '../error.ts';
import { topologicalOrder } from './topological-order.ts';

test('each path comes after those that it refers to, however long the chain', () => {
  const paths = Array.from({ length: 20_000 }, (_, at) => testPath(`path${at}`));
  const references = new Map(paths.map((path, at) => [path, [path, ...paths.slice(at + 1, at + 3)]]));
  const order = topologicalOrder(defaultStoreDir, paths, path => references.get(path) ?? []);
  assert.deepEqual(order, paths.toReversed());
});

test('a circle is named', () => {
  const [a, b, c] = ['a', 'b', 'c'].map(testPath);
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  const references = new Map<StorePath, StorePath[]>([
    [a, [b]],
    [b, [c]],
    [c, [b]],
  ]);
  assert.throws(
    () => topologicalOrder(defaultStoreDir, [a, b, c], path => references.get(path) ?? []),
    (error: unknown) => {
      return (
        error instanceof StoreError &&
        error.code === 'path/cycle' &&
        /^cycle detected in the references of '\/nix\/store\/.*' from '/.test(error.message)
      );
    },
  );
});
