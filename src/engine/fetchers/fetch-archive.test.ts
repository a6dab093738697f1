import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { displayBytes } from '../../base/index.ts';
import { EvalError } from '../../eval/index.ts';
import { temporaryFolder, testStoreContext } from '../../testing/index.ts';
import { fetchArchive } from './fetch-archive.ts';

function makeRig() {
  const folder = temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  mkdirSync(at('in', 'wrapper'), { recursive: true });
  const context = {
    cacheFolder: at('cache'),
    lifetime: 3600,
    download: testStoreContext(),
    downloads: () => at('downloads'),
    warn: (message: string) => assert.fail(message),
    requireFeature: () => assert.fail('archives take no feature'),
    onDirty: () => assert.fail('an archive is never dirty'),
  };
  return {
    at,
    fetch: (name: string) => fetchArchive(`file://${at(name)}`, new Map([['type', 'tarball']]), context),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

describe('archives', () => {
  test('are what is in their one folder, as old as the newest of it', async () => {
    using rig = makeRig();
    writeFileSync(rig.at('in', 'wrapper', 'file'), 'text');
    for (const path of [rig.at('in', 'wrapper', 'file'), rig.at('in', 'wrapper')]) utimesSync(path, 1000, 1000);
    execFileSync('tar', ['-C', rig.at('in'), '-czf', rig.at('a.tar.gz'), 'wrapper']);
    const { path, attributes } = await rig.fetch('a.tar.gz');
    assert.equal(readFileSync(join(displayBytes(path), 'file'), 'utf8'), 'text');
    assert.equal(attributes.get('lastModified'), 1000n);
  });

  test('of this machine are read each time', async () => {
    using rig = makeRig();
    for (const text of ['one', 'two']) {
      writeFileSync(rig.at('in', 'a'), text);
      writeFileSync(rig.at('in', 'b'), text);
      execFileSync('tar', ['-C', rig.at('in'), '-cf', rig.at('a.tar'), 'a', 'b']);
      const { path } = await rig.fetch('a.tar');
      assert.deepEqual(readdirSync(displayBytes(path)).toSorted(), ['a', 'b']);
      assert.equal(readFileSync(join(displayBytes(path), 'a'), 'utf8'), text);
    }
  });

  test('that are none are refused', async () => {
    using rig = makeRig();
    const refuses = (name: string, message: RegExp) =>
      assert.rejects(rig.fetch(name), (error: unknown) => error instanceof EvalError && message.test(error.message));
    await refuses('none.tar', /tarball ".*\/none\.tar" does not exist\./);
    await refuses('in', /tarball ".*\/in" is a directory, not a file\./);
    mkdirSync(rig.at('in', '.git'));
    await refuses('in', /is a git repository, not a tarball\. Please use `git\+file` as the scheme\./);
  });
});
