import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../src/base/index.ts';
import { type DirectoryEntry, encodeDirectory, importTree, putBlob } from '../../src/castore/index.ts';
import { MountRig, mountObstacle, noise } from '../../src/testing/index.ts';

const skip = (await mountObstacle()) ?? false;

const has = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
const lacks = (program: string) => skip || (has(program) ? false : `${program} is not installed`);

/** A tree of what is hard to show. */
function makeTree(folder: string): void {
  mkdirSync(join(folder, 'empty folder'), { recursive: true });
  for (const [name, contents] of Object.entries({
    empty: '',
    small: 'a line\n',
    'a b\nc': 'x',
    ['n'.repeat(255)]: 'long name',
    é: 'accent',
    '-rf': 'dash',
    '.hidden': 'dot',
    '..two': 'dots',
    '$(id)': 'shell',
  })) {
    writeFileSync(join(folder, name), contents);
  }
  // No UTF-8.
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe, 0x41])]), 'bytes');
  writeFileSync(join(folder, 'program'), '#!/bin/sh\necho ran "$0" "$@"\n', { mode: 0o755 });
  writeFileSync(join(folder, 'large'), noise(3_000_000, 1));
  writeFileSync(join(folder, 'page'), noise(4096, 2));
  symlinkSync('small', join(folder, 'link'));
  symlinkSync('/nowhere/at/all', join(folder, 'dangling'));
  symlinkSync('t'.repeat(4000), join(folder, 'long target'));
  symlinkSync('.', join(folder, 'loop'));
  mkdirSync(join(folder, 'd/'.repeat(50)), { recursive: true });
  writeFileSync(join(folder, 'd/'.repeat(50), 'deep'), 'deep');
}

