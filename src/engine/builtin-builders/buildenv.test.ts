import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { recordReports, temporaryFolder, testBuiltinBuild } from '../../testing/index.ts';
import { runBuiltinBuilder } from './run-builtin-builder.ts';

/** Makes files in the store that lies in `folder`; a target that begins with `->` makes a symlink. */
function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, contents] of Object.entries(files)) {
    const path = join(folder, 'store', name);
    mkdirSync(dirname(path), { recursive: true });
    if (contents.startsWith('->')) symlinkSync(contents.slice(2), path);
    else writeFileSync(path, contents);
  }
}

interface Built {
  readonly warnings: readonly string[];
}

async function build(folder: string, packages: readonly (readonly [string, number, boolean?])[]): Promise<Built> {
  const derivations = packages.map(([name, priority, active = true]) => `${active} ${priority} 1 /nix/store/${name}`);
  const { reporter, reports } = recordReports();
  const env = { derivations: derivations.join(' '), manifest: '/nix/store/m-env-manifest.nix' };
  await runBuiltinBuilder(testBuiltinBuild('builtin:buildenv', { folder, env, reporter }));
  const warnings = reports.flatMap(report => (report.kind === 'log' && report.level === 'warn' ? report.text : []));
  return { warnings };
}

const link = (folder: string, path: string) => readlinkSync(join(folder, 'out', path));

describe('builtin:buildenv', () => {
  test('links what one package has, and makes the folders that several have', async () => {
    using folder = temporaryFolder();
    write(folder.path, { 'a/bin/a': '', 'a/lib/x/y': '', 'b/bin/b': '', 'b/.hidden': '', 'b/nix-support/z': '' });
    await build(folder.path, [
      ['a', 5],
      ['b', 5],
      ['c', 5, false],
    ]);
    assert.deepEqual(readdirSync(join(folder.path, 'out')), ['bin', 'lib', 'manifest.nix']);
    assert.equal(link(folder.path, 'lib'), '/nix/store/a/lib');
    assert.equal(link(folder.path, 'bin/a'), '/nix/store/a/bin/a');
    assert.equal(link(folder.path, 'bin/b'), '/nix/store/b/bin/b');
    assert.equal(link(folder.path, 'manifest.nix'), '/nix/store/m-env-manifest.nix');
  });

  test('the smaller priority wins, also over what was linked as a folder', async () => {
    using folder = temporaryFolder();
    write(folder.path, { 'a/share/doc/one': '', 'b/share/doc/one': '', 'b/share/doc/two': '' });
    await build(folder.path, [
      ['b', 10],
      ['a', 5],
    ]);
    assert.equal(link(folder.path, 'share/doc/one'), '/nix/store/a/share/doc/one');
    assert.equal(link(folder.path, 'share/doc/two'), '/nix/store/b/share/doc/two');
  });

  test('follows links between packages where the store is elsewhere on disk', async () => {
    using folder = temporaryFolder();
    write(folder.path, {
      'a/bin/a': '',
      'b/bin': '->/nix/store/a/bin',
      'c/bin/c': '',
      'c/dangling': '->/nix/store/none',
    });
    const { warnings } = await build(folder.path, [
      ['b', 1],
      ['c', 2],
    ]);
    assert.equal(link(folder.path, 'bin/a'), '/nix/store/a/bin/a');
    assert.equal(link(folder.path, 'bin/c'), '/nix/store/c/bin/c');
    assert.deepEqual(warnings, [`warning: skipping dangling symlink '${folder.path}/out/dangling'`]);
  });

  test('takes in what packages bring with them, which loses against all others', async () => {
    using folder = temporaryFolder();
    write(folder.path, {
      'a/nix-support/propagated-user-env-packages': '/nix/store/b\n/nix/store/c',
      'a/bin/x': 'a',
      'b/bin/x': 'b',
      'b/bin/y': 'b',
      'c/bin/y': 'c',
    });
    await build(folder.path, [['a', 900]]);
    assert.equal(link(folder.path, 'bin/x'), '/nix/store/a/bin/x');
    assert.equal(link(folder.path, 'bin/y'), '/nix/store/b/bin/y');
  });

  test('tells of conflicts as C++ Nix does', async () => {
    using folder = temporaryFolder();
    write(folder.path, { 'a/bin/x': '', 'b/bin/x': '', 'd/bin': '' });
    await assert.rejects(
      build(folder.path, [
        ['a', 5],
        ['b', 5],
      ]),
      {
        code: 'builtin/package-conflict',
        message:
          'Unable to build profile. There is a conflict for the following files:\n\n  "/nix/store/a/bin/x"\n  "/nix/store/b/bin/x"',
      },
    );
  });

  test('leaves out what is no folder, and refuses one that is not there', async () => {
    using folder = temporaryFolder();
    write(folder.path, { file: 'x' });
    const { warnings } = await build(folder.path, [['file', 5]]);
    assert.deepEqual(warnings, [
      `warning: not including "/nix/store/file" in the user environment because it's not a directory`,
    ]);
    await assert.rejects(build(join(folder.path, 'second'), [['none', 5]]), {
      message: 'cannot read directory "/nix/store/none": No such file or directory',
    });
  });

  test('refuses files in place of folders', async () => {
    using folder = temporaryFolder();
    write(folder.path, { 'a/bin': 'a file', 'b/bin/b': '' });
    await assert.rejects(
      build(folder.path, [
        ['a', 1],
        ['b', 2],
      ]),
      { message: 'collision between "/nix/store/b/bin" and non-directory "/nix/store/a/bin"' },
    );
    assert.equal(readFileSync(join(folder.path, 'store', 'a', 'bin'), 'utf8'), 'a file');
  });
});
