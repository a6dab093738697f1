import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText, errnoOf } from '../../base/index.ts';
import { type FaultPlan, faultyFileSystem, temporaryFolder } from '../../testing/index.ts';
import { HeldFolder } from './held-folder.ts';
import { removeTree, removeTreeAtEase } from './remove-tree.ts';

/** A tree with files of 10 bytes, read-only folders, and a symlink to the folder `victim`. */
function makeTree(root: string, victim: string): void {
  mkdirSync(join(root, 'a', 'b'), { recursive: true });
  mkdirSync(join(root, 'empty'));
  for (const name of ['1', 'a/2', 'a/3', 'a/b/4']) writeFileSync(join(root, name), '0123456789');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/a/`), Buffer.from([0xff, 0xfe])]), '');
  symlinkSync(victim, join(root, 'a', 'link'));
  for (const name of ['a/b', 'a', 'empty', '.']) chmodSync(join(root, name), 0o555);
}

function makeVictim(path: string): void {
  mkdirSync(path);
  writeFileSync(join(path, '2'), 'keep');
  chmodSync(path, 0o700);
}

function assertUntouched(victim: string): void {
  assert.deepEqual(readdirSync(victim), ['2']);
  assert.equal(lstatSync(victim).mode & 0o777, 0o700);
}

describe('removing a tree', () => {
  test('removes folders, files and symlinks, read-only or not, and nothing that they lead to', async () => {
    using folder = temporaryFolder();
    const victim = join(folder.path, 'victim');
    makeVictim(victim);
    const tree = join(folder.path, 'tree');
    makeTree(tree, victim);
    removeTree(tree);
    makeTree(tree, victim);
    linkSync(join(tree, 'a', '2'), join(folder.path, 'elsewhere'));
    let freed = 0;
    await removeTreeAtEase(Buffer.from(tree), { onRemoved: bytes => (freed += bytes) });
    assert.equal(freed, 30);
    assert.deepEqual(readdirSync(folder.path).toSorted(), ['elsewhere', 'victim']);
    assertUntouched(victim);
  });

  test('removes a file, a symlink to a folder, and nothing', () => {
    using folder = temporaryFolder();
    const victim = join(folder.path, 'victim');
    makeVictim(victim);
    writeFileSync(join(folder.path, 'file'), '');
    symlinkSync(victim, join(folder.path, 'link'));
    for (const name of ['file', 'link', 'absent', 'absent/too']) removeTree(join(folder.path, name));
    assert.deepEqual(readdirSync(folder.path), ['victim']);
    assertUntouched(victim);
  });

  test('removes one that is deeper than a path can be long, or a process can have descriptors', () => {
    using folder = temporaryFolder();
    const inner = join(folder.path, 'inner');
    const outer = join(folder.path, 'outer');
    mkdirSync(inner);
    for (let depth = 0; depth < 1500; depth++) {
      mkdirSync(outer);
      writeFileSync(join(outer, 'file'), '');
      renameSync(inner, join(outer, 'a folder'));
      renameSync(outer, inner);
    }
    removeTree(inner);
    assert.deepEqual(readdirSync(folder.path), []);
  });

  test('does not follow a symlink that takes the place of a folder meanwhile', async () => {
    using folder = temporaryFolder();
    const victim = join(folder.path, 'victim');
    makeVictim(victim);
    const tree = join(folder.path, 'tree');
    mkdirSync(join(tree, 'a'), { recursive: true });
    for (const name of ['1', '2', '3']) writeFileSync(join(tree, 'a', name), '');
    let removed = 0;
    const onRemoved = () => {
      // The first to go is the folder's entry into which it went; by then one file is gone.
      if (++removed !== 2) return;
      renameSync(join(tree, 'a'), join(folder.path, 'moved'));
      symlinkSync(victim, join(tree, 'a'));
    };
    await assert.rejects(removeTreeAtEase(tree, { onRemoved }), { code: 'ENOTDIR', path: join(tree, 'a') });
    assertUntouched(victim);
    assert.deepEqual(readdirSync(join(folder.path, 'moved')), []);
  });

  test('goes on where something cannot be removed, if that is wanted', async () => {
    using folder = temporaryFolder();
    const tree = join(folder.path, 'tree');
    for (const sub of ['a', 'b', 'c']) {
      mkdirSync(join(tree, sub), { recursive: true });
      writeFileSync(join(tree, sub, 'file'), sub);
    }
    const failures: (string | undefined)[] = [];
    {
      const plan: FaultPlan = { calls: 0, failAt: 1, errno: 'EIO', only: new Set(['unlinkSync']) };
      const fileSystem = faultyFileSystem(plan);
      await removeTreeAtEase(tree, { fileSystem, onFailed: error => void failures.push(errnoOf(error)) });
    }
    assert.deepEqual(failures, ['EIO']);
    const [left = '', ...others] = readdirSync(tree);
    assert.deepEqual(others, []);
    assert.deepEqual(readdirSync(join(tree, left)), ['file']);
    removeTree(tree);
    assert.ok(!existsSync(tree));
  });

  test('ends when it is aborted, and leaves what can be removed', async () => {
    using folder = temporaryFolder();
    const tree = join(folder.path, 'tree');
    mkdirSync(tree);
    for (let i = 0; i < 200; i++) writeFileSync(join(tree, String(i)), '');
    const stop = new AbortController();
    const onRemoved = () => {
      for (const until = performance.now() + 1; performance.now() < until;);
      stop.abort();
    };
    await assert.rejects(removeTreeAtEase(tree, { signal: stop.signal, onRemoved }), { name: 'AbortError' });
    removeTree(tree);
    assert.ok(!existsSync(tree));
  });
});

describe('a folder that is held', { skip: process.platform !== 'linux' && 'needs Linux' }, () => {
  test('stays the one that was opened, and errors name it as it is shown', () => {
    using folder = temporaryFolder();
    const victim = join(folder.path, 'victim');
    makeVictim(victim);
    mkdirSync(join(folder.path, 'a'));
    writeFileSync(join(folder.path, 'a', '2'), 'ours');
    using held = HeldFolder.open(join(folder.path, 'a'));
    renameSync(join(folder.path, 'a'), join(folder.path, 'moved'));
    symlinkSync(victim, join(folder.path, 'a'));
    assert.equal(readFileSync(held.at(byteStringFromText('2')), 'utf8'), 'ours');
    const absent = byteStringFromText('absent');
    assert.throws(() => held.named(() => readFileSync(held.at(absent))), {
      code: 'ENOENT',
      path: join(folder.path, 'a', 'absent'),
      message: `ENOENT: no such file or directory, open '${join(folder.path, 'a', 'absent')}'`,
    });
    assert.throws(() => HeldFolder.open(join(folder.path, 'a')), { code: 'ENOTDIR' });
  });
});
