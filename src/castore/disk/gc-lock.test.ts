import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { DiskBlobStore } from './disk-blob-store.ts';
import { lockAgainstCollection } from './gc-lock.ts';

/** Takes the lock again and again, holding it for a few turns of the event loop, until `ended` says so. */
async function keepTaking(store: DiskBlobStore, mode: 'shared' | 'exclusive', ended: () => boolean): Promise<void> {
  while (!ended()) {
    using _lock = await lockAgainstCollection(store.folder, mode);
    for (let i = 0; i < 20; i++) await turn();
  }
}

describe('the lock between additions and collections', () => {
  test('is shared by additions and had by one collection at a time', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    let holders = 0;
    const hold = async (mode: 'shared' | 'exclusive') => {
      for (let i = 0; i < 10; i++) {
        using _lock = await lockAgainstCollection(store.folder, mode);
        if (mode === 'exclusive') assert.equal(holders, 0);
        holders++;
        await turn();
        if (mode === 'exclusive') assert.equal(holders, 1);
        holders--;
      }
    };
    await Promise.all([hold('shared'), hold('exclusive'), hold('shared'), hold('exclusive')]);
  });

  // That these end is what they test.
  test('comes to a collection although additions follow each other without a gap', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    let had = false;
    const additions = Array.from({ length: 4 }, () => keepTaking(store, 'shared', () => had));
    await turn();
    {
      using _lock = await lockAgainstCollection(store.folder, 'exclusive');
      had = true;
    }
    await Promise.all(additions);
  });

  test('comes to an addition although batches of a collection follow each other without a gap', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    let had = false;
    const collection = keepTaking(store, 'exclusive', () => had);
    await turn();
    {
      using _lock = await lockAgainstCollection(store.folder, 'shared');
      had = true;
    }
    await collection;
  });

  test('comes to an addition for which another one waits, that a collection waits for', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    let collection: Promise<Disposable>;
    {
      using _outer = await lockAgainstCollection(store.folder, 'shared');
      collection = lockAgainstCollection(store.folder, 'exclusive');
      await turn();
      using _inner = await lockAgainstCollection(store.folder, 'shared');
    }
    (await collection)[Symbol.dispose]();
  });

  test('is waited for no longer than the signal says', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(folder.path);
    using _lock = await lockAgainstCollection(store.folder, 'shared');
    const stop = new AbortController();
    const waiting = lockAgainstCollection(store.folder, 'exclusive', stop.signal);
    stop.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    using _another = await lockAgainstCollection(store.folder, 'shared');
  });
});
