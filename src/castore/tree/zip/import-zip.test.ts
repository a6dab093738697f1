import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../../base/index.ts';
import { TreeRecorder, type ZipPiece, noise, temporaryFolder, zipArchive } from '../../../testing/index.ts';
import { CastoreError, type CastoreErrorCode } from '../../error.ts';
import { MemoryBlobStore } from '../../memory/memory-blob-store.ts';
import type { ArchiveImportOptions } from '../archive-import.ts';
import { DraftDirectory, putDraft } from '../draft-tree.ts';
import { streamTree } from '../stream-tree.ts';
import { importZip, isZip } from './import-zip.ts';

async function imported(archive: Uint8Array, options?: ArchiveImportOptions) {
  using folder = temporaryFolder();
  const path = join(folder.path, 'a.zip');
  writeFileSync(path, archive);
  const store = new MemoryBlobStore();
  await using batch = store.batch();
  const { root, lastModified } = await importZip(path, batch, options);
  await batch.commit();
  const recorder = new TreeRecorder();
  await streamTree(store, root, recorder);
  return { events: recorder.events, lastModified };
}

const tree = async (pieces: readonly ZipPiece[]) => (await imported(zipArchive(pieces))).events;

/** A field behind a header. */
function field(id: number, data: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(id, 0);
  head.writeUInt16LE(data.byteLength, 2);
  return Buffer.concat([head, data]);
}

describe('importZip', () => {
  test('adds files, directories and symlinks as a Unix has them', async () => {
    const text = 'text '.repeat(100);
    const events = await tree([
      { path: 'd/', mode: 0o40755 },
      { path: 'd/run', contents: text, mode: 0o100755 },
      { path: 'd/kept', contents: text, method: 0 },
      { path: 'l', contents: 'd/run', mode: 0o120777 },
      { path: 'implied/x', contents: '' },
    ]);
    assert.deepEqual(events, await expected(text));
  });

  test('knows what others have by the slash at the end, or by attributes of DOS', async () => {
    const events = await tree([
      { path: 'a/', mode: 0, system: 0 },
      { path: 'b', mode: 0x10, system: 0 },
      { path: 'c', mode: 0o100755, system: 0 },
    ]);
    assert.deepEqual(events, await tree([{ path: 'a', mode: 0o40755 }, { path: 'b', mode: 0o40755 }, { path: 'c' }]));
  });

  test('streams what is large', async () => {
    const contents = noise(3 * 1024 * 1024, 1);
    const [large, stored] = [await tree([{ path: 'x', contents }]), await tree([{ path: 'x', contents, method: 0 }])];
    assert.deepEqual(large, stored);
  });

  test('is as old as its newest entry, by the time of Unix if there is one', async () => {
    const time = Buffer.alloc(5);
    time.writeUInt8(1, 0);
    time.writeInt32LE(1_700_000_000, 1);
    const pieces = [{ path: 'a' }, { path: 'b', extra: field(0x5455, time) }];
    assert.equal((await imported(zipArchive(pieces))).lastModified, 1_700_000_000);
    const dosTime = ((40 << 9) | (5 << 5) | 6) * 0x10000 + ((7 << 11) | (8 << 5) | 5);
    const { lastModified } = await imported(zipArchive([{ path: 'a', dosTime }]));
    assert.equal(lastModified, new Date(2020, 4, 6, 7, 8, 10).getTime() / 1000);
    assert.equal((await imported(zipArchive([]))).lastModified, undefined);
  });

  test('finds the directory before a comment, and numbers of 64 bits', async () => {
    const numbers = Buffer.alloc(8);
    numbers.writeBigUInt64LE(3n);
    const archive = zipArchive(
      [{ path: 'a', contents: 'abc', size: 0xffffffff, extra: field(1, numbers) }],
      'PK, not an end',
    );
    assert.deepEqual((await imported(archive)).events, await tree([{ path: 'a', contents: 'abc' }]));
  });

  const refusals: readonly (readonly [what: string, archive: Buffer, code: CastoreErrorCode, message: RegExp])[] = [
    ['what leads out of it', zipArchive([{ path: '../a' }]), 'archive/bad-path', /has the path '\.\.\/a' with '\.\.'/],
    ['what is encrypted', zipArchive([{ path: 'a', flags: 1 }]), 'archive/unsupported', /'a' .* is encrypted/],
    ['other methods', zipArchive([{ path: 'a', method: 12 }]), 'archive/unsupported', /by the method 12/],
    ['devices', zipArchive([{ path: 'a', mode: 0o20644 }]), 'archive/unsupported', /is a special file/],
    [
      'wrong sizes',
      zipArchive([{ path: 'a', contents: 'abc', size: 2 }]),
      'archive/malformed',
      /other contents than 2/,
    ],
    [
      'wrong checksums',
      zipArchive([{ path: 'a', contents: 'abc', crc32: 1 }]),
      'archive/malformed',
      /another checksum/,
    ],
    ['sizes that are missing', zipArchive([{ path: 'a', size: 0xffffffff }]), 'archive/malformed', /no sound sizes/],
    ['no archive', Buffer.from('PK\u0003\u0004 and no more'), 'archive/malformed', /no end of its directory/],
    [
      'half of one',
      zipArchive([{ path: 'a', contents: 'a' }]).subarray(20),
      'archive/malformed',
      /directory is damaged/,
    ],
  ];
  for (const [what, archive, code, message] of refusals) {
    test(`refuses ${what}`, async () => {
      await assert.rejects(imported(archive), (error: unknown) => {
        assert.ok(error instanceof CastoreError, String(error));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  test('refuses contents that are no deflate, and more than is allowed', async () => {
    const archive = zipArchive([{ path: 'a', contents: 'abc'.repeat(100) }]);
    archive.fill(0xff, 31, 40);
    await assert.rejects(imported(archive), /cannot be decompressed/);
    const two = zipArchive([{ path: 'a' }, { path: 'b' }]);
    await assert.rejects(imported(two, { limits: { entries: 1 } }), /beyond the limit of 1 entries/);
  });
});

/** What the first test's tree is, as a tree's events. */
async function expected(text: string): Promise<readonly string[]> {
  const store = new MemoryBlobStore();
  await using batch = store.batch();
  const file = async (contents: string, executable: boolean) => {
    return {
      kind: 'file',
      executable,
      content: { digest: await batch.put(Buffer.from(contents), { executable }) },
    } as const;
  };
  const directory = (entries: Readonly<Record<string, Parameters<typeof putDraft>[1]>>) => {
    const made = new DraftDirectory();
    for (const [name, node] of Object.entries(entries)) made.entries.set(byteStringFromText(name), node);
    return made;
  };
  const root = directory({
    d: directory({ run: await file(text, true), kept: await file(text, false) }),
    implied: directory({ x: await file('', false) }),
    l: { kind: 'symlink', target: byteStringFromText('d/run') },
  });
  const node = await putDraft(batch, root);
  await batch.commit();
  const recorder = new TreeRecorder();
  await streamTree(store, node, recorder);
  return recorder.events;
}

test('isZip tells archives of zip by how they begin', () => {
  for (const pieces of [[], [{ path: 'a' }]]) assert.equal(isZip(zipArchive(pieces)), true);
  for (const text of ['', 'PK', 'PK\u0001\u0002']) assert.equal(isZip(Buffer.from(text)), false);
});
