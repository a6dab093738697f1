import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { displayBytes } from '../../base/index.ts';
import type { FetchedTree, InputAttributes } from '../../eval/index.ts';
import { temporaryFolder, testStoreContext } from '../../testing/index.ts';
import { fetchTree } from './fetch-tree.ts';

describe('trees of this machine', () => {
  const temporary = temporaryFolder();
  const repository = join(temporary.path, 'repository');
  const dirty: string[] = [];
  const warnings: string[] = [];
  const time = '2020-01-02T03:04:05Z';

  const git = (...args: string[]) => {
    const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_AUTHOR_DATE: time, GIT_COMMITTER_DATE: time };
    const identity = ['-c', 'user.name=n', '-c', 'user.email=e', '-c', 'init.defaultBranch=main'];
    return execFileSync('git', [...identity, '-C', repository, ...args], { env, encoding: 'utf8' }).trim();
  };
  const fetchGit = (input: Readonly<Record<string, string | boolean>> = {}, url = `file://${repository}`) => {
    const attributes: InputAttributes = new Map(Object.entries({ type: 'git', url, ...input }));
    const context = {
      cacheFolder: join(temporary.path, 'cache'),
      ...testDownloads(),
      lifetime: 3600,
      warn: (message: string) => void warnings.push(message),
      onDirty: (folder: string) => void dirty.push(folder),
    };
    return fetchTree(attributes, 'the input', context);
  };
  const entriesOf = ({ entries }: FetchedTree) => [...(entries ?? [])].map(displayBytes).toSorted();

  before(() => {
    mkdirSync(join(repository, 'kept'), { recursive: true });
    mkdirSync(join(repository, 'left-out'));
    writeFileSync(join(repository, 'kept/file'), 'one\r\n');
    writeFileSync(join(repository, 'kept/run'), '#!/bin/sh\n');
    chmodSync(join(repository, 'kept/run'), 0o755);
    symlinkSync('kept/file', join(repository, 'link'));
    writeFileSync(join(repository, 'left-out/file'), 'two');
    writeFileSync(join(repository, '.gitattributes'), 'left-out export-ignore\n* text eol=lf\nkept/file -text\n');
    git('init', '-q');
    git('add', '.');
    git('commit', '-q', '-m', 'first');
  });
  after(() => temporary[Symbol.dispose]());

  test('a work tree is what is tracked of it', async () => {
    writeFileSync(join(repository, 'untracked'), '');
    const tree = await fetchGit();
    assert.deepEqual(entriesOf(tree), [
      '.gitattributes',
      'kept',
      'kept/file',
      'kept/run',
      'left-out',
      'left-out/file',
      'link',
    ]);
    assert.equal(displayBytes(tree.path), repository);
    assert.equal(tree.attributes.get('rev'), git('rev-parse', 'HEAD'));
    assert.equal(tree.attributes.get('revCount'), 1n);
    assert.equal(tree.attributes.get('lastModified'), BigInt(Date.parse(time) / 1000));
    assert.deepEqual(dirty, []);
    rmSync(join(repository, 'untracked'));
  });

  test('what is not to be exported is left out', async () => {
    const tree = await fetchGit({ exportIgnore: true }, `file://${repository}`);
    assert.deepEqual(entriesOf(tree), ['.gitattributes', 'kept', 'kept/file', 'kept/run', 'link']);
  });

  test('a commit is unpacked as git has it', async () => {
    const head = git('rev-parse', 'HEAD');
    for (const input of [{ ref: 'main' }, { rev: head }, { ref: 'HEAD', exportIgnore: true }]) {
      const { path, attributes, entries } = await fetchGit(input);
      const folder = displayBytes(path);
      assert.equal(entries, undefined);
      assert.equal(attributes.get('rev'), head);
      assert.equal(readFileSync(join(folder, 'kept/file'), 'utf8'), 'one\r\n');
      assert.equal(readlinkSync(join(folder, 'link')), 'kept/file');
      const hasAll = readdirSync(folder).includes('left-out');
      assert.equal(hasAll, !('exportIgnore' in input));
    }
  });

  test('a work tree that was changed has no revision', async () => {
    writeFileSync(join(repository, 'kept/file'), 'other');
    rmSync(join(repository, 'kept/run'));
    const tree = await fetchGit();
    assert.equal(tree.attributes.has('rev'), false);
    assert.equal(tree.attributes.get('dirtyRev'), `${git('rev-parse', 'HEAD')}-dirty`);
    assert.equal(entriesOf(tree).includes('kept/run'), false);
    assert.deepEqual(dirty, [repository]);
    git('checkout', '-q', '.');
  });

  test('what is not there is said in the words of C++ Nix', async () => {
    await assert.rejects(
      fetchGit({ ref: 'none' }),
      /^EvalError: resolving Git reference 'none': revspec 'none' not found/,
    );
    await assert.rejects(fetchGit({ rev: '1'.repeat(40) }), /getting Git object '1{40}': object not found/);
    await assert.rejects(fetchGit({}, `file://${temporary.path}`), /Failed to fetch git repository '.*file:/);
    await assert.rejects(
      fetchGit({ type: 'hg' }),
      /cannot fetch '.*the input.*': Firn does not fetch inputs of type 'hg'/,
    );
  });

  test('folders are when their newest entry was changed', async () => {
    const input: InputAttributes = new Map([
      ['type', 'path'],
      ['path', `${repository}/kept/`],
    ]);
    const { path, attributes } = await fetchTree(input, 'path:x', {
      cacheFolder: '',
      ...testDownloads(),
      lifetime: 0,
      warn: () => undefined,
      onDirty: () => undefined,
    });
    assert.equal(displayBytes(path), join(repository, 'kept'));
    assert.equal(typeof attributes.get('lastModified'), 'bigint');
    await assert.rejects(
      fetchTree(
        new Map([
          ['type', 'path'],
          ['path', 'x'],
        ]),
        'path:x',
        { cacheFolder: '', ...testDownloads(), lifetime: 0, warn: () => undefined, onDirty: () => undefined },
      ),
      /cannot fetch input 'path:x' because it uses a relative path/,
    );
  });
});

function testDownloads() {
  const requireFeature = () => undefined;
  return { download: testStoreContext(), requireFeature, downloads: () => assert.fail('nothing is downloaded') };
}
