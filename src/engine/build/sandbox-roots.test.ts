import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseStorePath } from '../../nix-compat/index.ts';
import { openLocalStoreIn, temporaryFolder } from '../../testing/index.ts';
import { SandboxRoots } from './sandbox-roots.ts';

const [first, second] = ['a', 'b'].map(letter => parseStorePath(`${letter.repeat(32)}-x.drv`));
assert.ok(first !== undefined && second !== undefined);

describe('SandboxRoots', () => {
  const names = (folder: string) => readdirSync(folder).toSorted();

  test('keeps mount points for the next build, and nothing else', async () => {
    using folder = temporaryFolder();
    await using store = openLocalStoreIn(folder.path);
    const roots = new SandboxRoots(store);
    const root = roots.open(first, undefined);
    root.prepareMountPoints(
      new Map([
        ['file', 'file'],
        ['folder', 'folder'],
        ['other', 'folder'],
      ]),
    );
    writeFileSync(join(root.storeDir, 'file'), '');
    for (const name of ['folder', 'other', 'output']) mkdirSync(join(root.storeDir, name));
    symlinkSync('nowhere', join(root.storeDir, 'link'));
    writeFileSync(join(root.temporaryFolder, 'left'), 'secret');
    const kept = lstatSync(join(root.storeDir, 'folder')).ino;
    for (const closed of [root.storeDir, root.temporaryFolder]) chmodSync(closed, 0o000);
    await root[Symbol.asyncDispose]();
    assert.ok(!existsSync(root.path));

    const next = roots.open(second, undefined);
    assert.notEqual(next.path, root.path);
    assert.deepEqual(names(next.storeDir), ['file', 'folder', 'other']);
    assert.deepEqual(names(next.temporaryFolder), []);
    const made = next.prepareMountPoints(
      new Map([
        ['file', 'folder'],
        ['folder', 'folder'],
      ]),
    );
    assert.deepEqual(made, new Set(['folder']));
    assert.deepEqual(names(next.storeDir), ['folder']);
    assert.equal(lstatSync(join(next.storeDir, 'folder')).ino, kept);
    await next[Symbol.asyncDispose]();
  });

  test('gives nobody a folder that its owner has marked', { skip: process.platform !== 'linux' }, async () => {
    using folder = temporaryFolder();
    await using store = openLocalStoreIn(folder.path);
    const roots = new SandboxRoots(store);
    const root = roots.open(first, undefined);
    execFileSync('chattr', ['+d', root.storeDir]);
    await root[Symbol.asyncDispose]();
    const next = roots.open(first, undefined);
    assert.doesNotMatch(execFileSync('lsattr', ['-d', next.storeDir], { encoding: 'utf8' }), /^\S*d/);
    await next[Symbol.asyncDispose]();
  });

  test('removes what a killed process has left', async () => {
    using folder = temporaryFolder();
    await using store = openLocalStoreIn(folder.path);
    const path = join(store.realStoreDir, `${first}.chroot`);
    mkdirSync(join(path, 'store', 'left'), { recursive: true });
    await using root = new SandboxRoots(store).open(first, undefined);
    assert.deepEqual(names(root.storeDir), []);
  });
});
