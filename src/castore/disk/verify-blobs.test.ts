import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noise, temporaryFolder } from '../../testing/index.ts';
import { putBlob } from '../blob-store.ts';
import { DiskBlobStore } from './disk-blob-store.ts';
import { verifyBlobs } from './verify-blobs.ts';

test('everything that is wrong is found and repaired, whatever lies in its place', async () => {
  using folder = temporaryFolder();
  await using store = new DiskBlobStore(folder.path);
  const pathOf = async (seed: number) => {
    const digest = await putBlob(store, noise(30_000, seed));
    return { digest, path: store.pathOf({ kind: 'file', digest, executable: false }) };
  };
  const [sound, changed, gone, folded] = [await pathOf(0), await pathOf(1), await pathOf(2), await pathOf(3)];
  const inline = await putBlob(store, noise(100, 4));
  assert.deepEqual(await Array.fromAsync(verifyBlobs(store)), []);

  chmodSync(changed.path, 0o644);
  writeFileSync(changed.path, noise(30_000, 9));
  rmSync(gone.path);
  rmSync(folded.path, { force: true });
  mkdirSync(folded.path);
  store.folder.database.run('UPDATE blobs SET data = ? WHERE size = 100', noise(100, 9));
  const strays = ['stray', join('00', 'stray')].map(name => join(folder.path, 'blobs', name));
  mkdirSync(join(folder.path, 'blobs', '00'), { recursive: true });
  for (const stray of strays) writeFileSync(stray, '');

  const found = await Array.fromAsync(verifyBlobs(store, { repair: true }));
  const kinds = new Map(
    found.map(problem => [problem.kind === 'orphan' ? problem.path : problem.digest.hash, problem.kind]),
  );
  const expected = new Map<string, string>([
    [changed.digest.hash, 'corrupt'],
    [gone.digest.hash, 'missing'],
    [folded.digest.hash, 'unreadable'],
    [inline.hash, 'corrupt'],
    ...strays.map(stray => [stray, 'orphan'] as const),
  ]);
  assert.deepEqual(kinds, expected);

  assert.deepEqual(await Array.fromAsync(verifyBlobs(store)), []);
  const harmed = [changed.digest, gone.digest, folded.digest, inline];
  assert.deepEqual(await store.findMissing([sound.digest, ...harmed]), harmed);
});
