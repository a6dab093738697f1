import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { NixCompatError, parseStoreDir } from '../../nix-compat/index.ts';
import { LocalStore } from '../../store/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { CliError } from '../error.ts';
import { followLinksToStorePath } from './follow-links.ts';

const name = `${'a'.repeat(32)}-name`;

test('links are followed until they lead into the store, or to where it really is', async () => {
  using folder = temporaryFolder();
  const place = (...names: readonly string[]) => join(folder.path, ...names);
  await using store = new LocalStore({
    dataFolder: place('data'),
    storeDir: parseStoreDir('/logical/store'),
    realStoreDir: place('store'),
  });
  const follow = (path: string) => followLinksToStorePath(store, byteStringFromText(path));
  symlinkSync(`/logical/store/${name}/bin`, place('direct'));
  symlinkSync('direct', place('indirect'));
  symlinkSync(place('store', name), place('real'));
  symlinkSync('circle', place('circle'));
  symlinkSync('/nowhere', place('dangling'));
  for (const path of [
    `/logical/store/${name}`,
    place('direct'),
    place('indirect'),
    place('real'),
    place('store', name, 'x'),
  ]) {
    assert.equal(follow(path), name, path);
  }
  for (const path of [place('dangling'), folder.path, '/logical/store']) {
    assert.throws(
      () => follow(path),
      (error: unknown) => error instanceof NixCompatError && error.code === 'store-path/not-in-store',
      path,
    );
  }
  assert.throws(
    () => follow(place('circle')),
    (error: unknown) => error instanceof CliError && error.code === 'input/symlink-cycle',
  );
});
