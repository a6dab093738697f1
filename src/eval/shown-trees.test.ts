import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brandAs, byteStringFromText, type ByteString } from '../base/index.ts';
import { defaultStoreDir } from '../nix-compat/index.ts';
import { ShownTrees, shownTreeOf } from './shown-trees.ts';

const commit = '/nix/store/1-source';
const workTree = '/nix/store/2-source';
// oxlint-disable-next-line no-control-regex -- what terminals take for colours
const plain = (text: string | undefined) => text?.replaceAll(/\u001B\[[0-9;]*m/g, '');

function makeTrees(): ShownTrees {
  const trees = new ShownTrees(defaultStoreDir, path => path === '/repository/there');
  trees.add(byteStringFromText(commit), { kind: 'source', name: '«git+file:///repository»' });
  trees.add(byteStringFromText(workTree), { kind: 'work-tree', folder: '/repository' });
  return trees;
}

test('paths in trees that were fetched are shown by where these come from', () => {
  const trees = makeTrees();
  assert.equal(trees.show(`${commit}/a/b`), '«git+file:///repository»/a/b');
  assert.equal(trees.show(workTree), '/repository');
  for (const path of [`${commit}-2/a`, '/nix/store/3-x/a', '/nix/store', '/elsewhere', '«string»']) {
    assert.equal(trees.show(path), path);
  }
});

test('what is wrong with one is said in the words of C++ Nix', () => {
  const explain = (...args: Parameters<ShownTrees['explain']>) => plain(makeTrees().explain(...args)?.message);
  assert.equal(explain(`${commit}/a`, 'absent'), "path '«git+file:///repository»/a' does not exist");
  assert.equal(explain(`${commit}/a`, 'missing'), "'«git+file:///repository»/a' does not exist");
  assert.equal(explain(`${commit}/a`, 'no-file'), "'«git+file:///repository»/a' is not a regular file");
  assert.equal(explain(`${commit}/a`, 'no-directory'), "'«git+file:///repository»/a' is not a directory");
  assert.equal(explain(`${workTree}/a/b`, 'missing'), `Path 'a/b' does not exist in Git repository "/repository".`);
  assert.equal(
    explain(`${workTree}/there`, 'absent'),
    `Path 'there' in the repository "/repository" is not tracked by Git.\n\n` +
      `To make it visible to Nix, run:\n\ngit -C "/repository" add "there"`,
  );
  assert.equal(explain(`${workTree}/a`, 'no-file'), undefined);
  assert.equal(explain('/elsewhere', 'missing'), undefined);
});

test('trees are shown by what they were fetched from', () => {
  const path = byteStringFromText('/somewhere');
  const git = new Map([
    ['type', 'git'],
    ['url', 'https://h.org/a'],
    ['rev', 'a'.repeat(40)],
  ]);
  const url = `«git+https://h.org/a?rev=${'a'.repeat(40)}»`;
  assert.deepEqual(shownTreeOf({ path, attributes: git }), { kind: 'source', name: url });
  const entries = new Set([brandAs<ByteString>('a')]);
  assert.deepEqual(shownTreeOf({ path, attributes: git, entries }), { kind: 'work-tree', folder: '/somewhere' });
  const folder = new Map([
    ['type', 'path'],
    ['path', '/somewhere'],
  ]);
  for (const attributes of [folder, new Map([['url', 'https://h.org/a']])]) {
    assert.equal(shownTreeOf({ path, attributes }), undefined);
  }
});
