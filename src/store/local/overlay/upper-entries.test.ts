import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { realFileSystem } from '../../../castore/index.ts';
import { MemoryStore, recordReports, temporaryFolder } from '../../../testing/index.ts';
import { StoreError } from '../../error.ts';
import { UpperEntries } from './upper-entries.ts';

/** An upper layer beside a merged folder; nothing is mounted. The lower store has `both` and `lower`. */
function openLayers(hook?: string) {
  const folder = temporaryFolder();
  const place = (name: string) => join(folder.path, name);
  const lower = new MemoryStore();
  const [both, below] = [lower.put('both'), lower.put('lower')];
  const above = lower.put('upper');
  lower.infos.delete(above);
  for (const name of ['merged', 'upper']) mkdirSync(place(name));
  const write = (layer: string, name: string) => {
    mkdirSync(join(place(layer), name));
    writeFileSync(join(place(layer), name, 'file'), '12345678');
  };
  for (const name of [both, above]) write('upper', name);
  for (const name of [both, above, below]) write('merged', name);
  const { reporter, reports } = recordReports();
  const remountHook = hook === undefined ? undefined : place('hook');
  if (remountHook !== undefined) {
    writeFileSync(remountHook, `#!/bin/sh\n${hook}\n`);
    chmodSync(remountHook, 0o755);
  }
  const overlay = { lower, lowerStoreDir: place('lower'), upperLayer: place('upper'), remountHook };
  const merged = { fileSystem: realFileSystem, realStoreDir: place('merged'), reporter };
  return {
    both,
    above,
    below,
    place,
    list: (layer: string) => readdirSync(place(layer)).filter(name => !name.startsWith('.')),
    warnings: () => reports.flatMap(each => (each.kind === 'log' && each.level === 'warn' ? [each.text] : [])),
    open: () => UpperEntries.open(overlay, merged, undefined),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe('entries of an upper layer', () => {
  test('go through the mount, and beside it where the lower layer has them, too', async () => {
    using layers = openLayers();
    const { both, above, below, list } = layers;
    const entries = await layers.open();
    assert.deepEqual(entries.names().toSorted(), [above, both].toSorted());
    assert.deepEqual(
      [above, both, below].map(name => entries.isRemovable(name)),
      [true, true, false],
    );
    assert.deepEqual(
      [above, below].map(name => entries.measure(name)),
      [8, 0],
    );
    assert.equal(entries.remove(below), 'kept');
    assert.equal(entries.remove(above), 'removed');
    await entries.finish();
    assert.deepEqual(layers.warnings(), []);
    assert.equal(entries.remove(both), 'removed');
    assert.equal(entries.remove('absent'), 'absent');
    await entries.empty();
    assert.equal(entries.bytesFreed, 16);
    // What a mount would have shown as gone.
    assert.deepEqual(list('upper'), [above]);
    assert.deepEqual(list('merged').toSorted(), [both, below].toSorted());
    await entries.finish();
    assert.match(layers.warnings().join(), /merged" needs remounting, set remount-hook to do this automatically$/);
  });

  test('that came after the look are left alone', async () => {
    using layers = openLayers();
    const entries = await layers.open();
    writeFileSync(join(layers.place('upper'), 'fresh'), '');
    writeFileSync(join(layers.place('merged'), 'fresh'), '');
    assert.equal(entries.remove('fresh'), 'kept');
    assert.ok(existsSync(join(layers.place('upper'), 'fresh')));
  });

  test('have the mount made anew by the hook, once', async () => {
    using layers = openLayers('echo "$@" >> "$(dirname "$0")/calls"');
    const entries = await layers.open();
    entries.remove(layers.both);
    await entries.finish();
    await entries.finish();
    assert.equal(readFileSync(layers.place('calls'), 'utf8'), `${layers.place('merged')}\n`);
  });

  const failing: [hook: string, message: RegExp][] = [
    ['exit 3', /^program ".*\/hook" failed with exit code 3$/],
    ['kill -9 $$', /^program ".*\/hook" failed due to signal SIGKILL$/],
  ];
  for (const [hook, message] of failing) {
    test(`say that '${hook}' was no help`, async () => {
      using layers = openLayers(hook);
      const entries = await layers.open();
      entries.remove(layers.both);
      await assert.rejects(entries.finish(), (error: unknown) => {
        return error instanceof StoreError && error.code === 'store/hook-failed' && message.test(error.message);
      });
    });
  }
});
