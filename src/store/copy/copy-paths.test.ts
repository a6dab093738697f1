import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeStorePathFromCA, parseStoreDir } from '../../nix-compat/index.ts';
import { MemoryStore, recordReports, testPath } from '../../testing/index.ts';
import { StoreError } from '../error.ts';
import { copyPaths } from './copy-paths.ts';
import { describeCopy } from './describe-copy.ts';

function threePaths(): { from: MemoryStore; to: MemoryStore; a: Path; b: Path; c: Path } {
  const from = new MemoryStore({ uri: 'memory://from' });
  const to = new MemoryStore({ uri: 'memory://to' });
  const a = from.put('a');
  const b = from.put('b', [a]);
  const c = from.put('c', [b]);
  return { from, to, a, b, c };
}

type Path = ReturnType<typeof testPath>;

function hasCode(code: string): (error: unknown) => boolean {
  return error => error instanceof StoreError && error.code === code;
}

describe('copyPaths', () => {
  test('copies a closure, and again only what is missing', async () => {
    const { from, to, a, b, c } = threePaths();
    const { paths } = await copyPaths(from, to, [b], { closure: true });
    assert.deepEqual([...to.infos.keys()].toSorted(), [a, b].toSorted());
    assert.deepEqual(
      [...paths],
      [b, a].map(path => [path, path]),
    );
    assert.deepEqual(to.contents.get(a), from.contents.get(a));
    await copyPaths(from, to, [c], { closure: true });
    assert.deepEqual(from.streamed.toSorted(), [a, b, c].toSorted());
  });

  test('copies the paths alone where no closure is asked for', async () => {
    const { from, to, a, b } = threePaths();
    await assert.rejects(copyPaths(from, to, [b]), hasCode('path/missing-reference'));
    await copyPaths(from, to, [a]);
    await copyPaths(from, to, [b]);
    assert.equal(to.infos.size, 2);
  });

  test('refuses what the source does not have', async () => {
    const { from, to } = threePaths();
    const gap = from.put('gap', [testPath('absent')]);
    for (const [path, closure] of [
      [testPath('absent'), false],
      [gap, true],
    ] as const) {
      await assert.rejects(copyPaths(from, to, [path], { closure }), (error: unknown) => {
        assert.ok(error instanceof StoreError && error.code === 'path/invalid');
        assert.equal(error.message, `path '/nix/store/${testPath('absent')}' is not valid`);
        return true;
      });
    }
    assert.equal(to.infos.size, 0);
  });

  test('takes nothing for built in the destination', async () => {
    const { from, to } = threePaths();
    const path = from.put('built', [], { ultimate: true, registrationTime: 7 });
    await copyPaths(from, to, [path]);
    assert.equal(to.infos.get(path)?.ultimate, false);
    assert.equal(to.infos.get(path)?.registrationTime, 7);
  });

  test('names what is addressed by its content anew for another store directory', async () => {
    const from = new MemoryStore();
    const to = new MemoryStore({ storeDir: parseStoreDir('/elsewhere/store') });
    const plain = from.put('plain');
    const hash = from.infos.get(plain)?.narHash;
    assert.ok(hash !== undefined);
    const contentAddress = { method: 'nar', hash } as const;
    const source = makeStorePathFromCA(from.storeDir, 'plain', contentAddress);
    from.put('plain', [], { path: source, contentAddress });
    const expected = makeStorePathFromCA(to.storeDir, 'plain', contentAddress);
    const { paths } = await copyPaths(from, to, [source]);
    assert.deepEqual([...paths], [[source, expected]]);
    assert.deepEqual([...to.infos.keys()], [expected]);
  });

  test('goes on after a failure if that is wanted, and reports it', async () => {
    const { from, to, a, b, c } = threePaths();
    const other = from.put('other');
    from.streamErrors.set(b, new Error('it broke off'));
    const { reporter, reports } = recordReports();
    const { failures } = await copyPaths(from, to, [c, other], { closure: true, keepGoing: true, reporter });
    assert.deepEqual([...to.infos.keys()].toSorted(), [a, other].toSorted());
    assert.deepEqual(new Set(failures.map(({ path }) => path)), new Set([b, c]));
    const logged = reports.flatMap(report => (report.kind === 'log' ? [report.text] : []));
    assert.ok(logged.includes(`could not copy /nix/store/${b}: error: it broke off`), logged.join('\n'));
    await assert.rejects(copyPaths(from, to, [c], { closure: true }), /it broke off/);
  });

  test('copies anew what is to be repaired', async () => {
    const { from, to, a } = threePaths();
    await copyPaths(from, to, [a]);
    to.contents.set(a, Buffer.from('damaged'));
    await copyPaths(from, to, [a]);
    assert.deepEqual(to.contents.get(a), Buffer.from('damaged'));
    await copyPaths(from, to, [a], { repair: true });
    assert.deepEqual(to.contents.get(a), from.contents.get(a));
  });

  test('reports what it does', async () => {
    const { from, to, a } = threePaths();
    const { reporter, reports } = recordReports();
    await copyPaths(from, to, [a], { reporter });
    const starts = reports.flatMap(report =>
      report.kind === 'start' ? [[report.type, report.level, report.text, report.parent, ...report.fields]] : [],
    );
    const printed = `/nix/store/${a}`;
    const size = from.infos.get(a)?.narSize ?? 0;
    assert.deepEqual(starts, [
      ['copyPaths', 'info', 'copying 1 paths', undefined],
      [
        'copyPath',
        'info',
        `copying path '${printed}' from 'memory://from' to 'memory://to'`,
        0,
        printed,
        'memory://from',
        'memory://to',
      ],
    ]);
    const results = reports.flatMap(report => (report.kind === 'result' ? [[report.id, report.result]] : []));
    const progress = (done: number, expected: number, running = 0) =>
      ({ type: 'progress', done, expected, running, failed: 0 }) as const;
    assert.deepEqual(results, [
      [0, { type: 'setExpected', of: 'copyPath', expected: size }],
      [0, progress(0, 1, 1)],
      [1, progress(1, size)],
      [1, progress(size, size)],
      [0, progress(0, 1, 0)],
      [0, progress(1, 1, 0)],
      [0, progress(1, 1, 0)],
    ]);
  });

  test('says nothing of stores that are not far', () => {
    const path = '/nix/store/x';
    assert.equal(describeCopy(path, 'local', 'file:///c'), `copying path '${path}' to 'file:///c'`);
    assert.equal(describeCopy(path, 'https://c', 'local://?root=/r'), `copying path '${path}' from 'https://c'`);
    assert.equal(describeCopy(path, 'daemon', 'local'), `copying path '${path}' to 'local'`);
    assert.equal(
      describeCopy(path, 'locality://', 'file:///c'),
      `copying path '${path}' from 'locality://' to 'file:///c'`,
    );
  });
});
