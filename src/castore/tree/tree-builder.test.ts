import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText, byteStringOf } from '../../base/index.ts';
import { NarReader, NarWriter } from '../../nix-compat/index.ts';
import {
  type TestTree,
  TreeRecorder,
  chopContents,
  noise,
  playTree,
  readWhole,
  testTrees,
} from '../../testing/index.ts';
import type { BlobBatch, BlobStore, PutOptions } from '../blob-store.ts';
import { emptyDigest } from '../digest.ts';
import { maxDirectoryEntries } from '../directory.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';
import { MemoryBlobStore } from '../memory/memory-blob-store.ts';
import type { Node } from '../node.ts';
import { readDirectory } from './read-directory.ts';
import { streamTree } from './stream-tree.ts';
import { TreeBuilder } from './tree-builder.ts';

const name = byteStringFromText;

async function build(store: BlobStore, tree: TestTree, pieceSize = 65_536): Promise<Node> {
  await using batch = store.batch();
  await using builder = new TreeBuilder(batch);
  playTree(tree, chopContents(builder, pieceSize));
  const root = await builder.finish();
  await batch.commit();
  return root;
}

function file(contents: Uint8Array, executable = false): TestTree {
  return { type: 'file', executable, contents: byteStringOf(contents) };
}

async function streamedEvents(store: BlobStore, root: Node): Promise<readonly string[]> {
  const recorder = new TreeRecorder();
  await streamTree(store, root, recorder);
  return recorder.events;
}

function eventsOf(tree: TestTree): readonly string[] {
  const recorder = new TreeRecorder();
  playTree(tree, recorder);
  return recorder.events;
}

function narWriter(): { readonly writer: NarWriter; readonly bytes: () => Buffer } {
  const pieces: Buffer[] = [];
  return { writer: new NarWriter(chunk => pieces.push(Buffer.from(chunk))), bytes: () => Buffer.concat(pieces) };
}

function refusedWith(code: CastoreErrorCode, pattern = /./): (error: unknown) => boolean {
  return error => {
    assert(error instanceof CastoreError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };
}

/** A batch that takes a turn of the event loop for everything and counts what is under way. */
class SlowBatch implements BlobBatch {
  readonly #inner: BlobBatch;
  underWay = 0;
  most = 0;

  constructor(inner: BlobBatch) {
    this.#inner = inner;
  }

  put(...args: Parameters<BlobBatch['put']>): ReturnType<BlobBatch['put']> {
    return this.#count(() => this.#inner.put(...args));
  }

  putStream(
    source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    options?: PutOptions,
  ): ReturnType<BlobBatch['putStream']> {
    const slowly = async function* () {
      for await (const chunk of source) {
        await setImmediate();
        yield chunk;
      }
    };
    return this.#count(() => this.#inner.putStream(slowly(), options));
  }

  commit(): Promise<void> {
    assert.equal(this.underWay, 0);
    return this.#inner.commit();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    assert.equal(this.underWay, 0);
    await this.#inner[Symbol.asyncDispose]();
  }

  async #count<T>(work: () => Promise<T>): Promise<T> {
    this.underWay++;
    this.most = Math.max(this.most, this.underWay);
    try {
      await setImmediate();
      return await work();
    } finally {
      this.underWay--;
    }
  }
}

