import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { EvalError } from '../../eval/index.ts';
import { temporaryFolder, testStoreContext } from '../../testing/index.ts';
import { updateClone } from './git-clone.ts';

function makeRig() {
  const folder = temporaryFolder();
  const repository = join(folder.path, 'repository');
  const warnings: string[] = [];
  const git = (...args: string[]) => {
    const identity = ['-c', 'user.name=n', '-c', 'user.email=e', '-c', 'init.defaultBranch=main'];
    const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' };
    return execFileSync('git', [...identity, '-C', repository, ...args], { env, encoding: 'utf8' }).trim();
  };
  mkdirSync(repository);
  git('init', '-q');
  const commit = (text: string): string => {
    writeFileSync(join(repository, 'file'), text);
    git('add', '.');
    git('commit', '-q', '-m', text);
    return git('rev-parse', 'HEAD');
  };
  const context = (lifetime: number) => ({
    cacheFolder: join(folder.path, 'cache'),
    ...testDownloads(),
    lifetime,
    warn: (message: string) => void warnings.push(message),
    onDirty: () => assert.fail('a clone is never dirty'),
  });
  return {
    repository,
    warnings,
    commit,
    /** Clones with what counts as new for so many seconds, and tells which commit is there. */
    update: async (input: Readonly<Record<string, string>>, lifetime: number): Promise<string> => {
      const attributes = new Map(Object.entries(input));
      const { git: clone, ref, rev } = await updateClone(`file://${repository}`, attributes, context(lifetime));
      return execFileSync('git', ['-C', clone.folder, 'rev-parse', rev ?? ref], { encoding: 'utf8' }).trim();
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe('clones of repositories elsewhere', () => {
  test('are updated once they are old', async () => {
    using rig = makeRig();
    const first = rig.commit('one');
    assert.equal(await rig.update({}, 3600), first);
    const second = rig.commit('two');
    assert.equal(await rig.update({}, 3600), first);
    assert.equal(await rig.update({}, 0), second);
    assert.deepEqual(rig.warnings, []);
  });

  test('have commits that are asked for', async () => {
    using rig = makeRig();
    const first = rig.commit('one');
    assert.equal(await rig.update({ ref: 'main' }, 3600), first);
    const second = rig.commit('two');
    assert.equal(await rig.update({ rev: second }, 3600), second);
    await assert.rejects(
      rig.update({ rev: 'a'.repeat(40), ref: 'main' }, 3600),
      (error: unknown) => error instanceof EvalError && /Cannot find Git revision/.test(error.message),
    );
  });

  test('do where the repository cannot be reached', async () => {
    using rig = makeRig();
    const first = rig.commit('one');
    assert.equal(await rig.update({}, 0), first);
    rmSync(rig.repository, { recursive: true });
    assert.equal(await rig.update({}, 0), first);
    assert.match(rig.warnings.at(-1) ?? '', /could not update local clone .*; continuing with the most recent version/);
    await assert.rejects(
      rig.update({ ref: 'other' }, 0),
      (error: unknown) => error instanceof EvalError && /Failed to fetch git repository/.test(error.message),
    );
  });
});

function testDownloads() {
  const requireFeature = () => undefined;
  return { download: testStoreContext(), requireFeature, downloads: () => assert.fail('nothing is downloaded') };
}
