import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreError } from '../error.ts';
import { ConnectionPool } from './connection-pool.ts';
import type { PeerConnection } from './peer-connection.ts';

/** A connection that does nothing, and says how it ended. */
class IdleConnection implements PeerConnection {
  readonly keeper = { version: undefined, trustsUs: undefined };
  isOver = false;
  readonly ends: string[] = [];
  readonly destroyed = Promise.withResolvers<void>();

  pathInfos(): Promise<never> {
    throw new Error('not asked for');
  }

  validPaths(): Promise<never> {
    throw new Error('not asked for');
  }

  requestNar(): Promise<never> {
    throw new Error('not asked for');
  }

  readNar(): Promise<never> {
    throw new Error('not asked for');
  }

  add(): Promise<never> {
    throw new Error('not asked for');
  }

  destroy(): void {
    this.ends.push('destroyed');
    this.destroyed.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ends.push('closed');
  }
}

function openPool(maxConnections: number) {
  const opened: IdleConnection[] = [];
  const open = async () => {
    const connection = new IdleConnection();
    opened.push(connection);
    return connection;
  };
  return { opened, pool: new ConnectionPool(open, maxConnections) };
}

test('there are no more connections than may be, and they are used again', async () => {
  const { opened, pool } = openPool(2);
  let running = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
  };
  await Promise.all(Array.from({ length: 10 }, () => pool.use(work)));
  assert.equal(most, 2);
  assert.equal(opened.length, 2);
  await pool[Symbol.asyncDispose]();
  assert.deepEqual(
    opened.map(({ ends }) => ends),
    [['closed'], ['closed']],
  );
});

test('a connection survives what the other side says has failed, and nothing else', async () => {
  const { opened, pool } = openPool(1);
  const refused = new StoreError('remote/failed', 'no');
  await assert.rejects(
    pool.use(() => Promise.reject(refused)),
    /no/,
  );
  await pool.use(() => Promise.resolve());
  assert.equal(opened.length, 1);
  await assert.rejects(
    pool.use(() => Promise.reject(new Error('broken'))),
    /broken/,
  );
  await pool.use(() => Promise.resolve());
  assert.equal(opened.length, 2);
  await pool[Symbol.asyncDispose]();
  assert.deepEqual(opened[0]?.ends, ['destroyed', 'closed']);
});

test('a connection that the other side has ended is not used again', async () => {
  const { opened, pool } = openPool(1);
  await pool.use(() => Promise.resolve());
  const [first] = opened;
  if (first !== undefined) first.isOver = true;
  await pool.use(() => Promise.resolve());
  assert.equal(opened.length, 2);
  await pool[Symbol.asyncDispose]();
  assert.deepEqual(first?.ends, ['closed']);
});

test('an abort ends the connection that is used', async () => {
  const { opened, pool } = openPool(1);
  const stop = new AbortController();
  const using = pool.use(
    async connection => {
      stop.abort(new Error('enough'));
      await connection.destroyed.promise;
      throw new Error('the connection has ended');
    },
    { signal: stop.signal },
  );
  await assert.rejects(using, /enough/);
  await pool[Symbol.asyncDispose]();
  assert.ok(opened[0]?.ends.includes('closed'));
});

test('what goes on when the pool is disposed of is ended', async () => {
  const { opened, pool } = openPool(1);
  const begun = Promise.withResolvers<void>();
  const using = pool.use(async connection => {
    begun.resolve();
    await connection.destroyed.promise;
  });
  await begun.promise;
  await pool[Symbol.asyncDispose]();
  await using;
  assert.ok(opened[0]?.ends.includes('closed'));
});
