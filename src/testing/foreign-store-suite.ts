import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromLatin1, byteStringFromText, bytesOf } from '../base/index.ts';
import {
  type CastoreErrorCode,
  type Digest,
  type DigestFunction,
  type ForeignDigest,
  type ForeignStore,
  type Node,
  CastoreError,
  TreeBuilder,
  aliasBlob,
  digestFunctions,
  digestOf,
  emptyDigest,
  encodeDirectory,
  exportForeignDirectory,
  findMissingForeign,
  foreignDigestOf,
  importForeignDirectory,
  putBlob,
  putForeign,
  sizeless,
} from '../castore/index.ts';
import { noise } from './blob-store-suite.ts';
import { type TestTree, inAscii, playTree, testTrees } from './trees.ts';
import { uploadForeign } from './upload-foreign.ts';
import { type WireField, encodeWire } from './wire-message.ts';

/** A store that is empty at first, its aliases, and everything that goes with them at disposal. */
export type OpenForeignStore = () => Promise<ForeignStore & AsyncDisposable>;

const functions = Object.keys(digestFunctions) as DigestFunction[];
const others = functions.filter(name => name !== 'sha256');

/** The contract of `BlobAliases` and `DirectoryAliases`, and what is built on them, for each implementation. */
export function foreignStoreSuite(name: string, open: OpenForeignStore): void {
  describe(name, () => {
    blobAliasesSuite(open);
    directoryAliasesSuite(open);
    addingSuite(open);
    mappingSuite(open);
  });
}

function text(value: string): Buffer {
  return Buffer.from(value);
}

