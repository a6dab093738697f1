import assert from 'node:assert/strict';
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { noise, temporaryFolder } from '../../testing/index.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';
import { Database } from './database.ts';
import { explainSqliteError } from './sqlite-error.ts';

const schema = { name: 'test', migrations: ['CREATE TABLE numbers (number INTEGER PRIMARY KEY, data BLOB)'] };

const refused = (code: CastoreErrorCode, path: string) => (error: unknown) => {
  assert.ok(error instanceof CastoreError, String(error));
  assert.equal(error.code, code);
  assert.ok(error.message.includes(`'${path}'`), error.message);
  return true;
};

const insert = 'INSERT INTO numbers (data) VALUES (?)';

describe('SQLite’s refusals name the file, within a transaction or not', () => {
  test('of a database that another process keeps to itself', () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'db');
    using database = new Database(path, [schema]);
    using other = new Database(path, [schema]);
    database.get('PRAGMA busy_timeout = 0');
    other.transaction(() => {
      other.run(insert, null);
      assert.throws(() => database.run(insert, null), refused('data-folder/busy', path));
      assert.throws(() => database.transaction(() => undefined), refused('data-folder/busy', path));
    });
    assert.equal(database.run(insert, null), 1);
  });

  test('of a database that cannot grow', () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'db');
    using database = new Database(path, [schema]);
    database.get('PRAGMA max_page_count = 10');
    const grow = () => database.run(insert, noise(1_000_000, 1));
    assert.throws(grow, refused('data-folder/full', path));
    assert.throws(() => database.transaction(grow), refused('data-folder/full', path));
    assert.equal(database.run(insert, null), 1);
  });

  test('of a damaged database, whichever way it is read', () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'db');
    {
      using database = new Database(path, [schema]);
      for (let i = 0; i < 100; i++) database.run(insert, noise(5000, i));
    }
    const fd = openSync(path, 'r+');
    for (let at = 3 * 8192; at < statSync(path).size; at += 8192) writeSync(fd, noise(8192, at), 0, 8192, at);
    closeSync(fd);
    using database = new Database(path, [schema]);
    const all = 'SELECT * FROM numbers';
    const reads = [
      () => database.get('SELECT count(data), sum(length(data)) FROM numbers'),
      () => database.all(all),
      () => database.tuples(all),
      () => Array.from(database.iterate(all)),
      () => database.transaction(() => database.run('DELETE FROM numbers')),
    ];
    for (const read of reads) assert.throws(read, refused('data-folder/corrupt', path));
  });

  test('and other errors are left as they are', () => {
    using folder = temporaryFolder();
    using database = new Database(join(folder.path, 'db'), [schema]);
    assert.throws(() => database.run('INSERT INTO numbers (number) VALUES (?)', 'no number'), { errcode: 20 });
    assert.throws(() => database.all('no statement'), { errcode: 1 });
    const error = new Error('of somebody else');
    assert.equal(explainSqliteError('path', error), error);
    assert.throws(
      () =>
        database.transaction(() => {
          throw error;
        }),
      error,
    );
  });
});

describe('a transaction that is held', () => {
  test('is nobody else’s before it is committed, and has transactions as parts', () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'db');
    using database = new Database(path, [schema]);
    const count = () => database.get('SELECT count(*) AS count FROM numbers')?.['count'];
    using held = database.hold();
    assert.ok(!database.canHold);
    database.transaction(() => database.run(insert, null));
    assert.throws(() =>
      database.transaction(() => {
        database.run(insert, null);
        throw new Error('not that one');
      }),
    );
    database.transaction(() => database.run(insert, null));
    assert.equal(count(), 2);
    held.commit();
    assert.ok(database.canHold);
    using other = new Database(path, [schema]);
    assert.equal(other.get('SELECT count(*) AS count FROM numbers')?.['count'], 2);
    assert.ok(!database.canHold && !other.canHold, 'it would wait for itself');
    assert.throws(() => database.hold(), TypeError);
  });

  test('is rolled back at disposal', () => {
    using folder = temporaryFolder();
    using database = new Database(join(folder.path, 'db'), [schema]);
    {
      using _held = database.hold();
      database.transaction(() => database.run(insert, null));
    }
    assert.equal(database.get('SELECT count(*) AS count FROM numbers')?.['count'], 0);
    database.transaction(() => database.run(insert, null));
    assert.equal(database.get('SELECT count(*) AS count FROM numbers')?.['count'], 1);
  });
});
