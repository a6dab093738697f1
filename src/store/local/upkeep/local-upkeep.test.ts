import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Reporter } from '../../../base/index.ts';
import { putBlob, removeTree, verifyBlobs, walkTree } from '../../../castore/index.ts';
import { type PathInfo, type StorePath, equalHashes } from '../../../nix-compat/index.ts';
import { noise, recordReports, temporaryFolder } from '../../../testing/index.ts';
import { StoreError } from '../../error.ts';
import { hashContents } from '../../hash-contents.ts';
import type { TreeSource } from '../../store.ts';
import { addToStore } from '../add-to-store.ts';
import { LocalStore } from '../local-store.ts';

function openStore() {
  const folder = temporaryFolder();
  const { reporter, reports } = recordReports();
  const open = (by: Reporter) =>
    new LocalStore({ dataFolder: join(folder.path, 'data'), realStoreDir: join(folder.path, 'store'), reporter: by });
  return {
    store: open(reporter),
    folder: folder.path,
    /** Errors and warnings so far. */
    complaints: () =>
      reports.flatMap(report =>
        report.kind === 'log' && (report.level === 'error' || report.level === 'warn') ? [report.text] : [],
      ),
    async [Symbol.asyncDispose]() {
      await this.store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const from =
  (path: string): TreeSource =>
  async (sink, drain) => {
    for (const _ of walkTree(path, sink)) await drain();
  };

/** A tree of a small file, which is a row too, a larger one, an executable one, an empty one and a symlink. */
async function addTree(store: LocalStore, folder: string, seed = 1, references: StorePath[] = []): Promise<PathInfo> {
  const tree = join(folder, `tree${seed}`);
  await putBlob(store.blobs, Buffer.from(`hello ${seed}\n`));
  mkdirSync(join(tree, 'sub'), { recursive: true });
  writeFileSync(join(tree, 'small'), `hello ${seed}\n`);
  writeFileSync(join(tree, 'sub', 'large'), noise(50_000, seed));
  writeFileSync(join(tree, 'sub', 'run'), noise(20_000, seed), { mode: 0o755 });
  writeFileSync(join(tree, 'empty'), '');
  symlinkSync('sub/large', join(tree, 'link'));
  return addToStore(store, from(tree), { name: `tree${seed}`, references: { others: references, self: false } });
}

/** Writes through a link into the castore, as root can, and leaves no trace but the contents. */
function corrupt(file: string, contents: string | Uint8Array): void {
  const { mode } = lstatSync(file);
  chmodSync(file, 0o644);
  writeFileSync(file, contents);
  chmodSync(file, mode);
  utimesSync(file, 1, 1);
}

async function assertSound(store: LocalStore): Promise<void> {
  assert.equal(await store.upkeep.verify({ checkContents: true }), false);
  const problems = await Array.fromAsync(verifyBlobs(store.blobs));
  assert.deepEqual(
    problems.filter(({ kind }) => kind !== 'orphan'),
    [],
  );
}

describe('verifying a local store', () => {
  test('finds nothing wrong with what was added', async () => {
    await using opened = openStore();
    for (let seed = 0; seed < 9; seed++) await addTree(opened.store, opened.folder, seed);
    await assertSound(opened.store);
    assert.deepEqual(opened.complaints(), []);
  });

  const damages: [what: string, (real: string) => void][] = [
    ['a file too many', real => inside(real, () => writeFileSync(join(real, 'bad'), ''))],
    ['a file too few', real => inside(real, () => rmSync(join(real, 'empty')))],
    ['another target of a symlink', real => inside(real, () => relink(join(real, 'link')))],
    ['a directory in the place of a file', real => inside(real, () => replaceByFolder(join(real, 'small')))],
    ['a small file written to', real => corrupt(join(real, 'small'), 'other contents')],
    ['a small file of the same size', real => corrupt(join(real, 'small'), 'HELLO 1\n')],
    ['a large file written to', real => corrupt(join(real, 'sub', 'large'), noise(50_000, 99))],
    ['an executable file cut short', real => corrupt(join(real, 'sub', 'run'), noise(19_999, 1))],
    ['the empty file filled', real => corrupt(join(real, 'empty'), 'x')],
    ['a file that is executable no longer', real => chmodSync(join(real, 'sub', 'run'), 0o444)],
    ['no checkout at all', real => removeTree(real)],
  ];
  for (const [what, damage] of damages) {
    test(`finds and repairs ${what}`, async () => {
      await using opened = openStore();
      const { store } = opened;
      const { path, narHash } = await addTree(store, opened.folder);
      // Something that refers to it, since a path that nothing needs is forgotten when it is gone.
      await addTree(store, opened.folder, 2, [path]);
      damage(store.realPath(path));
      assert.equal(await store.upkeep.verify({ checkContents: true }), true);
      assert.match(
        opened.complaints()[0] ?? '',
        /^path '\/nix\/store\/.*' (was modified! expected hash 'sha256:|disappeared, but)/,
      );
      const source = from(join(opened.folder, 'tree1'));
      const fetch = async () => {
        const info = store.paths.require(path).info;
        await store.writer.add([{ path, offers: [{ info, source, from: 'test', isTrusted: true }] }], { repair: true });
      };
      assert.equal(await store.upkeep.verify({ checkContents: true, repair: true, fetch }), false);
      assert.ok(equalHashes(await hashContents(store, path), narHash));
      await assertSound(store);
    });
  }

  test('needs nobody else where the castore has sound contents', async () => {
    await using opened = openStore();
    const { store } = opened;
    const { path } = await addTree(store, opened.folder);
    corrupt(join(store.realPath(path), 'small'), 'HELLO 1\n');
    await store.upkeep.repair(path);
    await assertSound(store);
  });

  test('asks others alone where the policy says so, and names the way out', async () => {
    await using opened = openStore();
    const { store } = opened;
    const { path } = await addTree(store, opened.folder);
    const real = store.realPath(path);
    inside(real, () => writeFileSync(join(real, 'bad'), ''));
    const elsewhere = { policy: 'elsewhere', repair: true, checkContents: true } as const;
    assert.equal(await store.upkeep.verify(elsewhere), true);
    assert.match(opened.complaints()[1] ?? '', /^error: cannot repair path '(.*)'; .*'firn store repair \1'/);
    assert.ok(existsSync(join(real, 'bad')));
    await store.upkeep.repair(path, { policy: 'blobs-first' });
    assert.ok(!existsSync(join(real, 'bad')));
    await assertSound(store);
    // Nothing refers to it: that it is gone leaves no store damaged.
    removeTree(real);
    assert.equal(await store.upkeep.verify(elsewhere), false);
    assert.deepEqual(store.paths.all(), []);
  });

  test('says where contents can be had nowhere', async () => {
    await using opened = openStore();
    const { store } = opened;
    const { path } = await addTree(store, opened.folder);
    corrupt(join(store.realPath(path), 'sub', 'large'), noise(50_000, 99));
    await assert.rejects(store.upkeep.repair(path), (error: unknown) => {
      return (
        error instanceof StoreError &&
        error.code === 'path/irreparable' &&
        error.message.startsWith('cannot repair path')
      );
    });
    assert.equal(await store.upkeep.verify({ checkContents: true, repair: true }), true);
  });

  test('finds blobs that are wrong although the checkout is right, and repairs them from it', async () => {
    await using opened = openStore();
    const { store } = opened;
    const { path } = await addTree(store, opened.folder);
    const { database } = store.blobs.folder;
    const large = join(store.realPath(path), 'sub', 'large');
    inside(join(store.realPath(path), 'sub'), () => {
      copyFileSync(large, `${large}2`);
      renameSync(`${large}2`, large);
      utimesSync(large, 1, 1);
    });
    for (const row of database.all('SELECT hash FROM blobs WHERE size = 50000 OR data IS NOT NULL AND size < 10')) {
      const { hash } = row;
      assert.ok(hash instanceof Uint8Array);
      if (Buffer.from(hash).equals(Buffer.from(await digestOfSmall())))
        database.run("UPDATE blobs SET data = x'00' WHERE hash = ?", hash);
      else if (database.run('UPDATE blobs SET files = files WHERE hash = ? AND size = 50000', hash) > 0) {
        const hex = Buffer.from(hash).toString('hex');
        corrupt(join(opened.folder, 'data', 'blobs', hex.slice(0, 2), hex.slice(2)), noise(50_000, 98));
      }
    }
    assert.equal(await store.upkeep.verify({ checkContents: true }), true);
    assert.equal(await store.upkeep.verify({ checkContents: true, repair: true }), false);
    await assertSound(store);
  });

  test('forgets paths that are gone and that nothing needs', async () => {
    await using opened = openStore();
    const { store } = opened;
    const below = await addTree(store, opened.folder, 1);
    const above = await addTree(store, opened.folder, 2, [below.path]);
    const kept = await addTree(store, opened.folder, 3);
    removeTree(store.realPath(below.path));
    removeTree(store.realPath(above.path));
    assert.equal(await store.upkeep.verify(), false);
    assert.deepEqual(store.paths.all(), [kept.path]);
  });
});

async function digestOfSmall(): Promise<Buffer> {
  const { createHash } = await import('node:crypto');
  return createHash('sha256').update('hello 1\n').digest();
}

function inside(folder: string, change: () => void): void {
  chmodSync(folder, 0o755);
  change();
  chmodSync(folder, 0o555);
  utimesSync(folder, 1, 1);
}

function relink(link: string): void {
  rmSync(link);
  symlinkSync('elsewhere', link);
}

function replaceByFolder(file: string): void {
  rmSync(file);
  mkdirSync(file);
}

describe('optimising a local store', () => {
  test('links copies to the castore again, and leaves writable files alone', async () => {
    await using opened = openStore();
    const { store } = opened;
    const { path } = await addTree(store, opened.folder);
    const real = store.realPath(path);
    const [large, small, run] = ['sub/large', 'small', 'sub/run'].map(name => join(real, name));
    assert.ok(large !== undefined && small !== undefined && run !== undefined);
    for (const file of [large, small, run]) {
      inside(join(file, '..'), () => {
        copyFileSync(file, `${file}2`);
        renameSync(`${file}2`, file);
        utimesSync(file, 1, 1);
      });
    }
    chmodSync(run, 0o755);
    assert.deepEqual(await store.upkeep.optimise(), { filesLinked: 2, bytesFreed: 50_008 });
    assert.deepEqual(opened.complaints(), [`warning: skipping suspicious writable file '${run}'`]);
    assert.deepEqual(await store.upkeep.optimise(), { filesLinked: 0, bytesFreed: 0 });
    chmodSync(run, 0o555);
    await assertSound(store);
    assert.equal(lstatSync(join(real, 'sub')).mode & 0o777, 0o555);
  });
});

test('a store that is read-only refuses repairs', async () => {
  await using opened = openStore();
  const { path } = await addTree(opened.store, opened.folder);
  const options = { dataFolder: join(opened.folder, 'data'), realStoreDir: join(opened.folder, 'store') };
  await using readOnly = new LocalStore({ ...options, readOnly: true });
  assert.deepEqual((await readOnly.pathInfo(path))?.path, path);
  const refused = (error: unknown) => error instanceof StoreError && error.code === 'store/read-only';
  await assert.rejects(readOnly.upkeep.repair(path), refused);
  await assert.rejects(addToStore(readOnly, from(opened.folder), { name: 'x' }), refused);
  assert.equal((await addToStore(readOnly, from(join(opened.folder, 'tree1')), { name: 'tree1' })).path, path);
  assert.equal(await readOnly.upkeep.verify({ checkContents: true }), false);
});
