import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import {
  NarWriter,
  type PathInfo,
  type StorePath,
  SecretKey,
  fingerprintPathInfo,
  hashBytes,
  parseStorePath,
} from '../../nix-compat/index.ts';
import { bytesOf } from '../../base/index.ts';
import { type TestTree, playTree, temporaryFolder } from '../../testing/index.ts';
import { StoreError, type StoreErrorCode } from '../error.ts';
import type { PathAddition, PathOffer } from '../store.ts';
import { LocalStore, type LocalStoreOptions } from './local-store.ts';

const code = (expected: StoreErrorCode) => (error: unknown) => error instanceof StoreError && error.code === expected;

const checkoutsIn = (folder: string) => readdirSync(folder).filter(name => name !== '.links');

function openStore(options: Partial<LocalStoreOptions> = {}) {
  const folder = temporaryFolder();
  const store = new LocalStore({
    dataFolder: join(folder.path, 'data'),
    realStoreDir: join(folder.path, 'store'),
    ...options,
  });
  return {
    store,
    folder: folder.path,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const letters = '0123456789abcdfghijklmnpqrsvwxyz';

function pathOf(at: number, name = `path${at}`): StorePath {
  const hash = Array.from({ length: 32 }, (_, digit) => letters[(at >> (5 * digit)) & 31] ?? '0').join('');
  return parseStorePath(`${hash}-${name}`);
}

function treeOf(text: string): TestTree {
  const file = { type: 'file' as const, executable: false, contents: byteStringFromText(text) };
  return { type: 'directory', entries: [[byteStringFromText('a'), file]] };
}

function narOf(tree: TestTree): Buffer {
  const chunks: Buffer[] = [];
  playTree(tree, new NarWriter(chunk => chunks.push(Buffer.from(chunk))));
  return Buffer.concat(chunks);
}

function offer(path: StorePath, references: readonly StorePath[], changes: Partial<PathOffer> = {}): PathOffer {
  const tree = treeOf(path);
  const nar = narOf(tree);
  const info: PathInfo = {
    path,
    narHash: hashBytes('sha256', nar),
    narSize: nar.byteLength,
    references: [...references],
    signatures: [],
  };
  return {
    info,
    source: async (sink, drain) => {
      playTree(tree, sink);
      await drain();
    },
    from: 'test',
    isTrusted: true,
    ...changes,
  };
}

function addition(path: StorePath, ...offers: readonly [PathOffer, ...PathOffer[]]): PathAddition {
  return { path, offers };
}

describe('adding several paths to the local store', () => {
  test('in any order, closed under references at every moment', async () => {
    await using opened = openStore();
    const { store } = opened;
    const paths = Array.from({ length: 100 }, (_, at) => pathOf(at));
    // Each refers to those of half and a third of its number.
    const additions = paths.map((path, at) => {
      const references = [...new Set([pathOf(at >> 1), pathOf(Math.floor(at / 3))])].filter(each => each !== path);
      return addition(path, offer(path, references));
    });
    const added: StorePath[] = [];
    const failures = await store.writer.add(additions.toReversed(), {
      added: path => {
        added.push(path);
        for (const reference of store.paths.require(path).info.references) assert.ok(store.paths.isValid(reference));
        assert.ok(existsSync(store.realPath(path)));
      },
    });
    assert.deepEqual(failures, []);
    assert.deepEqual(added.toSorted(), paths.toSorted());
    assert.deepEqual(checkoutsIn(store.realStoreDir).toSorted(), paths.toSorted());
    assert.deepEqual(await store.writer.add(additions, { added: () => assert.fail('nothing is new') }), []);
  });

  test('waits for the reference that comes last', async () => {
    await using opened = openStore();
    const [a, b] = [pathOf(1), pathOf(2)];
    const staged = Promise.withResolvers<void>();
    const slow = offer(a, []);
    const order: StorePath[] = [];
    await opened.store.writer.add(
      [
        addition(b, {
          ...offer(b, [a]),
          source: async (sink, drain, signal) => {
            await offer(b, [a]).source(sink, drain, signal);
            staged.resolve();
          },
        }),
        addition(a, {
          ...slow,
          source: async (sink, drain, signal) => {
            await staged.promise;
            await slow.source(sink, drain, signal);
          },
        }),
      ],
      { added: path => order.push(path) },
    );
    assert.deepEqual(order, [a, b]);
  });

  test('a failure takes with it what refers to it, and nothing else', async () => {
    await using opened = openStore();
    const { store } = opened;
    const [bad, above, top, other] = [pathOf(1), pathOf(2), pathOf(3), pathOf(4)];
    const source = offer(other, []).source;
    const failures = await store.writer.add(
      [
        addition(top, offer(top, [above, other])),
        addition(above, offer(above, [bad])),
        addition(bad, offer(bad, [], { source })),
        addition(other, offer(other, [])),
      ],
      { keepGoing: true },
    );
    const codes = failures.map(({ path, error }) => [path, error instanceof StoreError ? error.code : error]);
    assert.deepEqual(
      new Map(codes.map(([path, found]) => [path, found])),
      new Map([
        [bad, 'path/hash-mismatch'],
        [above, 'path/missing-reference'],
        [top, 'path/missing-reference'],
      ]),
    );
    assert.deepEqual(store.paths.all(), [other]);
    assert.deepEqual(checkoutsIn(store.realStoreDir), [other]);
  });

  test('without keepGoing the first failure is thrown', async () => {
    await using opened = openStore();
    const [bad, other] = [pathOf(1), pathOf(2)];
    const adding = opened.store.writer.add([
      addition(bad, offer(bad, [], { source: offer(other, []).source })),
      addition(other, offer(other, [bad])),
    ]);
    await assert.rejects(
      adding,
      /^StoreError: hash mismatch importing path '\/nix\/store\/.*';\n  specified: sha256:.*\n  got:       sha256:/,
    );
    assert.deepEqual(opened.store.paths.all(), []);
  });

  test('what is complete when something fails stays', async () => {
    await using opened = openStore();
    const { store } = opened;
    const [good, above, bad] = [pathOf(1), pathOf(2), pathOf(3)];
    const source = () => Promise.reject(new Error('the connection is gone'));
    const additions = [
      addition(good, offer(good, [])),
      addition(above, offer(above, [good])),
      addition(bad, offer(bad, [above], { source })),
    ];
    // One at a time: the last begins when the others are complete, and not committed yet.
    await assert.rejects(store.writer.add(additions, { concurrency: 1 }), /the connection is gone/);
    assert.deepEqual(store.paths.all(), [good, above].toSorted());
    assert.deepEqual(checkoutsIn(store.realStoreDir).toSorted(), [good, above].toSorted());
  });

  test('the next offer is tried where one is bad', async () => {
    await using opened = openStore();
    const [path, absent] = [pathOf(1), pathOf(2)];
    const broken: PathOffer['source'] = async sink => {
      sink.startDirectory();
      throw new Error('connection reset');
    };
    const offers = [offer(path, [absent]), offer(path, [], { source: broken }), offer(path, [])] as const;
    assert.deepEqual(await opened.store.writer.add([addition(path, ...offers)]), []);
    assert.deepEqual(opened.store.paths.require(path).info.references, []);
  });

  test('a source that never ends is ended', async () => {
    await using opened = openStore();
    const path = pathOf(1);
    const source: PathOffer['source'] = async (sink, drain) => {
      sink.startDirectory();
      for (let at = 0; ; at++) {
        sink.entry(byteStringFromText(String(at).padStart(10, '0')));
        sink.symlink(byteStringFromText('x'));
        await drain();
      }
    };
    await assert.rejects(
      opened.store.writer.add([addition(path, offer(path, [], { source }))]),
      code('path/hash-mismatch'),
    );
  });

  test('two paths that refer to each other are refused', async () => {
    await using opened = openStore();
    const [a, b] = [pathOf(1), pathOf(2)];
    const adding = opened.store.writer.add([addition(a, offer(a, [b])), addition(b, offer(b, [a]))]);
    await assert.rejects(adding, code('path/cycle'));
  });

  test('two that refer to each other by second offers are refused', async () => {
    await using opened = openStore();
    const [a, b, absent] = [pathOf(1), pathOf(2), pathOf(3)];
    const failures = await opened.store.writer.add(
      [addition(a, offer(a, [absent]), offer(a, [b])), addition(b, offer(b, [absent]), offer(b, [a]))],
      { keepGoing: true },
    );
    assert.equal(failures.length, 2);
    assert.deepEqual(opened.store.paths.all(), []);
  });

  test('an unsigned path is refused, a signed one taken', async () => {
    const key = SecretKey.generate('test-1');
    await using opened = openStore({ trustedKeys: new Map([[key.name, key.publicKey]]) });
    const { store } = opened;
    const [path, other] = [pathOf(1), pathOf(2)];
    const unsigned = offer(path, [], { isTrusted: false });
    await assert.rejects(
      store.writer.add([addition(path, unsigned)]),
      /cannot add path '.*' because it lacks a signature by a trusted key/,
    );
    const signature = key.sign(bytesOf(fingerprintPathInfo(store.storeDir, unsigned.info)));
    await store.writer.add([addition(path, { ...unsigned, info: { ...unsigned.info, signatures: [signature] } })]);
    await store.writer.add([addition(other, offer(other, [], { isTrusted: false }))], { checkSignatures: false });
    assert.deepEqual(store.paths.all(), [path, other]);
  });

  test('what somebody else has locked is waited for while the rest goes on', async () => {
    await using opened = openStore();
    const { store } = opened;
    const [locked, above, free] = [pathOf(1), pathOf(2), pathOf(3)];
    const lock = store.pathLocks.open();
    assert.ok(lock.tryLock(locked));
    const order: StorePath[] = [];
    await store.writer.add(
      [addition(locked, offer(locked, [])), addition(above, offer(above, [locked])), addition(free, offer(free, []))],
      {
        added: path => {
          order.push(path);
          if (path === free) lock[Symbol.dispose]();
        },
      },
    );
    assert.deepEqual(order, [free, locked, above]);
  });

  test('can be aborted', async () => {
    await using opened = openStore();
    const path = pathOf(1);
    const stop = new AbortController();
    const source: PathOffer['source'] = async (_sink, _drain, signal) => {
      stop.abort(new Error('enough'));
      signal?.throwIfAborted();
    };
    const adding = opened.store.writer.add([addition(path, offer(path, [], { source }))], {
      signal: stop.signal,
      keepGoing: true,
    });
    await assert.rejects(adding, /enough/);
    assert.deepEqual(checkoutsIn(opened.store.realStoreDir), []);
  });
});

test('two processes that add the same paths at a time make each once', async () => {
  await using opened = openStore();
  const { store, folder } = opened;
  // Another connection and other descriptors: to locks and tables it is another process.
  await using other = new LocalStore({ dataFolder: join(folder, 'data'), realStoreDir: join(folder, 'store') });
  const paths = Array.from({ length: 30 }, (_, at) => pathOf(at));
  const additions = paths.map((path, at) =>
    addition(path, offer(path, at === 0 ? [] : [pathOf(at >> 1)].filter(each => each !== path))),
  );
  await Promise.all([store.writer.add(additions), other.writer.add(additions.toReversed())]);
  assert.deepEqual(store.paths.all(), paths.toSorted());
  assert.deepEqual(checkoutsIn(store.realStoreDir).toSorted(), paths.toSorted());
  assert.equal(await store.upkeep.verify({ checkContents: true }), false);
});

test('a path can be deleted while another process adds it', async () => {
  await using opened = openStore();
  const { store, folder } = opened;
  await using other = new LocalStore({ dataFolder: join(folder, 'data'), realStoreDir: join(folder, 'store') });
  const [path, above] = [pathOf(1), pathOf(2)];
  const additions = [addition(path, offer(path, [])), addition(above, offer(above, [path]))];
  for (let round = 0; round < 10; round++) {
    const deleting = other.collector
      .collect({ paths: [above, path], ignoreLiveness: true })
      .catch((error: unknown) => error);
    await store.writer.add(additions);
    await deleting;
    assert.equal(await store.upkeep.verify({ checkContents: true }), false);
  }
});
