import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { NarWriter } from '../../../nix-compat/index.ts';
import {
  TreeRecorder,
  type TarPiece,
  noise,
  paxRecord,
  readVectors,
  tarArchive,
  tarPiece,
} from '../../../testing/index.ts';
import { CastoreError, type CastoreErrorCode } from '../../error.ts';
import { MemoryBlobStore } from '../../memory/memory-blob-store.ts';
import { streamTree } from '../stream-tree.ts';
import type { ImportedArchive, ArchiveImportOptions } from '../archive-import.ts';
import { importTar } from './import-tar.ts';

function* inPieces(bytes: Uint8Array, size: number): Generator<Uint8Array, void> {
  const memory = new Uint8Array(size);
  for (let at = 0; at < bytes.byteLength; at += size) {
    const piece = bytes.subarray(at, at + size);
    memory.set(piece);
    yield memory.subarray(0, piece.byteLength);
    memory.fill(0xff);
  }
}

async function imported(archive: Uint8Array, options?: ArchiveImportOptions, pieceSize = 65_536) {
  const store = new MemoryBlobStore();
  await using batch = store.batch();
  const result: ImportedArchive = await importTar(inPieces(archive, pieceSize), batch, options);
  await batch.commit();
  return { store, ...result };
}

async function narHash(archive: Uint8Array, options?: ArchiveImportOptions): Promise<string> {
  const { store, root } = await imported(archive, options);
  const hash = createHash('sha256');
  await streamTree(store, root, new NarWriter(chunk => hash.update(chunk)));
  return hash.digest('hex');
}

/** The tree's events, one line each. */
async function events(pieces: readonly TarPiece[], options?: ArchiveImportOptions): Promise<readonly string[]> {
  const { store, root } = await imported(tarArchive(pieces), options);
  const recorder = new TreeRecorder();
  await streamTree(store, root, recorder);
  return recorder.events;
}

async function refusal(archive: Uint8Array, options?: ArchiveImportOptions): Promise<CastoreError> {
  try {
    await imported(archive, options);
  } catch (error) {
    assert(error instanceof CastoreError, String(error));
    return error;
  }
  return assert.fail('not refused');
}

const file = (path: string, contents = path, more: TarPiece = {}): TarPiece => ({ path, contents, ...more });
const directory = (path: string): TarPiece => ({ path, type: '5', mode: 0o755 });
const symlink = (path: string, linkPath: string): TarPiece => ({ path, linkPath, type: '2' });
const hardLink = (path: string, linkPath: string): TarPiece => ({ path, linkPath, type: '1' });

