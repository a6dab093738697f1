import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type TarPiece, paxRecord, tarArchive, tarPiece } from '../../../testing/index.ts';
import { CastoreError, type CastoreErrorCode } from '../../error.ts';
import { MemoryBlobStore } from '../../memory/memory-blob-store.ts';
import type { ArchiveImportOptions } from '../archive-import.ts';
import { importTar } from './import-tar.ts';

async function importInto(archive: Uint8Array, options?: ArchiveImportOptions): Promise<void> {
  await using batch = new MemoryBlobStore().batch();
  await importTar([archive], batch, options);
}

async function refusal(archive: Uint8Array, options?: ArchiveImportOptions): Promise<CastoreError> {
  try {
    await importInto(archive, options);
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
  const pax = (contents: string): readonly TarPiece[] => [{ type: 'x', contents }, file('a')];
  const refused: readonly {
    why: string;
    pieces: readonly TarPiece[];
    code: CastoreErrorCode;
    message: RegExp;
    offset?: number;
    options?: ArchiveImportOptions;
  }[] = [
    {
      why: 'a path that leads out',
      pieces: [file('x'), file('../a')],
      code: 'archive/bad-path',
      message: /'..\/a'/,
      offset: 1024,
    },
    {
      why: 'a path that leads out in its middle',
      pieces: [file('a/../../b')],
      code: 'archive/bad-path',
      message: /\.\./,
    },
    { why: 'a path with .. that stays within', pieces: [file('a/../b')], code: 'archive/bad-path', message: /\.\./ },
    {
      why: 'a long path that leads out',
      pieces: [{ type: 'L', contents: '../a\0' }, file('a')],
      code: 'archive/bad-path',
      message: /\.\./,
      offset: 1024,
    },
    { why: 'a hard link that leads out', pieces: [hardLink('a', '../b')], code: 'archive/bad-path', message: /\.\./ },
    {
      why: 'a file through a symlink',
      pieces: [symlink('a', '/etc'), file('a/b')],
      code: 'archive/conflict',
      message: /'a\/b'.*below 'a', which is a symlink/,
    },
    {
      why: 'a directory through a symlink',
      pieces: [symlink('a', '/etc'), directory('a/b/')],
      code: 'archive/conflict',
      message: /below 'a', which is a symlink/,
    },
    {
      why: 'a hard link through a symlink',
      pieces: [symlink('a', 'd'), file('d/b'), hardLink('c', 'a/b')],
      code: 'archive/bad-link',
      message: /'c'.*'a\/b'/,
    },
    {
      why: 'a file below a file',
      pieces: [file('a'), file('a/b')],
      code: 'archive/conflict',
      message: /below 'a', which is a file/,
    },
    {
      why: 'a file in place of a directory that has entries',
      pieces: [file('a/b'), file('a')],
      code: 'archive/conflict',
      message: /'a'.*in place/,
    },
    { why: 'a file without a name', pieces: [file('.')], code: 'archive/bad-path', message: /./, options: {} },
    {
      why: 'a symlink without a name',
      pieces: [symlink('/', 'a')],
      code: 'archive/bad-path',
      message: /without a name/,
    },
    {
      why: 'a symlink to nothing',
      pieces: [symlink('a', '')],
      code: 'directory/bad-symlink',
      message: /empty/,
      offset: 0,
    },
    {
      why: 'a hard link to what comes after',
      pieces: [hardLink('a', 'b'), file('b')],
      code: 'archive/bad-link',
      message: /'a'.*'b'/,
    },
    {
      why: 'a hard link to a directory',
      pieces: [directory('b'), hardLink('a', 'b')],
      code: 'archive/bad-link',
      message: /'a'/,
    },
    {
      why: 'a hard link to what was stripped',
      pieces: [file('b'), hardLink('top/a', 'b')],
      code: 'archive/bad-link',
      message: /'b'/,
      options: { stripComponents: 1 },
    },
    {
      why: 'a character device',
      pieces: [{ path: 'dev/null', type: '3' }],
      code: 'archive/unsupported',
      message: /'dev\/null'.*character device/,
    },
    {
      why: 'a block device',
      pieces: [{ path: 'dev/sda', type: '4' }],
      code: 'archive/unsupported',
      message: /'dev\/sda'.*block device/,
    },
    { why: 'a FIFO', pieces: [{ path: 'fifo', type: '6' }], code: 'archive/unsupported', message: /'fifo'.*FIFO/ },
    { why: 'a sparse file', pieces: [{ path: 'a', type: 'S' }], code: 'archive/unsupported', message: /'a'.*sparse/ },
    {
      why: 'a sparse file in pax',
      pieces: [...pax(paxRecord('GNU.sparse.major', '1'))],
      code: 'archive/unsupported',
      message: /sparse/,
    },
    {
      why: 'a volume of several',
      pieces: [{ path: 'a', type: 'M' }],
      code: 'archive/unsupported',
      message: /type 'M'/,
    },
    { why: 'an unknown type', pieces: [{ path: 'a', type: '\x07' }], code: 'archive/unsupported', message: /\\x07/ },
    {
      why: 'a wrong checksum',
      pieces: [file('x'), file('a', 'a', { checksum: 1 })],
      code: 'archive/malformed',
      message: /checksum/,
      offset: 1024 + 148,
    },
    {
      why: 'a size that is none',
      pieces: [file('a', 'a', { size: Buffer.from('12345678901z') })],
      code: 'archive/malformed',
      message: /size/,
      offset: 124,
    },
    {
      why: 'a size beyond 2^53',
      pieces: [file('a', 'a', { size: Buffer.from('800000000080000000000000', 'hex') })],
      code: 'archive/malformed',
      message: /size/,
    },
    {
      why: 'a negative size',
      pieces: [file('a', 'a', { size: Buffer.from('ffffffffffffffffffffff00', 'hex') })],
      code: 'archive/malformed',
      message: /negative/,
    },
    {
      why: 'binary of an unknown form',
      pieces: [file('a', 'a', { size: Buffer.from('900000000000000000000000', 'hex') })],
      code: 'archive/malformed',
      message: /size/,
    },
    {
      why: 'a pax record without a length',
      pieces: pax('path=a\n'),
      code: 'archive/malformed',
      message: /record/,
      offset: 512,
    },
    { why: 'a pax record that is too long', pieces: pax('99 path=a\n'), code: 'archive/malformed', message: /record/ },
    { why: 'a pax record that is too short', pieces: pax('5 path=a\n'), code: 'archive/malformed', message: /record/ },
    { why: 'a pax record of length 0', pieces: pax('0 path=a\n'), code: 'archive/malformed', message: /record/ },
    { why: 'a pax record without a value', pieces: pax('7 path\n'), code: 'archive/malformed', message: /record/ },
    {
      why: 'a second pax record that is none',
      pieces: pax(`${paxRecord('path', 'x')}???`),
      code: 'archive/malformed',
      message: /record/,
      offset: 512 + 9,
    },
    { why: 'a NUL in a pax path', pieces: pax(paxRecord('path', 'a\0b')), code: 'archive/malformed', message: /NUL/ },
    {
      why: 'a pax size that is none',
      pieces: pax(paxRecord('size', '1x')),
      code: 'archive/malformed',
      message: /size '1x'/,
    },
    {
      why: 'a negative pax size',
      pieces: pax(paxRecord('size', '-1')),
      code: 'archive/malformed',
      message: /size '-1'/,
    },
    {
      why: 'a pax header that is too large',
      pieces: [{ type: 'x', size: 2 ** 30 }],
      code: 'archive/too-large',
      message: /header/,
    },
    {
      why: 'a long name that is too large',
      pieces: [{ type: 'L', size: 2 ** 30 }],
      code: 'archive/too-large',
      message: /header/,
    },
    {
      why: 'too many entries',
      pieces: [file('a'), file('b'), file('c')],
      code: 'archive/too-large',
      message: /'c'.*2 entries/,
      options: { limits: { entries: 2 } },
    },
    {
      why: 'more directories than allowed, implied by a path',
      pieces: [file('a/b/c/d')],
      code: 'archive/too-large',
      message: /3 entries/,
      options: { limits: { entries: 3 } },
    },
    {
      why: 'a file that is too large',
      pieces: [file('a', 'four')],
      code: 'archive/too-large',
      message: /'a' .*4 bytes/,
      options: { limits: { fileSize: 3 } },
    },
    {
      why: 'files that are too large together',
      pieces: [file('a', 'four'), file('b', 'four')],
      code: 'archive/too-large',
      message: /'b'/,
      options: { limits: { totalSize: 7 } },
    },
    {
      why: 'names that are too large together',
      pieces: [file('aaaa', ''), symlink('b', 'cccc')],
      code: 'archive/too-large',
      message: /'b'/,
      options: { limits: { nameBytes: 8 } },
    },
    {
      why: 'too many levels',
      pieces: [{ type: 'L', contents: Array(65).fill('d').join('/') }, file('a')],
      code: 'tree/too-deep',
      message: /depth of 64/,
    },
  ];
  for (const { why, pieces, code, message, offset, options } of refused) {
    test(`refuses ${why}`, async () => {
      const error = await refusal(tarArchive(pieces), options);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      if (offset !== undefined) assert.equal(error.offset, offset);
    });
  }

  test('does not repeat long paths in messages', async () => {
    const long = 'd/'.repeat(3000);
    const archives = [
      [{ type: 'L', contents: `${long}..\0` }, file('x')],
      [{ type: 'L', contents: `${long}f\0` }, file('x')],
      [{ type: 'L', contents: `${'n'.repeat(6000)}\0` }, file('x', '', { type: 'V' })],
      [{ type: 'K', contents: `${'n'.repeat(6000)}\0` }, hardLink('x', '')],
    ];
    for (const pieces of archives) assert((await refusal(tarArchive(pieces))).message.length < 1000);
  });

  test('refuses an archive that breaks off, wherever', async () => {
    const archive = tarArchive([
      file('a', 'x'.repeat(600)),
      { type: 'x', contents: paxRecord('path', 'b') },
      file('c'),
    ]);
    const end = archive.length - 1024;
    for (let size = 0; size <= end + 511; size += size % 512 === 0 ? 1 : size % 512 === 1 ? 510 : 1) {
      const error = await refusal(archive.subarray(0, size));
      assert.equal(error.code, 'archive/truncated');
      assert.equal(error.offset, size);
    }
    await importInto(archive.subarray(0, end + 512));
    assert.equal((await refusal(tarPiece(file('a', 'x', { size: 2 ** 32 })))).code, 'archive/truncated');
  });

  test('refuses otherwise than by failing; random and changed archives', async () => {
    const archive = tarArchive([
      file('a', 'x'),
      { type: 'x', contents: paxRecord('path', 'b') },
      file('c'),
      symlink('s', 't'),
      hardLink('h', 'a'),
      { type: 'L', contents: 'long\0' },
      directory('d'),
    ]);
    const changes = fc.array(fc.record({ at: fc.nat(archive.length - 1), byte: fc.nat(255) }), { maxLength: 6 });
    const fixChecksums = (bytes: Buffer) => {
      for (let at = 0; at + 512 <= bytes.length; at += 512) {
        const block = bytes.subarray(at, at + 512);
        if (block[257] !== 0x75) continue;
        block.fill(' ', 148, 156);
        block.write(
          `${block
            .reduce((sum, byte) => sum + byte, 0)
            .toString(8)
            .padStart(6, '0')}\0 `,
          148,
          'latin1',
        );
      }
    };
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constant(archive), fc.uint8Array({ maxLength: 2000 })),
        changes,
        fc.boolean(),
        async (start, changed, fix) => {
          const bytes = Buffer.from(start);
          for (const { at, byte } of changed) bytes[at % (bytes.length || 1)] = byte;
          if (fix) fixChecksums(bytes);
          try {
            await importInto(bytes);
          } catch (error) {
            assert(error instanceof CastoreError, String(error));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
