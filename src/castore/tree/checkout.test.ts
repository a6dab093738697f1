import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../testing/index.ts';
import { digestOf } from '../digest.ts';
import { MemoryBlobStore } from '../memory/memory-blob-store.ts';
import { checkoutTree } from './checkout.ts';

class BreakingStore extends MemoryBlobStore {
  override async open(): Promise<AsyncIterable<Uint8Array>> {
    return (async function* () {
      yield Buffer.from('abc');
      throw new Error('broken');
    })();
  }
}

test('of a file whose contents break off nothing is left', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'out');
  const node = { kind: 'file', digest: digestOf(Buffer.from('abcdef')), executable: false } as const;
  await assert.rejects(checkoutTree(new BreakingStore(), node, path), /broken/);
  assert(!existsSync(path));
});
