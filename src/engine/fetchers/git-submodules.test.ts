import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { displayBytes } from '../../base/index.ts';
import type { FetchedTree } from '../../eval/index.ts';
import { GitRig } from '../../testing/index.ts';
import { fetchGitRepository } from './git-repository.ts';
import { resolveSubmoduleUrl } from './git-submodules.ts';

/** `outer` has `middle` as `m`, which has `inner` as `i`. */
function makeRig(): GitRig {
  const rig = new GitRig();
  rig.commit('inner', { file: 'inner' });
  rig.commit('middle', { file: 'middle' });
  rig.git('middle', 'submodule', '--quiet', 'add', '../inner', 'i');
  rig.commit('middle', { other: '' });
  rig.commit('outer', { file: 'outer' });
  rig.git('outer', 'submodule', '--quiet', 'add', rig.at('middle'), 'm');
  rig.commit('outer', { other: '' });
  return rig;
}

function fetch(rig: GitRig, attributes: Readonly<Record<string, string | boolean>>, name = 'outer') {
  const input = new Map(Object.entries({ type: 'git', url: `file://${rig.at(name)}`, ...attributes }));
  return fetchGitRepository(input, rig.context);
}

const entriesOf = ({ entries }: FetchedTree) => [...(entries ?? [])].map(displayBytes).toSorted();

describe('submodules', () => {
  test('of a commit are in its tree, and theirs in them, where they are asked for', async () => {
    using rig = makeRig();
    // There may be more there than the tree has.
    rig.git('outer', 'config', '-f', '.gitmodules', 'submodule.gone.path', 'gone');
    rig.commit('outer', {});
    const tree = await fetch(rig, { ref: 'main', submodules: true });
    const folder = displayBytes(tree.path);
    assert.equal(readFileSync(join(folder, 'm/file'), 'utf8'), 'middle');
    assert.equal(readFileSync(join(folder, 'm/i/file'), 'utf8'), 'inner');
    assert.equal(existsSync(join(folder, 'gone')), false);
    const without = await fetch(rig, { ref: 'main' });
    assert.deepEqual(readdirSync(join(displayBytes(without.path), 'm')), []);
    assert.equal(without.attributes.get('rev'), tree.attributes.get('rev'));
    assert.deepEqual(rig.warnings, []);
  });

  test('of a repository without a work tree are found from where that is', async () => {
    using rig = makeRig();
    rig.git('.', 'clone', '--quiet', '--bare', 'middle', 'bare');
    const folder = displayBytes((await fetch(rig, { submodules: true }, 'bare')).path);
    assert.equal(readFileSync(join(folder, 'i/file'), 'utf8'), 'inner');
  });

  test('that cannot be had fail with the way to them', async () => {
    using rig = makeRig();
    rmSync(rig.at('inner'), { recursive: true });
    await assert.rejects(fetch(rig, { ref: 'main', submodules: true }), (error: unknown) => {
      assert.ok(error instanceof Error && 'traces' in error && Array.isArray(error.traces));
      assert.match(error.message, /Git repository .*inner.* does not exist/);
      assert.deepEqual(
        error.traces.map(({ text }: { text: string }) => /input '.*\/(\w+)\?/.exec(text)?.[1]),
        ['middle', 'inner'],
      );
      return true;
    });
  });

  test('of a work tree are as they are in it', async () => {
    using rig = makeRig();
    rig.git('outer', 'submodule', '--quiet', 'update', '--init', '--recursive');
    const wanted = ['.gitmodules', 'file', 'm', 'm/.gitmodules', 'm/file', 'm/i', 'm/i/file', 'm/other', 'other'];
    const clean = await fetch(rig, { submodules: true });
    assert.deepEqual(entriesOf(clean), wanted);
    assert.equal(clean.attributes.get('rev'), rig.git('outer', 'rev-parse', 'HEAD'));
    const plain = await fetch(rig, {});
    assert.deepEqual(entriesOf(plain), ['.gitmodules', 'file', 'other']);

    writeFileSync(rig.at('outer', 'm/i/file'), 'changed');
    const dirty = await fetch(rig, { submodules: true });
    assert.deepEqual(entriesOf(dirty), wanted);
    assert.equal(dirty.attributes.get('rev'), undefined);
    assert.equal(dirty.fingerprint, undefined);
    assert.deepEqual(rig.dirty, [rig.at('outer', 'm', 'i'), rig.at('outer', 'm'), rig.at('outer')]);
  });

  test('of a work tree must be checked out, and go with no exports', async () => {
    using rig = makeRig();
    rig.git('outer', 'submodule', '--quiet', 'deinit', '--all', '--force');
    await assert.rejects(fetch(rig, { submodules: true }), /Failed to fetch git repository '.*outer\/m/);
    await assert.rejects(
      fetch(rig, { submodules: true, exportIgnore: true }),
      /exportIgnore and submodules are not supported together yet/,
    );
  });
});

test('URLs of submodules start from where their repository comes from', async () => {
  using rig = new GitRig();
  rig.commit('alone', { file: '' });
  const git = { folder: rig.at('alone') };
  for (const url of ['/a/b', 'https://h/a', 'user@host:a']) assert.equal(await resolveSubmoduleUrl(git, url), url);
  await assert.rejects(resolveSubmoduleUrl(git, 'a/b'), /resolving Git submodule URL '.*a\/b/);
  assert.equal(await resolveSubmoduleUrl(git, '../b'), rig.at('b'));
  assert.equal(await resolveSubmoduleUrl(git, './b'), rig.at('alone', 'b'));
  await assert.rejects(resolveSubmoduleUrl(git, '../'.repeat(30)), /resolving Git submodule URL/);
  for (const [remote, relative, wanted] of [
    ['https://h/a/b.git', '../c', 'https://h/a/c'],
    ['https://h/a/b/', './../../c', 'https://h/c'],
    ['file:///a/b', '../c', 'file:///a/c'],
    ['user@host:a/b', '../c', 'user@host:a/c'],
    ['../x', '../../c', '../../c'],
  ] as const) {
    rig.git('alone', 'config', 'remote.origin.url', remote);
    assert.equal(await resolveSubmoduleUrl(git, relative), wanted);
  }
  rig.git('alone', 'config', 'remote.other.url', '/o/b');
  rig.git('alone', 'config', 'branch.main.remote', 'other');
  assert.equal(await resolveSubmoduleUrl(git, '../c'), '/o/c');
});
