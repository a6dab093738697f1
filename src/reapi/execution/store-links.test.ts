import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { type DirectoryEntry, MemoryBlobStore, encodeDirectory, putBlob } from '../../castore/index.ts';
import { CountingBlobStore } from '../../testing/index.ts';
import { StoreLinks } from './store-links.ts';

const text = byteStringFromText;

test('targets in the store are found at every depth, and each directory is read once', async () => {
  const store = new CountingBlobStore(new MemoryBlobStore());
  const put = (entries: DirectoryEntry[]) => putBlob(store, encodeDirectory({ entries }));
  const link = (name: string, target: string): DirectoryEntry => ({
    name: text(name),
    node: { kind: 'symlink', target: text(target) },
  });
  const folder = (name: string, digest: Awaited<ReturnType<typeof put>>): DirectoryEntry => ({
    name: text(name),
    node: { kind: 'directory', digest },
  });
  const inner = await put([link('a', '/nix/store/x/bin'), link('b', '../y'), link('c', '/nix/stored/z')]);
  const root = await put([folder('d', inner), folder('e', inner), link('f', '/nix/store/w')]);
  const links = new StoreLinks('/nix/store');
  assert.deepEqual([...(await links.find(store, root))].toSorted(), ['/nix/store/w', '/nix/store/x/bin']);
  assert.deepEqual([...(await links.find(store, inner))], ['/nix/store/x/bin']);
  assert.equal(store.counts.get, 2);
});
