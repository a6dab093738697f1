import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { temporaryFolder, testStoreContext } from '../testing/index.ts';
import { openAutoStore } from './open-auto-store.ts';

/** Somebody who listens, whoever connects. */
async function listenAt(path: string): Promise<AsyncDisposable> {
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer(socket => socket.on('error', () => undefined)).listen(path);
  await once(server, 'listening');
  return { [Symbol.asyncDispose]: () => new Promise(resolve => server.close(() => resolve())) };
}

test('the store that nobody has named is that of whoever answers', async () => {
  using folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const plain = testStoreContext({ dataFolder: at('data') });
  const environment = { ...plain.environment, sharedDataFolder: at('shared'), daemonSocket: at('other/socket') };
  const context = { ...plain, environment };
  const found = async (changed: Partial<typeof environment> = {}) => {
    await using store = await openAutoStore({ ...context, environment: { ...environment, ...changed } });
    return [store.uri, store.realStoreDir];
  };
  const own = ['local', at('data/root/nix/store')];
  const shared = await listenAt(at('shared/socket'));
  const other = await listenAt(at('other/socket'));
  await using _others = { [Symbol.asyncDispose]: () => other[Symbol.asyncDispose]() };
  // Who has no store yet is served by root.
  assert.deepEqual(await found(), [`unix://${at('shared')}/socket`, '/nix/store']);
  await shared[Symbol.asyncDispose]();
  assert.deepEqual(await found(), own);
  const again = await listenAt(at('shared/socket'));
  assert.deepEqual(await found(), own, 'who has one keeps it');
  await again[Symbol.asyncDispose]();
  {
    await using _daemon = await listenAt(at('data/socket'));
    assert.deepEqual(await found(), [`unix://${at('data')}/socket`, at('data/root/nix/store')]);
  }
  assert.deepEqual(await found(), own);
  // Where C++ Nix knows store paths, its daemon keeps them.
  mkdirSync(at('state/db'), { recursive: true });
  writeFileSync(at('state/db/schema'), '10');
  {
    using database = new DatabaseSync(at('state/db/db.sqlite'));
    database.exec('CREATE TABLE ValidPaths (path TEXT); INSERT INTO ValidPaths VALUES (1)');
  }
  assert.deepEqual(await found({ chosenStateDir: at('state') }), ['daemon', '/nix/store']);
  const unanswered = { chosenStateDir: at('state'), daemonSocket: at('nobody') };
  assert.deepEqual(await found(unanswered), own);
});
