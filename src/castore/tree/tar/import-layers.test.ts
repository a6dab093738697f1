import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type TarPiece, TreeRecorder, tarArchive } from '../../../testing/index.ts';
import { CastoreError } from '../../error.ts';
import { MemoryBlobStore } from '../../memory/memory-blob-store.ts';
import { streamTree } from '../stream-tree.ts';
import { type LayersOptions, importLayers } from './import-layers.ts';

const file = (path: string, contents = path): TarPiece => ({ path, contents });
const directory = (path: string): TarPiece => ({ path, type: '5', mode: 0o755 });
const symlink = (path: string, linkPath: string): TarPiece => ({ path, linkPath, type: '2' });
const hardLink = (path: string, linkPath: string): TarPiece => ({ path, linkPath, type: '1' });
const whiteout = (path: string): TarPiece => file(path, '');

/** What layers make, a line each: `d/ d/x="contents" s->target`. */
async function seen(layers: readonly (readonly TarPiece[])[], options?: LayersOptions): Promise<string> {
  const store = new MemoryBlobStore();
  await using batch = store.batch();
  const root = await importLayers(
    layers.map(pieces => [tarArchive(pieces)]),
    batch,
    options,
  );
  await batch.commit();
  const recorder = new TreeRecorder();
  await streamTree(store, root, recorder);
  const path: string[] = [];
  let name = '';
  const lines: string[] = [];
  for (const event of recorder.events) {
    const [, given] = /^entry "(.*)"$/.exec(event) ?? [];
    const [, contents] = /^contents "(.*)"$/.exec(event) ?? [];
    const [, target] = /^symlink "(.*)"$/.exec(event) ?? [];
    const at = [...path, name].slice(1).join('/');
    if (given !== undefined) name = given;
    else if (contents !== undefined) lines.push(`${at}=${contents}`);
    else if (target !== undefined) lines.push(`${at}->${target}`);
    else if (event === 'end of directory') path.pop();
    else if (event === 'directory') {
      if (at !== '') lines.push(`${at}/`);
      path.push(name);
    }
  }
  return lines.join(' ');
}

async function refusal(layers: readonly (readonly TarPiece[])[]): Promise<string> {
  try {
    await seen(layers);
  } catch (error) {
    assert(error instanceof CastoreError, String(error));
    return error.code;
  }
  return assert.fail('not refused');
}