describe('a mounted tree', { skip }, () => {
  test('is the tree that it shows: names, contents, modes, symlinks', async () => {
    await using rig = await MountRig.open();
    const folder = join(rig.folder, 'made');
    makeTree(folder);
    const node = await rig.importTree(folder);
    const shown = rig.show(node);
    await using batch = rig.store.batch();
    assert.deepEqual(await importTree(shown, batch), node);
    for (const [name, mode] of [
      ['small', 0o100444],
      ['program', 0o100555],
      ['empty folder', 0o040555],
    ] as const) {
      const stats = lstatSync(join(shown, name));
      assert.equal(stats.mode, mode, name);
      assert.equal(stats.mtimeMs, 1000, name);
      assert.equal(stats.uid, process.geteuid?.(), name);
    }
    const link = lstatSync(join(shown, 'long target'));
    assert.equal(link.mode, 0o120777);
    assert.equal(link.size, 4000);
    assert.equal(statfsSync(shown).bsize, 4096);
    assert.deepEqual(readdirSync(shown).toSorted(), readdirSync(folder).toSorted());
    for (const absent of ['no', 'small/x', 'd/no', 'n'.repeat(254)])
      assert.ok(!existsSync(join(shown, absent)), absent);
    assert.deepEqual(rig.problems, []);
  });

  test('is found by other programs', async () => {
    await using rig = await MountRig.open();
    const folder = join(rig.folder, 'made');
    makeTree(folder);
    const shown = rig.show(await rig.importTree(folder));
    const find = (place: string) =>
      execFileSync('find', ['.', '-printf', '%P %y %s %l\\n'], { cwd: place }).toString('latin1');
    // Sizes of folders are each file system's own.
    const lines = (place: string) =>
      find(place)
        .replaceAll(/^(.*) d \d+ $/gm, '$1 d')
        .split('\n')
        .toSorted();
    assert.deepEqual(lines(shown), lines(folder));
    assert.equal(spawnSync('diff', ['-r', '--no-dereference', shown, folder]).status, 0);
    assert.equal(execFileSync(join(shown, 'program'), ['a b']).toString(), `ran ${shown}/program a b\n`);
  });

  test('cannot be changed', async () => {
    await using rig = await MountRig.open();
    const folder = join(rig.folder, 'made');
    makeTree(folder);
    const shown = rig.show(await rig.importTree(folder));
    const run = (command: string) => spawnSync('sh', ['-c', command, 'sh', shown]).stderr.toString();
    for (const command of [
      'echo x > "$1/new"',
      'echo x >> "$1/small"',
      'mkdir "$1/new"',
      'rm -f "$1/small"',
      'mv "$1/small" "$1/other"',
      'ln "$1/small" "$1/other"',
      'ln -s x "$1/other"',
      'chmod 644 "$1/small"',
      'touch "$1/small"',
    ]) {
      assert.match(run(command), /Read-only file system/i, command);
    }
  });

  test('is read anywhere, in any order, by many at a time', async () => {
    await using rig = await MountRig.open();
    const contents = noise(5_000_001, 3);
    const digest = await putBlob(rig.store, contents);
    const shown = rig.show({ kind: 'file', digest, executable: false });
    const fd = openSync(shown, 'r');
    try {
      for (const [at, size] of [
        [4_999_999, 100],
        [0, 1],
        [5_000_001, 10],
        [4095, 2],
        [1_048_575, 2_000_000],
        [9_000_000, 1],
      ] as const) {
        const target = Buffer.alloc(size);
        const count = readSync(fd, target, 0, size, at);
        assert.deepEqual(target.subarray(0, count), Buffer.from(contents.subarray(at, at + size)), `${size} at ${at}`);
      }
    } finally {
      closeSync(fd);
    }
    const parts = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        await using file = await open(shown, 'r');
        const target = Buffer.alloc(100_000);
        const at = (i * 123_457) % 4_900_000;
        await file.read(target, 0, target.byteLength, at);
        return target.equals(contents.subarray(at, at + target.byteLength));
      }),
    );
    assert.ok(parts.every(Boolean));
  });

  test('may have 100,000 entries in a folder', async () => {
    await using rig = await MountRig.open();
    const digest = await putBlob(rig.store, Buffer.from('same'));
    const names = Array.from({ length: 100_000 }, (_, i) => `entry-${String(i).padStart(6, '0')}`);
    const entries = names.map((name, i): DirectoryEntry => ({
      name: byteStringFromText(name),
      node: { kind: 'file', digest, executable: i % 2 === 1 },
    }));
    const root = await putBlob(rig.store, encodeDirectory({ entries }));
    const shown = rig.show({ kind: 'directory', digest: root });
    assert.deepEqual(readdirSync(shown).toSorted(), names);
    assert.equal(lstatSync(join(shown, 'entry-099999')).mode, 0o100555);
    assert.equal(readFileSync(join(shown, 'entry-012345'), 'utf8'), 'same');
    assert.ok(!existsSync(join(shown, 'entry-100000')));
  });

  test('has programs that run, with their libraries', async () => {
    await using rig = await MountRig.open();
    const folder = join(rig.folder, 'made');
    mkdirSync(folder);
    cpSync('/bin/ls', join(folder, 'ls'), { dereference: true });
    cpSync(process.execPath, join(folder, 'node'), { dereference: true });
    const shown = rig.show(await rig.importTree(folder));
    assert.equal(execFileSync(join(shown, 'ls'), [shown]).toString(), 'ls\nnode\n');
    assert.equal(execFileSync(join(shown, 'node'), ['-p', '6*7']).toString(), '42\n');
  });

  test('is what git says it is', { skip: lacks('git') }, async () => {
    await using rig = await MountRig.open();
    const folder = join(rig.folder, 'made');
    mkdirSync(join(folder, 'sub'), { recursive: true });
    writeFileSync(join(folder, 'a'), 'a');
    writeFileSync(join(folder, 'sub/b'), noise(100_000, 4));
    writeFileSync(join(folder, 'run'), '#!/bin/sh\n', { mode: 0o755 });
    symlinkSync('a', join(folder, 'link'));
    const git = (place: string, ...args: string[]) =>
      execFileSync('git', ['-c', 'safe.directory=*', '-c', 'user.name=n', '-c', 'user.email=e', '-C', place, ...args], {
        env: { ...process.env, HOME: rig.folder, GIT_OPTIONAL_LOCKS: '0', GIT_CONFIG_NOSYSTEM: '1' },
      }).toString();
    git(folder, 'init', '-q');
    git(folder, 'add', '.');
    git(folder, 'commit', '-qm', 'all');
    const clean = rig.show(await rig.importTree(folder), 'clean');
    assert.equal(git(clean, 'status', '--porcelain'), '');
    writeFileSync(join(folder, 'a'), 'b');
    const changed = rig.show(await rig.importTree(folder), 'changed');
    assert.equal(git(changed, 'status', '--porcelain'), ' M a\n');
  });

  test('is what rsync has nothing to do for', { skip: lacks('rsync') }, async () => {
    await using rig = await MountRig.open();
    const folder = join(rig.folder, 'made');
    makeTree(folder);
    const shown = rig.show(await rig.importTree(folder));
    const args = ['-n', '--checksum', '--recursive', '--links', '--executability', '--itemize-changes', '--delete'];
    assert.equal(execFileSync('rsync', [...args, `${shown}/`, `${folder}/`]).toString(), '');
  });

  test('has a compiler that compiles', { skip: lacks('gcc') }, async () => {
    await using rig = await MountRig.open();
    const folder = join(rig.folder, 'made');
    const ask = (...args: string[]) => execFileSync('gcc', args).toString().trim();
    const library = join(ask('-print-prog-name=cc1'), '..');
    mkdirSync(join(folder, 'bin'), { recursive: true });
    for (const name of ['gcc', 'as', 'ld']) {
      const found = execFileSync('sh', ['-c', `command -v ${name}`])
        .toString()
        .trim();
      copyFileSync(found, join(folder, 'bin', name));
    }
    const place = join(folder, 'lib/gcc', ask('-dumpmachine'), ask('-dumpversion'));
    cpSync(library, place, { recursive: true, dereference: true });
    const shown = rig.show(await rig.importTree(folder));
    const source = rig.show(
      {
        kind: 'file',
        digest: await putBlob(
          rig.store,
          Buffer.from('#include <stddef.h>\nint main(void) { return (int) sizeof(size_t) - 8; }\n'),
        ),
        executable: false,
      },
      'source',
    );
    const object = join(rig.folder, 'main.o');
    // The compiler, its own headers and the assembler are all on the mount.
    execFileSync(join(shown, 'bin/gcc'), ['-B', join(shown, 'bin'), '-x', 'c', '-c', '-o', object, source]);
    const used = execFileSync(join(shown, 'bin/gcc'), ['-print-prog-name=cc1']).toString().trim();
    assert.ok(execFileSync('realpath', [used]).toString().startsWith(rig.mount.mountPoint), used);
    const program = join(rig.folder, 'main');
    execFileSync('gcc', ['-o', program, object]);
    execFileSync(program);
  });

  test('views come and go', async () => {
    await using rig = await MountRig.open();
    const file = async (text: string) =>
      ({ kind: 'file', digest: await putBlob(rig.store, Buffer.from(text)), executable: false }) as const;
    const first = rig.show(await file('first'));
    assert.equal(readFileSync(first, 'utf8'), 'first');
    assert.deepEqual(readdirSync(rig.mount.mountPoint), ['view']);
    await using opened = await open(first, 'r');
    await rig.mount.removeView('view');
    assert.ok(!existsSync(first));
    assert.deepEqual(readdirSync(rig.mount.mountPoint), []);
    // Who has it open goes on.
    assert.equal((await opened.readFile()).toString(), 'first');
    rig.show(await file('second'));
    assert.equal(readFileSync(first, 'utf8'), 'second');
    const other = rig.show(await file('third'), 'other');
    assert.equal(readFileSync(other, 'utf8'), 'third');
    assert.deepEqual(readdirSync(rig.mount.mountPoint).toSorted(), ['other', 'view']);
    await using held = rig.mount.holdView('held', []);
    {
      await using again = rig.mount.holdView('held', []);
      assert.equal(again.path, held.path);
    }
    assert.ok(existsSync(held.path));
    await held[Symbol.asyncDispose]();
    assert.ok(!existsSync(held.path));
    for (const name of ['', '.', '..', 'a/b'])
      assert.throws(() => rig.mount.addView(name, []), { code: 'fuse/bad-view' });
  });

  test('many views leave nothing behind', async () => {
    await using rig = await MountRig.open();
    const node = { kind: 'file', digest: await putBlob(rig.store, Buffer.from('x')), executable: false } as const;
    for (let i = 0; i < 200; i++) {
      await using view = rig.mount.holdView(`view-${i}`, [{ name: byteStringFromText('tree'), node }]);
      assert.equal(await readFile(join(view.path, 'tree'), 'utf8'), 'x');
    }
    assert.deepEqual(readdirSync(rig.mount.mountPoint), []);
  });

  test('is taken away although somebody is in it', async () => {
    let path: string;
    let shell: ReturnType<typeof spawn>;
    {
      await using rig = await MountRig.open();
      makeTree(join(rig.folder, 'made'));
      const shown = rig.show(await rig.importTree(join(rig.folder, 'made')));
      shell = spawn('sh', ['-c', 'echo in; read _; ls'], { cwd: shown, stdio: ['pipe', 'pipe', 'pipe'] });
      await new Promise(resolve => shell.stdout?.once('data', resolve));
      path = rig.mount.mountPoint;
    }
    assert.ok(!readFileSync('/proc/self/mounts', 'utf8').includes(path));
    const ended = new Promise<number | null>(resolve => shell.once('close', resolve));
    shell.stdin?.end('\n');
    // Nobody answers any more, which is said and not waited for.
    assert.notEqual(await ended, 0);
  });
});