describe('importTar', () => {
  type Vector = { name: string; gzip: string; stripComponents?: number } & (
    | { nar: string; lastModified?: number }
    | { refused: CastoreErrorCode; why: string }
  );
  for (const vector of readVectors('tar/archives.json') as Vector[]) {
    const archive = gunzipSync(Buffer.from(vector.gzip, 'base64'));
    const options = { stripComponents: vector.stripComponents ?? 0 };
    test(`reads, or refuses, ${vector.name}`, async () => {
      if ('nar' in vector) {
        assert.equal(await narHash(archive, options), vector.nar);
        if (vector.lastModified !== undefined)
          assert.equal((await imported(archive)).lastModified, vector.lastModified);
      } else {
        const { code, message } = await refusal(archive, options);
        assert.equal(code, vector.refused);
        assert(message.includes(vector.why), message);
      }
    });
  }

  test('reads the same whatever the pieces', async () => {
    const small = tarArchive([
      file('a', 'contents'),
      { type: 'L', contents: 'long\0' },
      file('b', noise(700, 1).toString('latin1')),
    ]);
    const large = tarArchive([file('a', noise(600_000, 1).toString('latin1')), directory('d'), file('d/zero', '')]);
    for (const [archive, sizes] of [
      [small, [1, 511, 512, 513]],
      [large, [1000, 100_000, 10_000_000]],
    ] as const) {
      const roots = await Promise.all(sizes.map(async size => (await imported(archive, {}, size)).root));
      for (const root of roots) assert.deepEqual(root, roots[0]);
    }
  });

  test('takes the last of entries with one path, and merges directories', async () => {
    const pieces = [
      file('a', 'first'),
      directory('d'),
      file('d/x'),
      symlink('a', 'x'),
      directory('d'),
      file('d/y'),
      file('a', 'last'),
      symlink('e', 'x'),
      directory('e'),
      directory('f'),
      file('f', 'f'),
    ];
    assert.deepEqual(await events(pieces), [
      'directory',
      'entry "a"',
      'file of 4',
      'contents "last"',
      'entry "d"',
      'directory',
      'entry "x"',
      'file of 3',
      'contents "d/x"',
      'entry "y"',
      'file of 3',
      'contents "d/y"',
      'end of directory',
      'entry "e"',
      'directory',
      'end of directory',
      'entry "f"',
      'file of 1',
      'contents "f"',
      'end of directory',
    ]);
  });

  test('makes directories that the archive does not mention; passes over slashes and dots', async () => {
    const expected = await events([directory('a'), directory('a/b'), file('a/b/c', 'x')]);
    for (const path of ['a/b/c', '/a/b/c', './a//b/./c', '//a/b/c', 'a/./b/c'])
      assert.deepEqual(await events([file(path, 'x')]), expected);
    assert.deepEqual(await events([directory('./'), directory('/'), directory('.'), { ...directory(''), path: '' }]), [
      'directory',
      'end of directory',
    ]);
    assert.deepEqual(await events([]), ['directory', 'end of directory']);
  });

  test('takes from the mode whether the owner may execute', async () => {
    for (const [mode, executable] of [
      [0o755, true],
      [0o100, true],
      [0o4711, true],
      [0o644, false],
      [0o011, false],
    ] as const) {
      assert.equal((await events([file('a', '', { mode })]))[2], executable ? 'executable of 0' : 'file of 0');
    }
  });

  test('follows hard links to what stands before', async () => {
    const pieces = [
      file('d/a', 'x', { mode: 0o755 }),
      hardLink('b', 'd/a'),
      hardLink('c', './b'),
      file('d/a', 'new'),
      symlink('s', 't'),
      hardLink('u', '/s'),
      hardLink('b', 'b'),
    ];
    assert.deepEqual(await events(pieces), [
      'directory',
      'entry "b"',
      'executable of 1',
      'contents "x"',
      'entry "c"',
      'executable of 1',
      'contents "x"',
      'entry "d"',
      'directory',
      'entry "a"',
      'file of 3',
      'contents "new"',
      'end of directory',
      'entry "s"',
      'symlink "t"',
      'entry "u"',
      'symlink "t"',
      'end of directory',
    ]);
  });

  test('takes no contents after what is no file, whatever size is said', async () => {
    const expected = await events([file('a', ''), hardLink('b', 'a'), directory('d'), symlink('s', 't')]);
    assert.deepEqual(
      await events([
        file('a', ''),
        { ...hardLink('b', 'a'), size: 7 },
        { ...directory('d'), size: 9 },
        { ...symlink('s', 't'), size: 1 },
      ]),
      expected,
    );
  });

  test('reads directories, contiguous files and types of the oldest format', async () => {
    assert.deepEqual(
      await events([
        { ...file('d/'), type: '\0', contents: '', magic: '' },
        { ...file('f', 'x'), type: '\0', magic: '' },
        { ...file('g', 'y'), type: '7' },
      ]),
      [
        'directory',
        'entry "d"',
        'directory',
        'end of directory',
        'entry "f"',
        'file of 1',
        'contents "x"',
        'entry "g"',
        'file of 1',
        'contents "y"',
        'end of directory',
      ],
    );
  });

  test('joins the prefix of POSIX, and no other', async () => {
    assert.equal((await events([file('b', '', { prefix: 'a' })]))[1], 'entry "a"');
    assert.equal((await events([file('b', '', { prefix: 'a', magic: 'ustar  \0' })]))[1], 'entry "b"');
  });

  test('takes long names and pax records for the next entry alone, the latter before all', async () => {
    const long = 'l'.repeat(300);
    const pax = (...records: [string, string][]): TarPiece => ({
      type: 'x',
      contents: records.map(([key, value]) => paxRecord(key, value)).join(''),
    });
    assert.deepEqual(await events([{ type: 'L', contents: `${long}\0` }, file('a', ''), file('b', '')]), [
      'directory',
      'entry "b"',
      'file of 0',
      'contents ""',
      `entry "${long}"`,
      'file of 0',
      'contents ""',
      'end of directory',
    ]);
    assert.deepEqual(await events([{ type: 'K', contents: `${long}\0` }, symlink('a', 'b')]), [
      'directory',
      'entry "a"',
      `symlink "${long}"`,
      'end of directory',
    ]);
    assert.deepEqual(
      (await events([{ type: 'L', contents: 'gnu\0' }, pax(['path', 'pax']), file('a', '')]))[1],
      'entry "pax"',
    );
    assert.deepEqual((await events([pax(['path', 'x'], ['path', '']), file('a', '')]))[1], 'entry "a"');
    assert.deepEqual((await events([pax(['linkpath', 'x\ny=z']), symlink('a', 'b')]))[2], 'symlink "x\\ny=z"');
    assert.deepEqual(
      (await events([pax(['size', '3'], ['comment', 'x']), file('a', 'abc', { size: 0 })]))[3],
      'contents "abc"',
    );
    assert.deepEqual((await events([{ ...pax(['path', 'global']), type: 'g' }, file('a', '')]))[1], 'entry "global"');
    assert.deepEqual(
      (await events([{ ...pax(['path', 'global']), type: 'g' }, pax(['path', 'own']), file('a', '')]))[1],
      'entry "own"',
    );
    assert.equal((await imported(tarArchive([pax(['mtime', '1234.9']), file('a')]))).lastModified, 1234);
    assert.equal((await imported(tarArchive([]))).lastModified, undefined);
  });

  test('reads sizes in binary', async () => {
    const size = Buffer.from('800000000000000000000003', 'hex');
    assert.equal((await events([file('a', 'abc', { size })]))[3], 'contents "abc"');
  });

  test('strips leading components', async () => {
    const pieces = [
      directory('top'),
      file('top/a', ''),
      file('b', ''),
      hardLink('top/c', 'top/a'),
      symlink('top/s', 'top/a'),
      directory('top/d/e'),
    ];
    assert.deepEqual(await events(pieces, { stripComponents: 1 }), [
      'directory',
      'entry "a"',
      'file of 0',
      'contents ""',
      'entry "c"',
      'file of 0',
      'contents ""',
      'entry "d"',
      'directory',
      'entry "e"',
      'directory',
      'end of directory',
      'end of directory',
      'entry "s"',
      'symlink "top/a"',
      'end of directory',
    ]);
    assert.deepEqual(await events(pieces, { stripComponents: 5 }), ['directory', 'end of directory']);
  });

  test('keeps only files', async () => {
    const pieces = [
      directory('empty'),
      file('d/a', ''),
      symlink('s', 'd/a'),
      { path: 'null', type: '3' },
      { path: 'fifo', type: '6' },
    ];
    assert.deepEqual(await events(pieces, { onlyFiles: true }), [
      'directory',
      'entry "d"',
      'directory',
      'entry "a"',
      'file of 0',
      'contents ""',
      'end of directory',
      'end of directory',
    ]);
  });

  test('reads nothing past the end, and tells the source', async () => {
    let closed = false;
    const source = async function* () {
      try {
        yield* inPieces(tarArchive([file('a')]), 512);
        yield await Promise.resolve(Buffer.alloc(512, 'garbage'));
        assert.fail('read past the end');
      } finally {
        closed = true;
      }
    };
    await using batch = new MemoryBlobStore().batch();
    await importTar(source(), batch);
    assert(closed);
  });

  test('passes on what the source throws, and its signal', async () => {
    const failure = new Error('the source broke');
    const source = function* () {
      yield tarPiece(file('a'));
      throw failure;
    };
    await using batch = new MemoryBlobStore().batch();
    await assert.rejects(() => importTar(source(), batch), failure);
    const reason = new Error('no longer wanted');
    await assert.rejects(
      () => importTar([tarArchive([file('a')])], batch, { signal: AbortSignal.abort(reason) }),
      reason,
    );
  });
});