describe('importLayers', () => {
  const cases: readonly { why: string; layers: readonly (readonly TarPiece[])[]; seen: string }[] = [
    { why: 'no layer', layers: [], seen: '' },
    {
      why: 'directories that are merged, and files that take the place of others',
      layers: [
        [file('a/x', '1'), file('a/y', '1'), symlink('s', 'a')],
        [file('a/y', '2'), file('a/z', '2'), file('s', '2')],
      ],
      seen: 'a/ a/x=1 a/y=2 a/z=2 s=2',
    },
    {
      why: 'a file in place of a directory, and a directory in place of a file',
      layers: [
        [file('a/x'), file('b')],
        [file('a'), directory('b')],
      ],
      seen: 'a=a b/',
    },
    {
      why: 'whiteouts of files, directories and symlinks, and of what is not there',
      layers: [
        [file('a'), file('d/x'), symlink('s', 'd'), file('e/x'), file('e/y')],
        [whiteout('.wh.a'), whiteout('.wh.d'), whiteout('.wh.s'), whiteout('e/.wh.x'), whiteout('.wh.none')],
      ],
      seen: 'e/ e/y=e/y',
    },
    {
      why: 'whiteouts that take nothing away of their own layer, wherever they stand',
      layers: [
        [file('d/old'), file('e/old')],
        [file('d/new'), whiteout('.wh.d'), whiteout('.wh.e'), file('e/new'), file('x'), whiteout('.wh.x')],
      ],
      seen: 'd/ d/new=d/new e/ e/new=e/new x=x',
    },
    {
      why: 'opaque directories',
      layers: [
        [file('d/old'), file('e/old'), file('f')],
        [file('d/new'), whiteout('d/.wh..wh..opq')],
        [whiteout('e/.wh..wh..opq')],
      ],
      seen: 'd/ d/new=d/new e/ f=f',
    },
    {
      why: 'an opaque root',
      layers: [[file('a')], [whiteout('.wh..wh..opq'), file('b')]],
      seen: 'b=b',
    },
    {
      why: 'what a layer takes away and the next brings back',
      layers: [[file('d/x', '1'), file('d/y')], [whiteout('.wh.d')], [file('d/x', '3')]],
      seen: 'd/ d/x=3',
    },
    {
      why: 'what aufs keeps for itself, which is left out',
      layers: [[file('a'), directory('.wh..wh.plnk'), file('.wh..wh.plnk/1.2'), whiteout('.wh..wh.aufs')]],
      seen: 'a=a',
    },
    {
      why: 'whiteouts in what is new',
      layers: [[whiteout('d/.wh.x'), whiteout('e/.wh..wh..opq'), file('e/y', '')]],
      seen: 'd/ e/ e/y=',
    },
    {
      why: 'hard links to what is below',
      layers: [[file('d/x', '1')], [hardLink('y', 'd/x'), whiteout('d/.wh.x')]],
      seen: 'd/ y=1',
    },
    {
      why: 'a directory in place of a symlink',
      layers: [
        [file('usr/lib/a'), symlink('lib', 'usr/lib')],
        [directory('lib'), file('lib/b')],
      ],
      seen: 'lib/ lib/b=lib/b usr/ usr/lib/ usr/lib/a=usr/lib/a',
    },
    {
      why: 'a symlink below through which a layer reaches that says nothing of the directory',
      layers: [
        [
          file('usr/lib/a', '1'),
          symlink('lib', '/usr/./lib'),
          symlink('usr/l', '../../../lib/../lib'),
          symlink('out', '/..'),
        ],
        [file('lib/b', '2'), file('usr/l/c', '2'), file('out/d', '2'), whiteout('lib/.wh.a')],
      ],
      seen: 'd=2 lib->/usr/./lib out->/.. usr/ usr/l->../../../lib/../lib usr/lib/ usr/lib/b=2 usr/lib/c=2',
    },
    {
      why: 'symlinks that lead nowhere, or in circles, which give way',
      layers: [
        [symlink('a', 'none'), symlink('b', 'b'), symlink('c', 'f'), file('f')],
        [file('a/x', ''), file('b/x', ''), file('c/x', '')],
      ],
      seen: 'a/ a/x= b/ b/x= c/ c/x= f=f',
    },
  ];
  for (const { why, layers, seen: expected } of cases) {
    test(`shows ${why}`, async () => {
      assert.equal(await seen(layers), expected);
    });
  }

  test('tells of devices, which it leaves out', async () => {
    const specials: string[] = [];
    const pieces = [
      file('a'),
      { path: 'dev/null', type: '3' },
      { path: 'dev/sda', type: '4' },
      { path: 'run/f', type: '6' },
    ];
    const onSpecial = ({ path, kind }: { path: string; kind: string }) => specials.push(`${path}: ${kind}`);
    assert.equal(await seen([pieces], { onSpecial }), 'a=a');
    assert.deepEqual(specials, ['dev/null: character device', 'dev/sda: block device', 'run/f: FIFO']);
  });

  test('refuses what leads out of the root, and whiteouts of no name', async () => {
    for (const path of ['../a', 'a/../../b', '.wh.', '.wh..', 'd/.wh...']) {
      assert.equal(await refusal([[file('a')], [file(path, '')]]), 'archive/bad-path', path);
    }
    assert.equal(await refusal([[hardLink('a', '../etc/shadow')]]), 'archive/bad-path');
    assert.equal(await refusal([[file('x')], [hardLink('a', 'y')]]), 'archive/bad-link');
    assert.equal(await refusal([[symlink('a', '/etc'), file('a/x')]]), 'archive/conflict');
  });
});