function refusedWith(code: CastoreErrorCode, pattern = /./): (error: unknown) => boolean {
  return error => {
    assert(error instanceof CastoreError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };
}

function upload({ store, blobs }: ForeignStore, bytes: Uint8Array, digestFunction: DigestFunction) {
  return uploadForeign({ store, aliases: blobs }, bytes, digestFunction);
}

function blobAliasesSuite(open: OpenForeignStore): void {
  test('finds blobs by their foreign names and back', async () => {
    await using opened = await open();
    const { blobs } = opened;
    const bytes = ['a', 'b', 'c'].map(text);
    const own = bytes.map(digestOf);
    for (const digestFunction of others) {
      const [a, b, c] = bytes.map(blob => foreignDigestOf(blob, digestFunction)) as [
        ForeignDigest,
        ForeignDigest,
        ForeignDigest,
      ];
      assert.deepEqual(await blobs.find([a, b]), [undefined, undefined]);
      assert.deepEqual(await blobs.findForeign(own, digestFunction), [undefined, undefined, undefined]);
      await upload(opened, bytes[0]!, digestFunction);
      await upload(opened, bytes[2]!, digestFunction);
      assert.deepEqual(await blobs.find([c, b, a, c]), [own[2], undefined, own[0], own[2]]);
      assert.deepEqual(await blobs.findForeign(own, digestFunction), [a, undefined, c]);
      assert.deepEqual(await blobs.find([{ ...a, size: 2 }]), [sizeless.has(digestFunction) ? own[0] : undefined]);
      assert.deepEqual(await blobs.findByHash(digestFunction, [a.hash, b.hash]), [own[0], undefined]);
    }
    assert.deepEqual(await blobs.find([]), []);
    assert.deepEqual(await blobs.findForeign([], 'md5'), []);
  });

  test('knows SHA-256 and the empty blob without a record', async () => {
    await using opened = await open();
    const { blobs } = opened;
    const digest = digestOf(text('anything'));
    assert.deepEqual(await blobs.find([{ function: 'sha256', ...digest }]), [digest]);
    assert.deepEqual(await blobs.findForeign([digest], 'sha256'), [{ function: 'sha256', ...digest }]);
    for (const digestFunction of others) {
      const empty = foreignDigestOf(new Uint8Array(0), digestFunction);
      assert.deepEqual(await blobs.find([empty]), [emptyDigest]);
      assert.deepEqual(await blobs.findForeign([emptyDigest], digestFunction), [empty]);
    }
  });

  test('keeps the first record, and takes the same again', async () => {
    await using opened = await open();
    const { blobs, store } = opened;
    const foreign = await upload(opened, text('first'), 'md5');
    await upload(opened, text('first'), 'md5');
    const second = await putBlob(store, text('second'));
    await blobs.record([{ foreign, digest: second }]);
    assert.deepEqual(await blobs.find([foreign]), [digestOf(text('first'))]);
  });

  test('records and finds many at a time', async () => {
    await using opened = await open();
    const { blobs, store } = opened;
    await using batch = store.batch();
    const aliases = [];
    for (let i = 0; i < 3000; i++)
      aliases.push(await putForeign(batch, [text(`blob ${i}`)], foreignDigestOf(text(`blob ${i}`), 'sha1')));
    await batch.commit();
    await blobs.record(aliases);
    assert.deepEqual(
      await blobs.find(aliases.map(alias => alias.foreign)),
      aliases.map(alias => alias.digest),
    );
    assert.deepEqual(
      await blobs.findForeign(
        aliases.map(alias => alias.digest),
        'sha1',
      ),
      aliases.map(alias => alias.foreign),
    );
  });

  test('stops when its signal is aborted', async () => {
    await using opened = await open();
    const signal = AbortSignal.abort(new Error('no longer wanted'));
    const foreign = await upload(opened, text('x'), 'md5');
    await assert.rejects(async () => importForeignDirectory(foreign, opened, { signal }));
  });
}

function directoryAliasesSuite(open: OpenForeignStore): void {
  test('finds directories by foreign messages, and the canonical message by directory', async () => {
    await using opened = await open();
    const { directories, store } = opened;
    const digest = await putBlob(
      store,
      encodeDirectory({
        entries: [{ name: byteStringFromText('a'), node: { kind: 'directory', digest: emptyDigest } }],
      }),
    );
    const [odd, canonical, later] = [
      await upload(opened, text('odd'), 'blake3'),
      await upload(opened, text('canonical'), 'blake3'),
      await upload(opened, text('later'), 'blake3'),
    ];
    assert.deepEqual(await directories.find([odd]), [undefined]);
    await directories.record([{ foreign: odd, digest, canonical: false }]);
    assert.deepEqual(await directories.find([canonical, odd]), [undefined, digest]);
    assert.deepEqual(await directories.findForeign([digest], 'blake3'), [undefined]);
    await directories.record([
      { foreign: canonical, digest, canonical: true },
      { foreign: later, digest, canonical: true },
    ]);
    assert.deepEqual(await directories.find([odd, canonical, later]), [digest, digest, digest]);
    assert.deepEqual(await directories.findForeign([digest, emptyDigest], 'blake3'), [canonical, undefined]);
    assert.deepEqual(await directories.findForeign([digest], 'sha1'), [undefined]);
    await directories.record([{ foreign: odd, digest: emptyDigest, canonical: true }]);
    assert.deepEqual(await directories.find([odd]), [digest]);
  });
}

function addingSuite(open: OpenForeignStore): void {
  test('adds a blob under a foreign name once its bytes have it', async () => {
    await using opened = await open();
    const { store } = opened;
    const bytes = noise(300_000, 1);
    for (const digestFunction of functions) {
      await using batch = store.batch();
      const expected = foreignDigestOf(bytes, digestFunction);
      const alias = await putForeign(batch, [bytes.subarray(0, 1000), bytes.subarray(1000)], expected);
      assert.deepEqual(alias, { foreign: expected, digest: digestOf(bytes) });
      await batch.commit();
      assert.deepEqual(await aliasBlob(store, digestOf(bytes), digestFunction), alias);
    }
    assert.equal(await aliasBlob(store, digestOf(text('absent')), 'md5'), undefined);
  });

  test('refuses bytes of another name', async () => {
    await using opened = await open();
    const { store } = opened;
    const right = text('right');
    for (const digestFunction of functions) {
      const expected = foreignDigestOf(right, digestFunction);
      for (const wrong of ['wrong', 'righ', 'right!', ''].map(text)) {
        await using batch = store.batch();
        await assert.rejects(() => putForeign(batch, [wrong], expected), refusedWith('digest/mismatch'));
        await batch.commit();
        if (wrong.length > 0) assert.equal(await store.get(digestOf(wrong)), undefined);
      }
      await using batch = store.batch();
      for (const hash of ['', 'zz', expected.hash.toUpperCase(), `${expected.hash}00`]) {
        await assert.rejects(() => putForeign(batch, [right], { ...expected, hash }), refusedWith('digest/malformed'));
      }
    }
  });

  test('says which foreign blobs are missing', async () => {
    await using opened = await open();
    const { blobs, store } = opened;
    const there = await upload(opened, text('there'), 'sha512');
    const [absent, gone] = [foreignDigestOf(text('absent'), 'sha512'), foreignDigestOf(text('gone'), 'sha512')];
    await blobs.record([{ foreign: gone, digest: digestOf(text('gone')) }]);
    const empty = foreignDigestOf(new Uint8Array(0), 'sha512');
    assert.deepEqual(await findMissingForeign(store, blobs, [gone, there, absent, empty, absent]), [gone, absent]);
  });
}

/** Uploads a tree as a client of that function does; `encode` may write the messages its own way. */
async function uploadTree(
  opened: ForeignStore,
  tree: TestTree & { readonly type: 'directory' },
  digestFunction: DigestFunction,
  encode: (fields: readonly WireField[]) => Uint8Array = encodeWire,
): Promise<ForeignDigest> {
  const lists: WireField[][] = [[], [], []];
  for (const [name, node] of tree.entries) {
    const fields: WireField[] = [[1, bytesOf(name)]];
    const digestField = ({ hash, size }: ForeignDigest): WireField => [
      2,
      encodeWire([
        [1, text(hash)],
        [2, size],
      ]),
    ];
    if (node.type === 'file') {
      fields.push(digestField(await upload(opened, bytesOf(node.contents), digestFunction)));
      fields.push([4, node.executable ? 1 : 0]);
      lists[0]!.push([1, encodeWire(fields)]);
    } else if (node.type === 'directory') {
      fields.push(digestField(await uploadTree(opened, node, digestFunction, encode)));
      lists[1]!.push([2, encodeWire(fields)]);
    } else lists[2]!.push([3, encodeWire([...fields, [2, bytesOf(node.target)]])]);
  }
  return upload(opened, encode(lists.flat()), digestFunction);
}

async function ownRoot(opened: ForeignStore, tree: TestTree): Promise<Digest> {
  await using batch = opened.store.batch();
  await using builder = new TreeBuilder(batch);
  playTree(tree, builder);
  const root: Node = await builder.finish();
  await batch.commit();
  assert(root.kind === 'directory');
  return root.digest;
}

function isDirectory(tree: TestTree): tree is TestTree & { readonly type: 'directory' } {
  return tree.type === 'directory';
}

function mappingSuite(open: OpenForeignStore): void {
  const trees = testTrees.filter(isDirectory);

  test('maps a foreign tree to the tree that says the same', async () => {
    await using opened = await open();
    await fc.assert(
      fc.asyncProperty(trees, fc.constantFrom(...functions), async (tree, digestFunction) => {
        const foreign = await uploadTree(opened, tree, digestFunction);
        assert.deepEqual(await importForeignDirectory(foreign, opened), await ownRoot(opened, tree));
        // Remembered.
        assert.deepEqual(await importForeignDirectory(foreign, opened), await ownRoot(opened, tree));
      }),
      { numRuns: 25 },
    );
  });

  test('maps messages that are not canonical, which keep their bytes', async () => {
    await using opened = await open();
    const odd = (fields: readonly WireField[]) =>
      encodeWire([...fields.toReversed(), [5, encodeWire([[3, encodeWire([[1, 0o755]])]])], [99, 1]]);
    await fc.assert(
      fc.asyncProperty(trees, fc.constantFrom(...functions), async (tree, digestFunction) => {
        const foreign = await uploadTree(opened, tree, digestFunction, odd);
        const [message] = await opened.blobs.find([foreign]);
        const digest = await importForeignDirectory(foreign, opened);
        assert.deepEqual(digest, await ownRoot(opened, tree));
        const bytes = await opened.store.get(message!);
        assert.deepEqual(foreignDigestOf(bytes!, digestFunction), foreign);
        assert.notDeepEqual(await opened.directories.findForeign([digest], digestFunction), [foreign]);
      }),
      { numRuns: 25 },
    );
  });

  test('writes the message that a client of the function writes', async () => {
    await using opened = await open();
    await fc.assert(
      fc.asyncProperty(trees, fc.constantFrom(...functions), async (anyTree, digestFunction) => {
        const tree = inAscii(anyTree) as TestTree & { readonly type: 'directory' };
        const root = await ownRoot(opened, tree);
        const foreign = await exportForeignDirectory(root, digestFunction, opened);
        assert.deepEqual(await findMissingForeign(opened.store, opened.blobs, [foreign]), []);
        assert.deepEqual(await importForeignDirectory(foreign, opened), root);
        await using elsewhere = await open();
        assert.deepEqual(foreign, await uploadTree(elsewhere, tree, digestFunction));
        assert.deepEqual(await exportForeignDirectory(root, digestFunction, opened), foreign);
      }),
      { numRuns: 25 },
    );
  });

  test('names the path of what is missing', async () => {
    const name = byteStringFromText;
    const inner: TestTree = {
      type: 'directory',
      entries: [[name('file'), { type: 'file', executable: false, contents: name('contents') }]],
    };
    const tree = { type: 'directory', entries: [[name('bin'), inner]] } as const;
    await using complete = await open();
    const root = await uploadTree(complete, tree, 'sha1');
    const [message] = await complete.blobs.find([root]);
    const bytes = await complete.store.get(message!);

    await using opened = await open();
    await assert.rejects(() => importForeignDirectory(root, opened), refusedWith('blob/missing', /the root/));
    await upload(opened, bytes!, 'sha1');
    await assert.rejects(
      () => importForeignDirectory(root, opened),
      refusedWith('blob/missing', /'bin'.*the directory/),
    );
    const innerMessage = encodeWire([
      [
        1,
        encodeWire([
          [1, text('file')],
          [
            2,
            encodeWire([
              [1, text(foreignDigestOf(text('contents'), 'sha1').hash)],
              [2, 8],
            ]),
          ],
        ]),
      ],
    ]);
    await upload(opened, innerMessage, 'sha1');
    await assert.rejects(
      () => importForeignDirectory(root, opened),
      refusedWith('blob/missing', /'bin\/file'.*the file/),
    );
    await upload(opened, text('contents'), 'sha1');
    assert.deepEqual(await importForeignDirectory(root, opened), await ownRoot(opened, tree));

    await using other = await open();
    const lost = encodeDirectory({
      entries: [{ name: name('lost'), node: { kind: 'file', digest: digestOf(text('lost')), executable: false } }],
    });
    const digest = await putBlob(other.store, lost);
    await assert.rejects(() => exportForeignDirectory(digest, 'md5', other), refusedWith('blob/missing', /'lost'/));
    await assert.rejects(
      () => exportForeignDirectory(digestOf(text('nowhere')), 'md5', other),
      refusedWith('blob/missing', /the root/),
    );
  });

  test('refuses what a foreign tree cannot hold', async () => {
    await using opened = await open();
    const bad = byteStringFromLatin1('\xff');
    const named = await ownRoot(opened, {
      type: 'directory',
      entries: [
        [
          byteStringFromText('a'),
          { type: 'directory', entries: [[bad, { type: 'symlink', target: byteStringFromText('x') }]] },
        ],
      ],
    });
    await assert.rejects(
      () => exportForeignDirectory(named, 'sha1', opened),
      refusedWith('directory/not-utf8', /'a\//),
    );
    const target = await ownRoot(opened, {
      type: 'directory',
      entries: [[byteStringFromText('link'), { type: 'symlink', target: bad }]],
    });
    await assert.rejects(
      () => exportForeignDirectory(target, 'sha1', opened),
      refusedWith('directory/not-utf8', /'link'/),
    );
  });

  test('refuses a message that is none, naming its path', async () => {
    await using opened = await open();
    const inner = await upload(opened, Uint8Array.of(0x0a), 'sha1');
    const root = await upload(
      opened,
      encodeWire([
        [
          2,
          encodeWire([
            [1, text('sub')],
            [
              2,
              encodeWire([
                [1, text(inner.hash)],
                [2, 1],
              ]),
            ],
          ]),
        ],
      ]),
      'sha1',
    );
    await assert.rejects(
      () => importForeignDirectory(root, opened),
      refusedWith('directory/malformed', /'sub'.*at byte 1/),
    );
  });

  test('maps each directory once in a tree of 2^40 paths, and refuses too many levels', async () => {
    await using opened = await open();
    let foreign = foreignDigestOf(new Uint8Array(0), 'sha1');
    for (let depth = 0; depth < 40; depth++) {
      const digestField: WireField = [
        2,
        encodeWire([
          [1, text(foreign.hash)],
          [2, foreign.size],
        ]),
      ];
      foreign = await upload(
        opened,
        encodeWire(['a', 'b'].map((name): WireField => [2, encodeWire([[1, text(name)], digestField])])),
        'sha1',
      );
    }
    await assert.rejects(() => importForeignDirectory(foreign, opened, { maxDepth: 40 }), refusedWith('tree/too-deep'));
    const digest = await importForeignDirectory(foreign, opened, { maxDepth: 41 });
    assert.deepEqual(await exportForeignDirectory(digest, 'sha1', opened), foreign);
  });
}
