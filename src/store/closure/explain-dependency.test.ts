import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareStorePaths } from '../../nix-compat/index.ts';
import { MemoryStore } from '../../testing/index.ts';
import { explainDependency } from './explain-dependency.ts';

test('why a path depends on another: every way, the shortest first', async () => {
  const store = new MemoryStore();
  const dependency = store.put('dependency');
  const other = store.put('other');
  const near = store.put('near', [dependency, other]);
  const far = store.put('far', [near]);
  const top = store.put('top', [far, near, other]);
  const steps = await explainDependency(store, top, { dependency });
  assert.deepEqual(
    [...(steps ?? [])].toSorted(([a], [b]) => compareStorePaths(a, b)),
    [
      [dependency, { distance: 0, references: [] }] as const,
      [near, { distance: 1, references: [dependency] }] as const,
      [far, { distance: 2, references: [near] }] as const,
      [top, { distance: 2, references: [near, far] }] as const,
    ].toSorted(([a], [b]) => compareStorePaths(a, b)),
  );
  assert.equal(await explainDependency(store, near, { dependency: far }), undefined);
});
