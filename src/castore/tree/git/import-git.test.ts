import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { deflateSync, gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { byteStringFromLatin1, byteStringFromText, byteStringOf, bytesOf } from '../../../base/index.ts';
import { NarWriter, type GitMode, formatGitTree, makeHash } from '../../../nix-compat/index.ts';
import { type TestTree, TreeRecorder, noise, playTree, readVectors, testTrees } from '../../../testing/index.ts';
import { digestOf } from '../../digest.ts';
import { CastoreError, type CastoreErrorCode } from '../../error.ts';
import { MemoryBlobStore } from '../../memory/memory-blob-store.ts';
import { streamTree } from '../stream-tree.ts';
import type { GitImportOptions } from './git-tree-mapping.ts';
import { importGitStream } from './import-git-stream.ts';
import { type FetchGitObject, importGitTree } from './import-git-tree.ts';
import { looseGitObjects } from './loose-git-objects.ts';

/** Objects by id, in the form in which git hashes them. */
type Objects = Map<string, Buffer>;

function addObject(objects: Objects, type: string, contents: Uint8Array, id?: string): string {
  const object = Buffer.concat([Buffer.from(`${type} ${contents.byteLength}\0`), contents]);
  const name = id ?? createHash('sha1').update(object).digest('hex');
  objects.set(name, object);
  return name;
}

/** Contents of a tree object, entries as they come. */
function tree(...entries: readonly (readonly [mode: string, name: string, id: string])[]): Buffer {
  return Buffer.concat(
    entries.map(([mode, name, id]) =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`, 'latin1'), Buffer.from(id, 'hex')]),
    ),
  );
}

/** The id of a tree as git hashes it; its objects are added, trees before what is in them. */
function gitTree(objects: Objects, node: TestTree & { readonly type: 'directory' }): string {
  const below: Objects = new Map();
  const entries = node.entries.map(([name, child]) => {
    const id =
      child.type === 'directory'
        ? gitTree(below, child)
        : addObject(below, 'blob', bytesOf(child.type === 'file' ? child.contents : child.target));
    const mode: GitMode = child.type === 'file' ? (child.executable ? 'executable' : 'regular') : child.type;
    return { name, mode, hash: makeHash('sha1', Buffer.from(id, 'hex')) };
  });
  const id = addObject(objects, 'tree', formatGitTree(entries));
  for (const [key, object] of below) objects.set(key, object);
  return id;
}

function fetchFrom(objects: Objects): FetchGitObject {
  return id => {
    const object = objects.get(id);
    return Promise.resolve(object && [object.subarray(0, 3), object.subarray(3)]);
  };
}

/** As `git cat-file --batch` writes them. */
function streamOf(objects: Objects): Buffer[] {
  return Array.from(objects, ([id, object]) => {
    const end = object.indexOf(0);
    return Buffer.concat([
      Buffer.from(`${id} `),
      object.subarray(0, end),
      Buffer.from('\n'),
      object.subarray(end + 1),
      Buffer.from('\n'),
    ]);
  });
}

type Importer = (root: string, objects: Objects, options?: GitImportOptions) => Promise<readonly string[]>;

async function eventsAfter(
  run: (batch: ReturnType<MemoryBlobStore['batch']>) => ReturnType<typeof importGitTree>,
): Promise<readonly string[]> {
  const store = new MemoryBlobStore();
  await using batch = store.batch();
  const root = await run(batch);
  await batch.commit();
  const recorder = new TreeRecorder();
  await streamTree(store, root, recorder);
  return recorder.events;
}

const importers: Readonly<Record<string, Importer>> = {
  importGitTree: (root, objects, options) =>
    eventsAfter(batch => importGitTree(root, fetchFrom(objects), batch, options)),
  importGitStream: (root, objects, options) =>
    eventsAfter(batch => importGitStream(root, streamOf(objects), batch, options)),
};

async function refusal(run: () => Promise<unknown>): Promise<CastoreError> {
  try {
    await run();
  } catch (error) {
    assert(error instanceof CastoreError, String(error));
    return error;
  }
  return assert.fail('not refused');
}

async function narHash(
  run: (batch: ReturnType<MemoryBlobStore['batch']>) => ReturnType<typeof importGitTree>,
): Promise<string> {
  const store = new MemoryBlobStore();
  await using batch = store.batch();
  const root = await run(batch);
  await batch.commit();
  const hash = createHash('sha256');
  await streamTree(store, root, new NarWriter(chunk => hash.update(chunk)));
  return hash.digest('hex');
}

function isDirectory(node: TestTree): node is TestTree & { readonly type: 'directory' } {
  return node.type === 'directory';
}

describe('a git repository', () => {
  type Vector = { format: string; tree: string; nar: string; batch: string; loose: Record<string, string> };
  for (const vector of readVectors('git/repositories.json') as Vector[]) {
    test(`in the object format ${vector.format} is the tree that is checked out of it`, async t => {
      const folder = mkdtempSync(join(tmpdir(), 'firn-git-'));
      t.after(() => rmSync(folder, { recursive: true }));
      for (const [id, bytes] of Object.entries(vector.loose)) {
        mkdirSync(join(folder, id.slice(0, 2)), { recursive: true });
        writeFileSync(join(folder, id.slice(0, 2), id.slice(2)), Buffer.from(bytes, 'base64'));
      }
      assert.equal(await narHash(batch => importGitTree(vector.tree, looseGitObjects(folder), batch)), vector.nar);
      const stream = gunzipSync(Buffer.from(vector.batch, 'base64'));
      assert.equal(await narHash(batch => importGitStream(vector.tree, [stream], batch)), vector.nar);
    });
  }

  test('loose objects that are no zlib, or not there', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'firn-git-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const id = 'ab'.repeat(20);
    await using batch = new MemoryBlobStore().batch();
    const run = () => importGitTree(id, looseGitObjects(folder), batch);
    assert.equal((await refusal(run)).code, 'blob/missing');
    mkdirSync(join(folder, 'ab'));
    for (const bytes of [
      Buffer.from('no zlib'),
      Buffer.alloc(0),
      deflateSync(Buffer.from('tree 5\0abc')),
      deflateSync(Buffer.from('tree 5\0abcde')).subarray(0, 10),
    ]) {
      writeFileSync(join(folder, 'ab', 'ab'.repeat(19)), bytes);
      assert.equal((await refusal(run)).code, 'git-object/malformed');
    }
  });
});

for (const [name, importTree] of Object.entries(importers)) {
  describe(name, () => {
    const run = async (contents: Buffer, objects: Objects = new Map(), options?: GitImportOptions) => {
      const root: Objects = new Map();
      const id = addObject(root, 'tree', contents);
      return importTree(id, new Map([...root, ...objects]), options);
    };

    test('gives the tree that was hashed', async () => {
      await fc.assert(
        fc.asyncProperty(testTrees.filter(isDirectory), async node => {
          const objects: Objects = new Map();
          const recorder = new TreeRecorder();
          playTree(node, recorder);
          assert.deepEqual(await importTree(gitTree(objects, node), objects), recorder.events);
        }),
      );
    });

    test('adds large files, and the same blob as a file and as a symlink', async () => {
      const objects: Objects = new Map();
      const large = byteStringOf(noise(1_000_000, 1));
      const node: TestTree & { type: 'directory' } = {
        type: 'directory',
        entries: [
          [byteStringFromText('a'), { type: 'file', executable: true, contents: large }],
          [byteStringFromText('b'), { type: 'symlink', target: byteStringFromText('same') }],
          [byteStringFromText('c'), { type: 'file', executable: false, contents: byteStringFromText('same') }],
          [byteStringFromText('d'), { type: 'file', executable: false, contents: large }],
        ],
      };
      const recorder = new TreeRecorder();
      playTree(node, recorder);
      assert.deepEqual(await importTree(gitTree(objects, node), objects), recorder.events);
    });

    test('takes trees in any order of entries, and the mode of early days', async () => {
      const objects: Objects = new Map();
      const blob = addObject(objects, 'blob', Buffer.from('x'));
      assert.deepEqual(await run(tree(['100664', 'b', blob], ['100644', 'a', blob]), objects), [
        'directory',
        'entry "a"',
        'file of 1',
        'contents "x"',
        'entry "b"',
        'file of 1',
        'contents "x"',
        'end of directory',
      ]);
    });

    test('refuses submodules, or makes them empty directories', async () => {
      const contents = tree(['160000', 'sub', 'cd'.repeat(20)]);
      const error = await refusal(() => run(contents));
      assert.equal(error.code, 'git-object/unsupported');
      assert.match(error.message, /'sub'.*submodule/);
      assert.deepEqual(await run(contents, new Map(), { submodules: 'empty' }), [
        'directory',
        'entry "sub"',
        'directory',
        'end of directory',
        'end of directory',
      ]);
    });

    test('maps a tree of 2^40 paths, and refuses too many levels', async () => {
      const build = (levels: number) => {
        let objects: Objects = new Map();
        let id = addObject(objects, 'tree', Buffer.alloc(0));
        for (let level = 1; level < levels; level++) {
          const above: Objects = new Map();
          id = addObject(above, 'tree', tree(['40000', 'a', id], ['40000', 'b', id]));
          objects = new Map([...above, ...objects]);
        }
        return { id, objects };
      };
      const { id, objects } = build(65);
      assert.equal((await refusal(() => importTree(id, objects))).code, 'tree/too-deep');
      await using batch = new MemoryBlobStore().batch();
      const fine = build(40);
      await importGitTree(fine.id, fetchFrom(fine.objects), batch);
      await importGitStream(fine.id, streamOf(fine.objects), batch);
    });

    const absent = 'ef'.repeat(20);
    const blob = (contents: string): Objects => {
      const objects: Objects = new Map();
      addObject(objects, 'blob', Buffer.from(contents, 'latin1'));
      return objects;
    };
    const [xId = ''] = blob('x').keys();
    const refused: readonly {
      why: string;
      contents: Buffer;
      objects?: Objects;
      code: CastoreErrorCode;
      message: RegExp;
    }[] = [
      { why: 'a missing file', contents: tree(['100644', 'a', absent]), code: 'blob/missing', message: /'a'.*efef/ },
      {
        why: 'a missing directory',
        contents: tree(['40000', 'd', absent]),
        code: 'blob/missing',
        message: /'d'.*efef/,
      },
      { why: 'a missing symlink', contents: tree(['120000', 'l', absent]), code: 'blob/missing', message: /'l'.*efef/ },
      {
        why: 'a name with a slash',
        contents: tree(['100644', 'a/b', xId]),
        code: 'git-object/malformed',
        message: /'a\/b'/,
      },
      { why: 'the name ..', contents: tree(['40000', '..', absent]), code: 'git-object/malformed', message: /'\.\.'/ },
      { why: 'an empty name', contents: tree(['100644', '', xId]), code: 'git-object/malformed', message: /named ''/ },
      {
        why: 'a name twice',
        contents: tree(['100644', 'a', xId], ['40000', 'a', absent]),
        code: 'git-object/malformed',
        message: /two entries named 'a'/,
      },
      { why: 'an unknown mode', contents: tree(['100000', 'a', xId]), code: 'git-object/malformed', message: /100000/ },
      {
        why: 'a mode with a leading zero',
        contents: tree(['040000', 'a', absent]),
        code: 'git-object/malformed',
        message: /040000/,
      },
      {
        why: 'an entry that breaks off',
        contents: tree(['100644', 'a', xId]).subarray(0, -1),
        code: 'git-object/malformed',
        message: /breaks off/,
      },
      {
        why: 'an entry without a blank',
        contents: Buffer.from('100644'),
        code: 'git-object/malformed',
        message: /breaks off/,
      },
      {
        why: 'an empty symlink',
        contents: tree(['120000', 'l', createHash('sha1').update('blob 0\0').digest('hex')]),
        objects: blob(''),
        code: 'directory/bad-symlink',
        message: /empty/,
      },
      {
        why: 'a NUL in a symlink',
        contents: tree(['120000', 'l', createHash('sha1').update('blob 1\0\0').digest('hex')]),
        objects: blob('\0'),
        code: 'directory/bad-symlink',
        message: /NUL/,
      },
      {
        why: 'a huge symlink',
        contents: tree([
          '120000',
          'l',
          createHash('sha1')
            .update(`blob 70000\0${'l'.repeat(70_000)}`)
            .digest('hex'),
        ]),
        objects: blob('l'.repeat(70_000)),
        code: 'git-object/unsupported',
        message: /./,
      },
      {
        why: 'a blob of another id',
        contents: tree(['100644', 'a', absent]),
        objects: new Map([[absent, Buffer.from('blob 1\0x')]]),
        code: 'digest/mismatch',
        message: /efef/,
      },
      {
        why: 'a tree of another id',
        contents: tree(['40000', 'a', absent]),
        objects: new Map([[absent, Buffer.from('tree 0\0')]]),
        code: 'digest/mismatch',
        message: /efef/,
      },
    ];
    for (const { why, contents, objects, code, message } of refused) {
      test(`refuses ${why}`, async () => {
        const error = await refusal(() => run(contents, objects));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
      });
    }

    test('refuses what is no id', async () => {
      for (const id of ['', 'HEAD', 'AB'.repeat(20), 'ab'.repeat(21)]) {
        assert.equal((await refusal(() => importTree(id, new Map()))).code, 'git-object/malformed');
      }
    });

    test('stops when its signal is aborted', async () => {
      const reason = new Error('no longer wanted');
      await assert.rejects(
        () => run(tree(['100644', 'a', xId]), blob('x'), { signal: AbortSignal.abort(reason) }),
        reason,
      );
    });
  });
}

describe('importGitTree', () => {
  test('refuses objects of another type, and bytes that are no object', async () => {
    const id = 'ab'.repeat(20);
    const objects: [string, RegExp][] = [
      ['blob 0\0', /is a blob, wanted is a tree/],
      ['commit 0\0', /is a commit/],
      ['', /does not begin/],
      ['tree', /does not begin/],
      ['tree \0', /does not begin/],
      ['tree 00\0', /does not begin/],
      ['tree -1\0', /does not begin/],
      ['tree 99999999999999999999\0', /does not begin/],
      ['shrub 0\0', /does not begin/],
      [`tree ${' '.repeat(1000)}`, /does not begin/],
      ['tree 3\0ab', /breaks off 1 bytes/],
      ['tree 999999999\0ab', /beyond the limit/],
    ];
    for (const [object, message] of objects) {
      await using batch = new MemoryBlobStore().batch();
      const error = await refusal(() => importGitTree(id, () => Promise.resolve([Buffer.from(object)]), batch));
      assert.match(error.message, message);
    }
    const empty = createHash('sha1').update('tree 0\0').digest('hex');
    await using batch = new MemoryBlobStore().batch();
    const trailing = await refusal(() =>
      importGitTree(empty, () => Promise.resolve([Buffer.from('tree 0\0x')]), batch),
    );
    assert.match(trailing.message, /more than its 0 bytes/);
  });

  test('does not take memory for contents that do not come', async () => {
    const id = 'a'.repeat(40);
    const before = process.memoryUsage().arrayBuffers;
    await using batch = new MemoryBlobStore().batch();
    const object = Buffer.from('tree 100000000\0ab');
    await refusal(() => importGitTree(id, () => Promise.resolve([object]), batch));
    assert(process.memoryUsage().arrayBuffers - before < 10 * 1024 * 1024);
  });

  test('gathers trees that come in small pieces', async () => {
    const names = Array.from({ length: 5000 }, (_, i) => `f${String(i).padStart(4, '0')}`);
    const objects: Objects = new Map();
    const blob = addObject(objects, 'blob', Buffer.from('x'));
    const root = addObject(objects, 'tree', tree(...names.map(name => ['100644', name, blob] as const)));
    const fetch: FetchGitObject = id => {
      const object = objects.get(id);
      return Promise.resolve(
        object &&
          Array.from({ length: Math.ceil(object.length / 999) }, (_, i) => object.subarray(i * 999, (i + 1) * 999)),
      );
    };
    const events = await eventsAfter(batch => importGitTree(root, fetch, batch));
    assert.equal(events.filter(event => event.startsWith('entry')).length, names.length);
  });

  test('fetches each object once, some at a time', async () => {
    const objects: Objects = new Map();
    const entries = Array.from(
      { length: 30 },
      (_, i) => ['100644', `f${i}`, addObject(objects, 'blob', Buffer.from(String(i % 10)))] as const,
    );
    const root = addObject(objects, 'tree', tree(...entries));
    const fetched: string[] = [];
    let underWay = 0;
    let most = 0;
    await using batch = new MemoryBlobStore().batch();
    await importGitTree(
      root,
      async (id, options) => {
        fetched.push(id);
        most = Math.max(most, ++underWay);
        await new Promise(resolve => setImmediate(resolve));
        underWay--;
        return fetchFrom(objects)(id, options);
      },
      batch,
      { concurrency: 4 },
    );
    assert.equal(fetched.length, 11);
    assert.equal(most, 4);
  });
});

describe('importGitStream', () => {
  const lines = (...texts: readonly string[]) => Buffer.from(texts.join('\n'), 'latin1');
  const empty = createHash('sha1').update('tree 0\0').digest('hex');
  const refused: readonly { why: string; stream: Buffer; code: CastoreErrorCode; message: RegExp }[] = [
    { why: 'nothing', stream: lines(''), code: 'blob/missing', message: new RegExp(empty) },
    {
      why: 'an object that git lacks',
      stream: lines(`${empty} missing`, ''),
      code: 'blob/missing',
      message: /git lacks/,
    },
    {
      why: 'a line that is none',
      stream: lines('hello', ''),
      code: 'git-object/malformed',
      message: /no object starts here/,
    },
    {
      why: 'a line without an end',
      stream: Buffer.alloc(10_000, 'x'),
      code: 'git-object/malformed',
      message: /no object starts here/,
    },
    {
      why: 'a line that breaks off',
      stream: lines(`${empty} tree 0`),
      code: 'git-object/malformed',
      message: /no object starts here/,
    },
    {
      why: 'an object that breaks off',
      stream: lines(`${empty} tree 5`, 'ab'),
      code: 'git-object/malformed',
      message: /breaks off/,
    },
    {
      why: 'an object without a line feed',
      stream: lines(`${empty} tree 0`, 'x'),
      code: 'git-object/malformed',
      message: /line feed/,
    },
    {
      why: 'an unneeded object of another id',
      stream: lines(`${'ab'.repeat(20)} commit 2`, 'xx', ''),
      code: 'digest/mismatch',
      message: /abab/,
    },
    {
      why: 'an object that is too large',
      stream: lines(`${empty} tree 999999999`, ''),
      code: 'git-object/unsupported',
      message: /limit/,
    },
  ];
  for (const { why, stream, code, message } of refused) {
    test(`refuses ${why}`, async () => {
      await using batch = new MemoryBlobStore().batch();
      const error = await refusal(() => importGitStream(empty, [stream], batch));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
    });
  }

  test('takes a symlink that came before its tree, unless it is longer than any of Linux', async () => {
    const linkTo = async (contents: string) => {
      const objects: Objects = new Map();
      const target = addObject(objects, 'blob', Buffer.from(contents));
      const root = addObject(objects, 'tree', tree(['120000', 'l', target]));
      await using batch = new MemoryBlobStore().batch();
      return await importGitStream(root, streamOf(objects), batch);
    };
    assert.equal((await linkTo('target')).kind, 'directory');
    const error = await refusal(() => linkTo('x'.repeat(4096)));
    assert.equal(error.code, 'git-object/unsupported');
    assert.match(error.message, /'l'.*came before the tree/);
  });

  test('reads the same whatever the pieces; passes over commits', async () => {
    const objects: Objects = new Map();
    addObject(objects, 'commit', Buffer.from('tree\n\nmessage'));
    const inner: Objects = new Map();
    const blob = addObject(inner, 'blob', Buffer.from('contents\nof two lines'));
    const root = addObject(objects, 'tree', tree(['100755', 'a', blob]));
    const stream = Buffer.concat(streamOf(new Map([...objects, ...inner])));
    const digests = [];
    for (const size of [1, 7, 1000]) {
      await using batch = new MemoryBlobStore().batch();
      const pieces = Array.from({ length: Math.ceil(stream.length / size) }, (_, i) =>
        stream.subarray(i * size, (i + 1) * size),
      );
      digests.push((await importGitStream(root, pieces, batch)).digest);
    }
    assert.deepEqual(new Set(digests.map(digest => digest.hash)).size, 1);
    assert.notDeepEqual(digests[0], digestOf(new Uint8Array(0)));
  });

  test('refuses otherwise than by failing: random and changed streams', async () => {
    const objects: Objects = new Map();
    const node: TestTree = {
      type: 'directory',
      entries: [[byteStringFromLatin1('\xff'), { type: 'symlink', target: byteStringFromText('t') }]],
    };
    const root = gitTree(objects, node);
    const stream = Buffer.concat(streamOf(objects));
    const changes = fc.array(fc.record({ at: fc.nat(stream.length - 1), byte: fc.nat(255) }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constant(stream), fc.uint8Array({ maxLength: 300 })),
        changes,
        async (start, changed) => {
          const bytes = Buffer.from(start);
          for (const { at, byte } of changed) bytes[at % (bytes.length || 1)] = byte;
          await using batch = new MemoryBlobStore().batch();
          try {
            await importGitStream(root, [bytes], batch);
          } catch (error) {
            assert(error instanceof CastoreError, String(error));
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
