import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeTree } from '../../src/castore/index.ts';
import { noise, temporaryFolder } from '../../src/testing/index.ts';
import { Peer, unlessInstalled } from './peer.ts';
import { ServedFirn } from './served-firn.ts';

const just = Peer.find('justbuild');

const targets = {
  hello: {
    type: 'generic',
    cmds: ['cat input > hello.txt', 'echo made >> hello.txt'],
    outs: ['hello.txt'],
    deps: ['input'],
  },
  tree: {
    type: 'generic',
    cmds: ['mkdir -p dir/sub', 'echo a > dir/a', 'ln -s a dir/link', 'echo b > dir/sub/b', 'chmod 755 dir/sub/b'],
    out_dirs: ['dir'],
  },
  fails: { type: 'generic', cmds: ['echo this is why it fails >&2; exit 3'], outs: ['never'] },
};

describe('just', { skip: unlessInstalled(['justbuild', just]) }, () => {
  let firn: ServedFirn;
  let folder: ReturnType<typeof temporaryFolder>;
  let serial = 0;

  before(async () => {
    folder = temporaryFolder();
    mkdirSync(join(folder.path, 'workspace'));
    writeFileSync(join(folder.path, 'workspace/ROOT'), '');
    writeFileSync(join(folder.path, 'workspace/TARGETS'), JSON.stringify(targets));
    writeFileSync(join(folder.path, 'workspace/input'), 'input\n');
    firn = await ServedFirn.start();
  });

  after(async () => {
    await firn?.[Symbol.asyncDispose]();
    if (folder === undefined) return;
    // What it stores is read-only.
    removeTree(folder.path);
  });

  /** With a build root of its own each time, so that only the server remembers. */
  async function run(command: string, args: readonly string[], flags: readonly string[]) {
    const root = join(folder.path, `root${serial++}`);
    const common = ['--local-build-root', root, '-r', firn.grpc, '--plain-log', ...flags];
    const result = await just?.run([command, ...common, ...args]);
    assert.ok(result !== undefined);
    return result;
  }

  for (const [mode, flags] of [
    ['native', []],
    ['--compatible', ['--compatible']],
  ] as const) {
    test(`${mode}: builds there, once, and installs`, async () => {
      for (const isFirst of [true, false]) {
        const out = join(folder.path, `out${serial++}`);
        const workspace = ['-w', join(folder.path, 'workspace'), '-o', out];
        const hello = await run('install', [...workspace, 'hello'], flags);
        assert.equal(hello.status, 0, hello.output);
        assert.match(hello.output, isFirst ? /1 actions, 0 cache hits/ : /1 actions, 1 cache hits/);
        assert.equal(readFileSync(join(out, 'hello.txt'), 'utf8'), 'input\nmade\n');
        const tree = await run('install', [...workspace, 'tree'], flags);
        assert.equal(tree.status, 0, tree.output);
        assert.match(tree.output, isFirst ? /1 actions, 0 cache hits/ : /1 actions, 1 cache hits/);
        assert.equal(readFileSync(join(out, 'dir/sub/b'), 'utf8'), 'b\n');
        assert.equal(statSync(join(out, 'dir/sub/b')).mode & 0o111, 0o111);
        assert.equal(readlinkSync(join(out, 'dir/link')), 'a');
      }
    });

    test(`${mode}: shows why an action fails`, async () => {
      const { status, output } = await run('build', ['-w', join(folder.path, 'workspace'), 'fails'], flags);
      assert.equal(status, 1, output);
      assert.match(output, /this is why it fails/);
    });

    test(`${mode}: adds a file and gets it back`, async () => {
      const file = join(folder.path, `file${serial++}`);
      writeFileSync(file, noise(300_000, 5));
      const added = await run('add-to-cas', [file], flags);
      assert.equal(added.status, 0, added.output);
      const [hash] = /^[0-9a-f]{40,64}$/m.exec(added.output) ?? [];
      const out = `${file}-back`;
      const got = await run('install-cas', ['-o', out, `${hash}:300000:f`], flags);
      assert.equal(got.status, 0, got.output);
      assert.deepEqual(readFileSync(out), noise(300_000, 5));
    });
  }

  test('native: adds a folder and gets it back', async () => {
    const source = join(folder.path, 'source');
    mkdirSync(join(source, 'sub'), { recursive: true });
    writeFileSync(join(source, 'sub/x'), 'x\n');
    symlinkSync('sub/x', join(source, 'link'));
    const added = await run('add-to-cas', [source], []);
    assert.equal(added.status, 0, added.output);
    const [hash] = /^[0-9a-f]{40}$/m.exec(added.output) ?? [];
    const out = join(folder.path, 'folder-back');
    const got = await run('install-cas', ['-o', out, `${hash}::t`], []);
    assert.equal(got.status, 0, got.output);
    assert.equal(readFileSync(join(out, 'sub/x'), 'utf8'), 'x\n');
    assert.equal(readlinkSync(join(out, 'link')), 'sub/x');
  });
});