describe('tree events to castore tree', () => {
  test('and back is the identity', async () => {
    await fc.assert(
      fc.asyncProperty(testTrees, fc.integer({ min: 1, max: 50 }), async (tree, pieceSize) => {
        const store = new MemoryBlobStore();
        assert.deepEqual(await streamedEvents(store, await build(store, tree, pieceSize)), eventsOf(tree));
      }),
    );
  });

  test('and back is the identity for large files, whatever the pieces', async () => {
    for (const size of [262_143, 262_144, 262_145, 1_500_000]) {
      for (const pieceSize of [999, 262_144, 2_000_000]) {
        const store = new MemoryBlobStore();
        const tree = file(noise(size, size), true);
        assert.deepEqual(await streamedEvents(store, await build(store, tree, pieceSize)), eventsOf(tree));
      }
    }
  });

  test('gives the NAR that came in', async () => {
    await fc.assert(
      fc.asyncProperty(testTrees, fc.integer({ min: 1, max: 300 }), async (tree, chunkSize) => {
        const nar = narWriter();
        playTree(tree, nar.writer);
        const incoming = nar.bytes();

        const store = new MemoryBlobStore();
        await using batch = store.batch();
        await using builder = new TreeBuilder(batch);
        const reader = new NarReader(builder);
        for (let at = 0; at < incoming.length; at += chunkSize) {
          reader.push(incoming.subarray(at, at + chunkSize));
          await builder.drain();
        }
        reader.end();
        const root = await builder.finish();
        await batch.commit();

        const outgoing = narWriter();
        await streamTree(store, root, outgoing.writer);
        assert(outgoing.bytes().equals(incoming));
      }),
    );
  });

  test('stores what the events say', async () => {
    const store = new MemoryBlobStore();
    const root = await build(store, {
      type: 'directory',
      entries: [
        [name('a'), { type: 'directory', entries: [] }],
        [name('b'), file(Buffer.from('hello'), true)],
        [name('c'), { type: 'symlink', target: name('a/b') }],
      ],
    });
    assert(root.kind === 'directory');
    const [a, b, c] = (await readDirectory(store, root.digest)).entries;
    assert.deepEqual(a, { name: 'a', node: { kind: 'directory', digest: emptyDigest } });
    assert(b?.node.kind === 'file' && b.node.executable);
    assert.deepEqual(await readWhole(store, b.node.digest), Buffer.from('hello'));
    assert.deepEqual(c?.node, { kind: 'symlink', target: 'a/b' });
  });

  test('takes a root that is a file or a symlink', async () => {
    const store = new MemoryBlobStore();
    assert.deepEqual(await build(store, { type: 'symlink', target: name('x') }), { kind: 'symlink', target: 'x' });
    const root = await build(store, file(new Uint8Array(0)));
    assert.deepEqual(root, { kind: 'file', executable: false, digest: emptyDigest });
  });

  test('runs a bounded number of additions and waits in drain', async () => {
    await using batch = new SlowBatch(new MemoryBlobStore().batch());
    await using builder = new TreeBuilder(batch, { highWater: 100_000, concurrency: 5 });
    const contents = noise(30_000, 1);
    builder.startDirectory();
    for (let i = 0; i < 500; i++) {
      builder.entry(name(String(i).padStart(5, '0')));
      playTree(file(contents), builder);
      await builder.drain();
      assert(!builder.full);
    }
    builder.entry(name('large'));
    builder.startFile(false, 300 * 30_000);
    for (let i = 0; i < 300; i++) {
      builder.fileData(contents);
      await builder.drain();
    }
    builder.endFile();
    builder.endDirectory();
    await builder.finish();
    assert(batch.most > 1 && batch.most <= 5, String(batch.most));
    await batch.commit();
  });

  test('passes a failed addition on and lets nothing run on', async () => {
    const failure = new Error('disk full');
    for (const size of [10, 1_000_000]) {
      await using batch = new SlowBatch(new MemoryBlobStore().batch());
      let puts = 0;
      const count = () => {
        if (++puts > 3) throw failure;
      };
      const failing: BlobBatch = {
        put: (...args) => (count(), batch.put(...args)),
        putStream: (...args) => (count(), batch.putStream(...args)),
        commit: () => batch.commit(),
        [Symbol.asyncDispose]: () => batch[Symbol.asyncDispose](),
      };
      await assert.rejects(async () => {
        await using builder = new TreeBuilder(failing, { highWater: 1 });
        builder.startDirectory();
        for (let i = 0; i < 10; i++) {
          builder.entry(name(String(i)));
          playTree(file(new Uint8Array(size)), builder);
          await builder.drain();
        }
        assert.fail('not passed on');
      }, failure);
    }
  });

  test('ends what is under way when it is abandoned', async () => {
    const store = new MemoryBlobStore();
    await using batch = new SlowBatch(store.batch());
    {
      await using builder = new TreeBuilder(batch);
      builder.startDirectory();
      builder.entry(name('a'));
      playTree(file(noise(100, 1)), builder);
      builder.entry(name('b'));
      builder.startFile(false, 10_000_000);
      builder.fileData(noise(1_000_000, 1));
      await setImmediate();
    }
    await batch.commit();
  });

  test('stops when its signal is aborted', async () => {
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    await using batch = new SlowBatch(new MemoryBlobStore().batch());
    await using builder = new TreeBuilder(batch, { signal: controller.signal });
    builder.startFile(false, 10_000_000);
    builder.fileData(noise(1_000_000, 1));
    controller.abort(reason);
    assert.throws(() => builder.fileData(noise(1, 1)), reason);
    await assert.rejects(() => builder.drain(), reason);
    await assert.rejects(() => builder.finish(), reason);
  });

  const misuse: readonly { why: string; code: CastoreErrorCode; events: (sink: TreeBuilder) => void }[] = [
    { why: 'two roots', code: 'tree/bad-event', events: sink => (sink.symlink(name('a')), sink.symlink(name('a'))) },
    { why: 'an entry of no directory', code: 'tree/bad-event', events: sink => sink.entry(name('a')) },
    {
      why: 'a node without a name',
      code: 'tree/bad-event',
      events: sink => (sink.startDirectory(), sink.symlink(name('a'))),
    },
    {
      why: 'an entry without a node',
      code: 'tree/bad-event',
      events: sink => (sink.startDirectory(), sink.entry(name('a')), sink.endDirectory()),
    },
    {
      why: 'two names',
      code: 'tree/bad-event',
      events: sink => (sink.startDirectory(), sink.entry(name('a')), sink.entry(name('b'))),
    },
    { why: 'an end of no directory', code: 'tree/bad-event', events: sink => sink.endDirectory() },
    { why: 'contents of no file', code: 'tree/bad-event', events: sink => sink.fileData(new Uint8Array(1)) },
    { why: 'an end of no file', code: 'tree/bad-event', events: sink => sink.endFile() },
    {
      why: 'a file with too many bytes',
      code: 'tree/bad-event',
      events: sink => (sink.startFile(false, 1), sink.fileData(new Uint8Array(2))),
    },
    {
      why: 'a file with too few bytes',
      code: 'tree/bad-event',
      events: sink => (sink.startFile(false, 3), sink.fileData(new Uint8Array(2)), sink.endFile()),
    },
    {
      why: 'a large file with too few bytes',
      code: 'tree/bad-event',
      events: sink => (sink.startFile(false, 3e8), sink.fileData(new Uint8Array(2)), sink.endFile()),
    },
    {
      why: 'a directory within a file',
      code: 'tree/bad-event',
      events: sink => (sink.startFile(false, 1), sink.startDirectory()),
    },
    {
      why: 'names out of order',
      code: 'directory/unsorted',
      events: sink => (sink.startDirectory(), sink.entry(name('b')), sink.symlink(name('x')), sink.entry(name('a'))),
    },
    {
      why: 'a name twice',
      code: 'directory/unsorted',
      events: sink => (sink.startDirectory(), sink.entry(name('b')), sink.symlink(name('x')), sink.entry(name('b'))),
    },
    { why: 'a bad name', code: 'directory/bad-name', events: sink => (sink.startDirectory(), sink.entry(name('..'))) },
    { why: 'an empty target', code: 'directory/bad-symlink', events: sink => sink.symlink(name('')) },
  ];
  for (const { why, code, events } of misuse) {
    test(`refuses ${why}`, async () => {
      await using batch = new MemoryBlobStore().batch();
      await using builder = new TreeBuilder(batch);
      assert.throws(() => events(builder), refusedWith(code));
    });
  }

  test('refuses to finish before the end', async () => {
    await using batch = new MemoryBlobStore().batch();
    await using builder = new TreeBuilder(batch);
    await assert.rejects(() => builder.finish(), refusedWith('tree/bad-event'));
    builder.startDirectory();
    await assert.rejects(() => builder.finish(), refusedWith('tree/bad-event'));
  });

  test('refuses a directory of too many entries, or too large, before it has ended', async () => {
    await using batch = new MemoryBlobStore().batch();
    await using many = new TreeBuilder(batch);
    many.startDirectory();
    for (let i = 0; i < maxDirectoryEntries; i++) {
      many.entry(name(i.toString(36).padStart(4, '0')));
      many.symlink(name('t'));
    }
    assert.throws(() => many.entry(name('zzzz')), refusedWith('directory/too-many-entries'));
    await using large = new TreeBuilder(batch);
    large.startDirectory();
    const mebibyte = 'x'.repeat(1024 * 1024);
    for (let i = 100; i < 227; i++) {
      large.entry(name(`${i}`));
      large.symlink(name(mebibyte));
    }
    large.entry(name('y'));
    assert.throws(() => large.symlink(name(mebibyte)), refusedWith('directory/too-large'));
  });
});
