import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ignoreTree } from '../../base/index.ts';
import { type StorePath, joinStorePath } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import { ConnectionPool } from './connection-pool.ts';
import { NarQueue } from './nar-queue.ts';
import type { NarReceiver, PeerConnection } from './peer-connection.ts';

const pathOf = (name: string): StorePath => joinStorePath('0'.repeat(32), name);

/** A connection that gives NARs (their names) in the order in which they were asked for, each once it is let. */
class NarConnection implements PeerConnection {
  readonly keeper = { version: undefined, trustsUs: undefined };
  isOver = false;
  readonly asked: StorePath[] = [];
  readonly #failing: ReadonlyMap<StorePath, Error>;
  readonly #gone = Promise.withResolvers<never>();
  #next = 0;
  #letGo = Promise.withResolvers<void>();

  constructor(failing: ReadonlyMap<StorePath, Error>) {
    this.#failing = failing;
    this.#gone.promise.catch(() => undefined);
  }

  /** Lets all NARs come. */
  release(): void {
    this.#letGo.resolve();
  }

  async requestNar(path: StorePath): Promise<void> {
    this.asked.push(path);
  }

  async readNar({ observe }: NarReceiver): Promise<void> {
    await Promise.race([this.#letGo.promise, this.#gone.promise]);
    const path = this.asked[this.#next++] ?? pathOf('none');
    const failure = this.#failing.get(path);
    if (failure !== undefined) throw failure;
    observe(Buffer.from(path));
  }

  destroy(): void {
    this.isOver = true;
    this.#gone.reject(new StoreError('remote/disconnected', 'destroyed'));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
  pathInfos = () => Promise.reject(new Error('not asked for'));
  validPaths = () => Promise.reject(new Error('not asked for'));
  add = () => Promise.reject(new Error('not asked for'));
}

function openQueue(failing: ReadonlyMap<StorePath, Error> = new Map()) {
  const connections: NarConnection[] = [];
  const pool = new ConnectionPool<PeerConnection>(async () => {
    const connection = new NarConnection(failing);
    connections.push(connection);
    return connection;
  }, 1);
  const queue = new NarQueue(pool, 1);
  const receive = async (path: StorePath, signal?: AbortSignal): Promise<string> => {
    let got = '';
    const receiver = {
      sink: ignoreTree,
      observe: (chunk: Uint8Array) => void (got += Buffer.from(chunk).toString()),
      drain: () => Promise.resolve(),
    };
    await queue.receive(path, receiver, signal === undefined ? {} : { signal });
    return got;
  };
  return { connections, receive, [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose]() };
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve));
const [a, b, c] = ['a', 'b', 'c'].map(pathOf) as [StorePath, StorePath, StorePath];

test('NARs are asked for before the first has come, and everybody gets his own', async () => {
  await using queue = openQueue();
  const all = Promise.all([a, b, c].map(path => queue.receive(path)));
  await turn();
  assert.deepEqual(queue.connections[0]?.asked, [a, b, c]);
  queue.connections[0]?.release();
  assert.deepEqual(await all, [a, b, c]);
  assert.equal(queue.connections.length, 1);
});

test('what the other side says has failed concerns nobody else', async () => {
  await using queue = openQueue(new Map([[a, new StoreError('remote/failed', 'no such path')]]));
  const all = Promise.allSettled([a, b].map(path => queue.receive(path)));
  await turn();
  queue.connections[0]?.release();
  const [first, second] = await all;
  assert.equal(first?.status, 'rejected');
  assert.deepEqual(second, { status: 'fulfilled', value: b });
  assert.equal(queue.connections.length, 1);
});

test('others get theirs from another connection where one ends in the middle of a NAR', async () => {
  await using queue = openQueue();
  const leaves = new AbortController();
  const first = queue.receive(a, leaves.signal);
  const second = queue.receive(b);
  await turn();
  leaves.abort(new Error('not wanted any more'));
  await assert.rejects(first, /not wanted any more/);
  await turn();
  queue.connections[1]?.release();
  assert.equal(await second, b);
});

test('who comes while a NAR arrives is asked for at once, and may leave', async () => {
  await using queue = openQueue();
  const leaves = new AbortController();
  const first = queue.receive(a);
  await turn();
  const second = queue.receive(b, leaves.signal);
  const third = queue.receive(c);
  assert.deepEqual(queue.connections[0]?.asked, [a, b, c]);
  leaves.abort(new Error('not wanted any more'));
  queue.connections[0]?.release();
  assert.equal(await first, a);
  await assert.rejects(second, /not wanted any more/);
  await turn();
  queue.connections[1]?.release();
  assert.equal(await third, c);
});

test('everybody is told where there is no connection to be had', async () => {
  const pool = new ConnectionPool<PeerConnection>(
    () => Promise.reject(new StoreError('remote/unreachable', 'down')),
    1,
  );
  const queue = new NarQueue(pool, 1);
  const receiver = { sink: ignoreTree, observe() {}, drain: () => Promise.resolve() };
  const all = await Promise.allSettled([a, b].map(path => queue.receive(path, receiver)));
  assert.deepEqual(
    all.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
});
