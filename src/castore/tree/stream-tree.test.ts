import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText, byteStringOf } from '../../base/index.ts';
import { type TestTree, TreeRecorder, noise, playTree, testTrees } from '../../testing/index.ts';
import type { BlobStore } from '../blob-store.ts';
import { type Digest, digestOf } from '../digest.ts';
import { encodeDirectory } from '../directory.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';
import { MemoryBlobStore } from '../memory/memory-blob-store.ts';
import type { DirectoryEntry, Node } from '../node.ts';
import { streamTree } from './stream-tree.ts';
import { TreeBuilder } from './tree-builder.ts';

const name = byteStringFromText;

async function build(store: BlobStore, tree: TestTree): Promise<Node> {
  await using batch = store.batch();
  await using builder = new TreeBuilder(batch);
  playTree(tree, builder);
  const root = await builder.finish();
  await batch.commit();
  return root;
}

async function stream(store: BlobStore, root: Node): Promise<void> {
  await streamTree(store, root, new TreeRecorder());
}

function eventsOf(tree: TestTree): readonly string[] {
  const recorder = new TreeRecorder();
  playTree(tree, recorder);
  return recorder.events;
}

function refusedWith(code: CastoreErrorCode, pattern: RegExp): (error: unknown) => boolean {
  return error => {
    assert(error instanceof CastoreError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };
}

/** A store whose reads take as many turns of the event loop as `delay` says, and that counts them. */
class SlowStore extends MemoryBlobStore {
  readonly #delay: () => number;
  gets = 0;
  underWay = 0;
  most = 0;

  constructor(delay: () => number = () => 1) {
    super();
    this.#delay = delay;
  }

  override async get(...args: Parameters<BlobStore['get']>): Promise<Uint8Array | undefined> {
    this.gets++;
    this.underWay++;
    this.most = Math.max(this.most, this.underWay);
    try {
      for (let turns = this.#delay(); turns > 0; turns--) await setImmediate();
      return await super.get(...args);
    } finally {
      this.underWay--;
    }
  }
}

const small = (contents: string): TestTree => ({ type: 'file', executable: false, contents: name(contents) });

describe('streamTree', () => {
  test('says the same whatever is read first', async () => {
    await fc.assert(
      fc.asyncProperty(
        testTrees,
        fc.infiniteStream(fc.nat(5)),
        fc.record({ readAhead: fc.constantFrom(0, 2000, 10_000_000), concurrency: fc.integer({ min: 1, max: 6 }) }),
        async (tree, delays, options) => {
          const store = new SlowStore(() => Number(delays.next().value));
          const recorder = new TreeRecorder();
          await streamTree(store, await build(store, tree), recorder, options);
          assert.deepEqual(recorder.events, eventsOf(tree));
          // Those ahead, and the one whose turn it is.
          assert(store.most <= options.concurrency + 1, `${store.most} reads at a time`);
        },
      ),
    );
  });

  test('reads ahead, files and directories, within its bounds', async () => {
    const store = new SlowStore(() => 3);
    const tree: TestTree = {
      type: 'directory',
      entries: Array.from({ length: 60 }, (_, i) => [
        name(`d${String(i).padStart(2, '0')}`),
        { type: 'directory', entries: [[name('file'), small(`contents ${i}`)]] },
      ]),
    };
    const root = await build(store, tree);
    const recorder = new TreeRecorder();
    await streamTree(store, root, recorder, { concurrency: 8 });
    assert.deepEqual(recorder.events, eventsOf(tree));
    assert.equal(store.gets, 121);
    assert(store.most > 4 && store.most <= 8, `${store.most} reads at a time`);
  });

  test('waits for room after every chunk', async () => {
    const store = new MemoryBlobStore();
    const root = await build(store, { type: 'file', executable: true, contents: byteStringOf(noise(5_000_000, 1)) });
    const recorder = new TreeRecorder();
    let waits = 0;
    const drain = async () => {
      waits++;
      await setImmediate();
    };
    await streamTree(store, root, recorder, { drain });
    assert(waits >= 5, String(waits));
  });

  test('names the path of what is missing', async () => {
    const contents = { small: noise(10, 1), large: noise(1_000_000, 1) };
    for (const [file, bytes] of Object.entries(contents)) {
      const store = new MemoryBlobStore();
      const inner: TestTree = {
        type: 'directory',
        entries: [[name(file), { type: 'file', executable: false, contents: byteStringOf(bytes) }]],
      };
      const root = await build(store, {
        type: 'directory',
        entries: [
          [name('a'), small('x')],
          [name('bin'), inner],
        ],
      });
      store.delete(digestOf(bytes));
      await assert.rejects(() => stream(store, root), refusedWith('blob/missing', new RegExp(`'bin/${file}'`)));
      const directory = encodeDirectory({
        entries: [{ name: name(file), node: { kind: 'file', digest: digestOf(bytes), executable: false } }],
      });
      assert(store.delete(digestOf(directory)));
      await assert.rejects(() => stream(store, root), refusedWith('blob/missing', /'bin'/));
    }
    const nowhere: Digest = digestOf(Buffer.from('nowhere'));
    await assert.rejects(
      () => stream(new MemoryBlobStore(), { kind: 'directory', digest: nowhere }),
      refusedWith('blob/missing', /root/),
    );
    await assert.rejects(
      () => stream(new MemoryBlobStore(), { kind: 'file', digest: nowhere, executable: true }),
      refusedWith('blob/missing', /root/),
    );
  });

  test('refuses a directory that is none, naming its path', async () => {
    const store = new MemoryBlobStore();
    await using batch = store.batch();
    const bad = await batch.put(Buffer.from('no directory'));
    const digest = await batch.put(
      encodeDirectory({ entries: [{ name: name('bad'), node: { kind: 'directory', digest: bad } }] }),
    );
    await batch.commit();
    await assert.rejects(
      () => stream(store, { kind: 'directory', digest }),
      refusedWith('directory/malformed', /'bad'.*at byte 0/),
    );
  });

  test('refuses too many levels', async () => {
    const store = new MemoryBlobStore();
    let node: Node = { kind: 'symlink', target: name('x') };
    await using batch = store.batch();
    for (let depth = 0; depth < 100_000; depth++) {
      node = { kind: 'directory', digest: await batch.put(encodeDirectory({ entries: [{ name: name('a'), node }] })) };
    }
    await batch.commit();
    await assert.rejects(() => stream(store, node), refusedWith('tree/too-deep', /maximum directory depth of 64/));
  });

  test('stops when aborted, also within a tree of 2^63 nodes', async () => {
    const store = new MemoryBlobStore();
    let node: Node = { kind: 'symlink', target: name('x') };
    await using batch = store.batch();
    for (let depth = 0; depth < 63; depth++) {
      const entries: DirectoryEntry[] = ['a', 'b'].map(text => ({ name: name(text), node }));
      node = { kind: 'directory', digest: await batch.put(encodeDirectory({ entries })) };
    }
    await batch.commit();
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    let entries = 0;
    const recorder = new TreeRecorder();
    recorder.entry = () => {
      if (++entries === 10_000) controller.abort(reason);
    };
    await assert.rejects(() => streamTree(store, node, recorder, { signal: controller.signal }), reason);
  });

  test('passes on what the sink throws, and ends the reads ahead', async () => {
    const store = new SlowStore(() => 2);
    const entries = Array.from({ length: 50 }, (_, i) => [name(`f${i}`), small(String(i))] as const).toSorted(
      ([a], [b]) => (a < b ? -1 : 1),
    );
    const root = await build(store, { type: 'directory', entries });
    const failure = new Error('refused');
    const recorder = new TreeRecorder();
    recorder.startFile = () => {
      throw failure;
    };
    await assert.rejects(() => streamTree(store, root, recorder), failure);
    for (let turns = 0; turns < 5; turns++) await setImmediate();
    assert.equal(store.underWay, 0);
    assert(store.gets < 30, String(store.gets));
  });
});
