import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type TreeSink, byteStringFromText, byteStringOf, ignoreTree } from '../../base/index.ts';
import { TreeRecorder, noise, playTree, temporaryFolder, testTrees } from '../../testing/index.ts';
import { putBlob } from '../blob-store.ts';
import { DiskBlobStore } from '../disk/disk-blob-store.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';
import { MemoryBlobStore } from '../memory/memory-blob-store.ts';
import type { Node } from '../node.ts';
import { checkoutTree } from './checkout.ts';
import { importTree } from './import-tree.ts';
import { TreeRestorer } from './restore.ts';
import { walkTreeToEnd } from './walk.ts';

const code = (expected: CastoreErrorCode) => (error: unknown) =>
  error instanceof CastoreError && error.code === expected;

function recordTree(path: string): string[] {
  const recorder = new TreeRecorder();
  walkTreeToEnd(path, recorder);
  return recorder.events;
}

async function importInto(
  store: DiskBlobStore | MemoryBlobStore,
  path: string,
  observer?: TreeRecorder,
): Promise<Node> {
  await using batch = store.batch();
  const node = await importTree(path, batch, observer === undefined ? {} : { observers: [observer] });
  await batch.commit();
  return node;
}

test('what is imported is observed in order, and checked out the same', async () => {
  using folder = temporaryFolder();
  await using disk = new DiskBlobStore(join(folder.path, 'data'));
  let serial = 0;
  await fc.assert(
    fc.asyncProperty(testTrees, fc.constantFrom('canonical', 'writable'), fc.boolean(), async (tree, style, linked) => {
      const at = (name: string) => join(folder.path, `${name}${serial}`);
      serial++;
      const expected = new TreeRecorder();
      playTree(tree, expected);
      using restorer = new TreeRestorer(at('source'));
      playTree(tree, restorer);

      const observed = new TreeRecorder();
      const node = await importInto(disk, at('source'), observed);
      assert.deepEqual(observed.events, expected.events);
      assert.deepEqual(await importInto(new MemoryBlobStore(), at('source')), node);

      await checkoutTree(disk, node, at('out'), linked ? { style, files: disk } : { style });
      assert.deepEqual(recordTree(at('out')), expected.events);
    }),
    { numRuns: 60 },
  );
});

describe('an import', () => {
  test('holds files of every size', async () => {
    using folder = temporaryFolder();
    const source = join(folder.path, 'source');
    mkdirSync(source);
    const sizes = [0, 1, 16 * 1024, 16 * 1024 + 1, 256 * 1024, 256 * 1024 + 1, 1024 * 1024, 3_000_001];
    for (const [i, size] of sizes.entries()) writeFileSync(join(source, String(i)), noise(size, i));
    await using store = new DiskBlobStore(join(folder.path, 'data'));
    const node = await importInto(store, source);
    await checkoutTree(store, node, join(folder.path, 'out'), { files: store });
    for (const [i, size] of sizes.entries())
      assert.deepEqual(readFileSync(join(folder.path, 'out', String(i))), noise(size, i));
  });

  test('of what is no tree is refused by name, and nothing is added', async () => {
    using folder = temporaryFolder();
    const source = join(folder.path, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'a'), noise(100_000, 1));
    execFileSync('mkfifo', [join(source, 'pipe')]);
    await using store = new DiskBlobStore(join(folder.path, 'data'));
    await assert.rejects(
      importInto(store, source),
      error => code('tree/unsupported-type')(error) && /source\/pipe'/.test(String(error)),
    );
    await assert.rejects(importInto(store, join(folder.path, 'absent')), { code: 'ENOENT' });
    assert.deepEqual(await importInto(store, '/dev/null').catch(code('tree/unsupported-type')), true);
    assert.equal(store.folder.database.get('SELECT count(*) AS count FROM blobs')?.['count'], 0);
  });

  test('takes what the filter takes, and never asks about the root', async () => {
    using folder = temporaryFolder();
    const source = join(folder.path, 'source');
    mkdirSync(source);
    for (const name of ['a', 'b', 'c']) writeFileSync(join(source, name), name);
    execFileSync('mkfifo', [join(source, 'pipe')]);
    const recorder = new TreeRecorder();
    walkTreeToEnd(source, recorder, { filter: path => !/[bp][^/]*$/.test(String(path)) });
    assert.deepEqual(
      recorder.events.filter(event => event.startsWith('entry')),
      ['entry "a"', 'entry "c"'],
    );
    assert.throws(
      () => walkTreeToEnd(source, new TreeRecorder(), { filter: () => true }),
      code('tree/unsupported-type'),
    );
  });

  test('of a tree that is too deep is refused', () => {
    using folder = temporaryFolder();
    const depth = (levels: number) => join(folder.path, ...Array.from({ length: levels }, () => 'd'));
    mkdirSync(depth(64), { recursive: true });
    walkTreeToEnd(depth(1), new TreeRecorder());
    assert.throws(() => walkTreeToEnd(folder.path, new TreeRecorder()), code('tree/too-deep'));
  });

  test('of a file that grows or shrinks meanwhile is refused or exact', () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'file');
    writeFileSync(file, noise(3_000_000, 1));
    const shrinking = new TreeRecorder();
    shrinking.startFile = () => writeFileSync(file, 'short');
    assert.throws(() => walkTreeToEnd(file, shrinking), code('tree/changed'));
    const growing = new TreeRecorder();
    const begin = growing.startFile.bind(growing);
    growing.startFile = (executable, size) => {
      begin(executable, size);
      appendFileSync(file, 'more');
    };
    walkTreeToEnd(file, growing);
    assert.deepEqual(growing.events, ['file of 5', 'contents "short"']);
  });

  test('undoes names that stand for others, and refuses two of one name', () => {
    using folder = temporaryFolder();
    for (const name of ['a~1', 'b']) writeFileSync(join(folder.path, name), '');
    const nameOf = (name: string) => byteStringFromText(name.replace(/~.*/, ''));
    const recorder = new TreeRecorder();
    walkTreeToEnd(folder.path, recorder, { nameOf });
    assert.deepEqual(
      recorder.events.filter(event => event.startsWith('entry')),
      ['entry "a"', 'entry "b"'],
    );
    writeFileSync(join(folder.path, 'a'), '');
    assert.throws(() => walkTreeToEnd(folder.path, recorder, { nameOf }), code('tree/name-collision'));
  });
});

