import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type TreeSink, byteStringFromLatin1, byteStringFromText, errnoOf } from '../../base/index.ts';
import { TreeRecorder, playTree, temporaryFolder, testTrees } from '../../testing/index.ts';
import { CastoreError } from '../error.ts';
import { TreeRestorer } from './restore.ts';
import { walkTreeToEnd } from './walk.ts';

const name = byteStringFromText;

function refusesEvent(play: (sink: TreeSink) => void, code = 'tree/bad-event'): void {
  using folder = temporaryFolder();
  using restorer = new TreeRestorer(join(folder.path, 'out'));
  assert.throws(
    () => play(restorer),
    (error: unknown) => error instanceof CastoreError && error.code === code,
  );
}

describe('TreeRestorer', () => {
  test('makes what a walk then finds', () => {
    using folder = temporaryFolder();
    let count = 0;
    fc.assert(
      fc.property(testTrees, tree => {
        const path = join(folder.path, String(count++));
        playTree(tree, new TreeRestorer(path));
        const [wanted, found] = [new TreeRecorder(), new TreeRecorder()];
        playTree(tree, wanted);
        walkTreeToEnd(path, found);
        assert.deepEqual(found.events, wanted.events);
      }),
      { numRuns: 50 },
    );
  });

  test('gives modes 0644, 0755 and 0755 under the usual umask', () => {
    using folder = temporaryFolder();
    const before = process.umask(0o022);
    try {
      const path = join(folder.path, 'out');
      const restorer = new TreeRestorer(path);
      restorer.startDirectory();
      for (const executable of [false, true]) {
        restorer.entry(name(String(executable)));
        restorer.startFile(executable, 0);
        restorer.endFile();
      }
      restorer.endDirectory();
      const modeOf = (entry: string) => lstatSync(join(path, entry)).mode & 0o7777;
      assert.deepEqual(['false', 'true', '.'].map(modeOf), [0o644, 0o755, 0o755]);
    } finally {
      process.umask(before);
    }
  });

  test('keeps names and targets that are no UTF-8', () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'out');
    const restorer = new TreeRestorer(path);
    restorer.startDirectory();
    restorer.entry(byteStringFromLatin1('\xff\xfe'));
    restorer.symlink(byteStringFromLatin1('\xfd'));
    restorer.endDirectory();
    assert.deepEqual(readdirSync(path, { encoding: 'buffer' }), [Buffer.from([0xff, 0xfe])]);
    const link = Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff, 0xfe])]);
    assert.deepEqual(readlinkSync(link, 'buffer'), Buffer.from([0xfd]));
  });

  for (const [what, make] of [
    ['a file', (path: string) => writeFileSync(path, 'old')],
    ['a directory', (path: string) => mkdirSync(path)],
    ['a symlink', (path: string) => symlinkSync('elsewhere', path)],
  ] as const) {
    test(`overwrites and follows nothing: ${what} is in the way`, () => {
      using folder = temporaryFolder();
      const path = join(folder.path, 'out');
      make(path);
      const plays: ((sink: TreeSink) => void)[] = [
        sink => sink.startDirectory(),
        sink => sink.startFile(true, 0),
        sink => sink.symlink(name('target')),
      ];
      for (const play of plays) {
        using restorer = new TreeRestorer(path);
        assert.throws(
          () => play(restorer),
          (error: unknown) => errnoOf(error) === 'EEXIST',
        );
      }
      assert.deepEqual(readdirSync(folder.path), ['out']);
      if (what === 'a file') assert.equal(readFileSync(path, 'utf8'), 'old');
    });
  }

  for (const bad of ['', '.', '..', 'a/b', '/etc', 'a\0b']) {
    test(`does not leave its root by the name ${JSON.stringify(bad)}`, () => {
      refusesEvent(sink => {
        sink.startDirectory();
        sink.entry(name(bad));
      }, 'directory/bad-name');
    });
  }

  test('refuses events in an order that no tree has', () => {
    refusesEvent(sink => sink.entry(name('a')));
    refusesEvent(sink => sink.endDirectory());
    refusesEvent(sink => sink.endFile());
    refusesEvent(sink => sink.fileData(Buffer.from('x')));
    refusesEvent(sink => {
      sink.startFile(false, 1);
      sink.endFile();
    });
    refusesEvent(sink => {
      sink.startFile(false, 1);
      sink.fileData(Buffer.from('xy'));
    });
    refusesEvent(sink => {
      sink.startFile(false, 0);
      sink.endFile();
      sink.startDirectory();
    });
    refusesEvent(sink => {
      sink.startDirectory();
      sink.startDirectory();
    });
    refusesEvent(sink => {
      sink.startDirectory();
      sink.entry(name('a'));
      sink.entry(name('b'));
    });
    refusesEvent(sink => {
      sink.startDirectory();
      sink.entry(name('a'));
      sink.endDirectory();
    });
  });

  test('closes the file that a failure left open', () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'out');
    const descriptors = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
    const before = descriptors();
    {
      using restorer = new TreeRestorer(path);
      restorer.startFile(false, 10);
    }
    assert.equal(descriptors(), before);
  });
});
