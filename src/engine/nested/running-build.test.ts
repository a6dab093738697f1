import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultStoreDir, parseStorePath } from '../../nix-compat/index.ts';
import { RunningBuild } from './running-build.ts';

function buildOf(name: string, parent?: RunningBuild): RunningBuild {
  return new RunningBuild(defaultStoreDir, parseStorePath(`${'a'.repeat(32)}-${name}.drv`), parent);
}

const shown = (name: string) => `'/nix/store/${'a'.repeat(32)}-${name}.drv'`;

test('builds that wait for each other in a circle are named', () => {
  using outer = buildOf('outer');
  using inner = buildOf('inner', outer);
  using other = buildOf('other');
  using last = buildOf('last', other);
  inner.waitFor(other);
  const names = ['last', 'outer', 'inner', 'other', 'last'].map(shown).join(' -> ');
  assert.throws(() => last.waitFor(outer), {
    message: `${shown('last')} cannot be built here: builds wait for each other in a circle: ${names}`,
  });
  assert.throws(() => inner.waitFor(outer), /circle/);
});

test('builds that have ended or wait no longer are in nobody’s way', () => {
  using outer = buildOf('outer');
  using other = buildOf('other');
  {
    using inner = buildOf('inner', outer);
    inner.waitFor(other);
    inner.waitFor(undefined);
    other.waitFor(outer);
    other.waitFor(undefined);
    inner.waitFor(other);
  }
  other.waitFor(outer);
});
