import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { silentReporter } from '../../base/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { FetcherCache } from './fetcher-cache.ts';

const rev = 'a'.repeat(40);
const never = () => assert.fail('it is known');

test('what is known of commits is not found out again, by C++ Nix neither', async () => {
  using folder = temporaryFolder();
  {
    using cache = new FetcherCache(folder.path, silentReporter);
    assert.equal(await cache.recall('gitRevCount', rev, async () => 12n), 12n);
  }
  using cache = new FetcherCache(folder.path, silentReporter);
  assert.equal(await cache.recall('gitRevCount', rev, never), 12n);
  assert.equal(await cache.recall('gitLastModified', rev, async () => 5n), 5n);
  using database = new DatabaseSync(join(folder.path, 'fetcher-cache-v4.sqlite'));
  const rows = database.prepare('SELECT domain, key, value FROM Cache ORDER BY domain').all();
  assert.deepEqual(
    rows.map(({ domain, key, value }) => ({ domain, key, value })),
    [
      { domain: 'gitLastModified', key: `{"rev":"${rev}"}`, value: '{"lastModified":5}' },
      { domain: 'gitRevCount', key: `{"rev":"${rev}"}`, value: '{"revCount":12}' },
    ],
  );
});

test('a file that is none of SQLite is left alone, and nothing is remembered', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'fetcher-cache-v4.sqlite'), 'something else'.repeat(100));
  using cache = new FetcherCache(folder.path, silentReporter);
  for (const count of [1n, 2n]) assert.equal(await cache.recall('gitRevCount', rev, async () => count), count);
});