describe('a checkout', () => {
  const symlink: Node = { kind: 'symlink', target: byteStringFromText('nowhere') };

  test('in canonical style is read-only, of one time, and linked to the store', async () => {
    using folder = temporaryFolder();
    const source = join(folder.path, 'source');
    mkdirSync(join(source, 'sub'), { recursive: true });
    writeFileSync(join(source, 'sub', 'small'), 'small');
    writeFileSync(join(source, 'program'), noise(20_000, 1));
    chmodSync(join(source, 'program'), 0o700);
    symlinkSync('sub', join(source, 'link'));
    await using store = new DiskBlobStore(join(folder.path, 'data'));
    const node = await importInto(store, source);
    const outs = ['one', 'two'].map(name => join(folder.path, name));
    for (const out of outs) await checkoutTree(store, node, out, { files: store });
    for (const [name, mode] of Object.entries({
      '.': 0o40555,
      sub: 0o40555,
      'sub/small': 0o100444,
      program: 0o100555,
    })) {
      const [one, two] = outs.map(out => lstatSync(join(out, name)));
      assert.deepEqual([one?.mode, one?.mtimeMs], [mode, 1000], name);
      if (one?.isFile()) assert.equal(one.ino, two?.ino);
    }
    assert.equal(lstatSync(join(outs[0]!, 'link')).mtimeMs, 1000);
  });

  test('in writable style shares nothing', async () => {
    using folder = temporaryFolder();
    await using store = new DiskBlobStore(join(folder.path, 'data'));
    const digest = await putBlob(store, noise(20_000, 1));
    const out = join(folder.path, 'out');
    await checkoutTree(store, { kind: 'file', digest, executable: true }, out, { style: 'writable', files: store });
    const { mode, nlink } = statSync(out);
    assert.deepEqual([mode & 0o7777, nlink], [0o777 & ~process.umask(), 1]);
    writeFileSync(out, 'mine');
    assert.deepEqual(Buffer.from((await store.get(digest))!), noise(20_000, 1));
  });

  test('never replaces what exists', async () => {
    using folder = temporaryFolder();
    const taken = join(folder.path, 'taken');
    writeFileSync(taken, 'mine');
    const store = new MemoryBlobStore();
    const digest = await putBlob(store, Buffer.from('theirs'));
    for (const node of [symlink, { kind: 'file', digest, executable: false } as const]) {
      await assert.rejects(checkoutTree(store, node, taken), { code: 'EEXIST' });
    }
    assert.equal(readFileSync(taken, 'utf8'), 'mine');
  });

  test('that fails leaves nothing', async () => {
    using folder = temporaryFolder();
    const source = join(folder.path, 'source');
    mkdirSync(join(source, 'a', 'deep'), { recursive: true });
    writeFileSync(join(source, 'a', 'deep', 'file'), 'kept');
    writeFileSync(join(source, 'b'), 'lost');
    const store = new MemoryBlobStore();
    const node = await importInto(store, source);
    store.delete(await putBlob(store, Buffer.from('lost')));
    const out = join(folder.path, 'out');
    await assert.rejects(
      checkoutTree(store, node, out),
      error => code('blob/missing')(error) && /out\/b/.test(String(error)),
    );
    assert.ok(!existsSync(out));
  });

  test('keeps names of any bytes', async () => {
    using folder = temporaryFolder();
    const name = byteStringOf(Uint8Array.of(0xff, 0x2e, 0x80));
    using restorer = new TreeRestorer(join(folder.path, 'source'));
    playTree({ type: 'directory', entries: [[name, { type: 'symlink', target: name }]] }, restorer);
    const store = new MemoryBlobStore();
    await checkoutTree(store, await importInto(store, join(folder.path, 'source')), join(folder.path, 'out'));
    assert.deepEqual(readdirSync(join(folder.path, 'out'), 'latin1'), [name]);
  });
});

test('a symlink that takes the place of a folder during a walk is not followed, and errors name what is shown', () => {
  using folder = temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  for (const name of ['tree/a', 'tree/b', 'victim']) mkdirSync(at(name), { recursive: true });
  for (const name of ['tree/a/1', 'tree/a/2', 'victim/1', 'victim/2']) writeFileSync(at(name), name);
  const swap = (name: string) => {
    renameSync(at('tree', name), at(`moved-${name}`));
    symlinkSync(at('victim'), at('tree', name));
  };
  const contents: string[] = [];
  const sink: TreeSink = {
    ...ignoreTree,
    entry: name => {
      if (name === '1') swap('a');
      if (name === 'b') swap('b');
    },
    fileData: chunk => void contents.push(Buffer.from(chunk).toString()),
  };
  assert.throws(() => walkTreeToEnd(at('tree'), sink), new RegExp(`'${at('tree', 'b')}' changed`));
  assert.deepEqual(contents, ['tree/a/1', 'tree/a/2']);
  const remover: TreeSink = { ...ignoreTree, entry: name => rmSync(at('victim', name)) };
  assert.throws(() => walkTreeToEnd(at('victim'), remover), { code: 'ENOENT', path: at('victim', '1') });
});
