import { gunzipSync } from 'node:zlib';
import { MemoryBlobStore, importTar, streamTree } from '../../../src/castore/index.ts';
import { NarWriter, hashBytes } from '../../../src/nix-compat/index.ts';
import { paxRecord, readVectors, tarArchive, tarPiece } from '../../../src/testing/index.ts';
import type { Random } from '../random.ts';
import { type Target, inChunks, outcomeOf, requireEqual } from '../target.ts';

const block = 512;
const checksumAt = 148;

/** Writes the right checksum into all blocks that look like headers. */
function repair(input: Uint8Array): Uint8Array {
  const archive = Buffer.from(input);
  for (let at = 0; at + block <= archive.length; at += block) {
    const header = archive.subarray(at, at + block);
    const isHeader =
      header.toString('latin1', 257, 262) === 'ustar' ||
      /^[0-7]{6}\0 $/.test(header.toString('latin1', checksumAt, 156));
    if (!isHeader) continue;
    header.fill(' ', checksumAt, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, checksumAt, 'latin1');
  }
  return archive;
}

/** Without the empty blocks that fill up a record. */
function trimmed(archive: Buffer): Buffer {
  let end = archive.length;
  while (end > 0 && archive[end - 1] === 0) end--;
  return archive.subarray(0, Math.ceil(end / block) * block + 2 * block);
}

function seeds(): Uint8Array[] {
  const vectors = readVectors('tar/archives.json') as readonly { readonly gzip: string }[];
  const long = 'd/'.repeat(90);
  return [
    ...vectors
      .map(({ gzip }) => trimmed(gunzipSync(Buffer.from(gzip, 'base64'))))
      .filter(({ length }) => length <= 16 * 1024),
    tarArchive([]),
    tarArchive([{ path: 'a', contents: 'hello' }]),
    tarArchive([
      { path: 'd/', type: '5', mode: 0o755 },
      { path: 'd/x', contents: 'x', mode: 0o755 },
      { path: 'd/l', type: '2', linkPath: 'x' },
      { path: 'd/h', type: '1', linkPath: 'd/x' },
    ]),
    tarArchive([
      { path: '././@LongLink', type: 'L', contents: `${long}f\0` },
      { path: 'short', contents: 'y' },
    ]),
    tarArchive([
      {
        path: 'pax',
        type: 'x',
        contents: paxRecord('path', 'p/q') + paxRecord('mtime', '12.5') + paxRecord('size', '3'),
      },
      { path: 'short', contents: 'abc' },
    ]),
    tarArchive([
      { path: 'pax', type: 'g', contents: paxRecord('linkpath', 't') },
      { path: 'l', type: '2' },
    ]),
    tarArchive([{ path: 'fifo', type: '6' }]),
    tarArchive([
      { path: 'd/x', contents: 'x' },
      { path: 'd', contents: 'in place of a directory' },
    ]),
    tarArchive([
      { path: 'd', type: '2', linkPath: '/' },
      { path: 'd/x', contents: 'below a symlink' },
    ]),
    tarArchive([{ path: 'pax', type: 'x', contents: paxRecord('size', 'x') }, { path: 'y' }]),
    tarArchive([{ path: 'long', type: 'L', contents: `${'n'.repeat(4500)}/x\0` }, { contents: 'z' }]),
    tarArchive([
      { path: 'long', type: 'K', contents: `${'n'.repeat(4500)}\0` },
      { path: 'l', type: '1' },
    ]),
    tarArchive([{ path: 'pax', type: 'x', contents: paxRecord('path', `${'d/'.repeat(2300)}..`) }, { path: 'y' }]),
    Buffer.concat([tarPiece({ path: 'b', prefix: 'c/d', contents: 'z' }), tarArchive([])]),
  ];
}

async function read(chunks: Iterable<Uint8Array>, stripComponents: number, onlyFiles: boolean): Promise<unknown> {
  const store = new MemoryBlobStore();
  await using batch = store.batch();
  const { root, lastModified } = await importTar(chunks, batch, { stripComponents, onlyFiles });
  await batch.commit();
  const pieces: Buffer[] = [];
  await streamTree(store, root, new NarWriter(piece => void pieces.push(Buffer.from(piece))));
  const nar = Buffer.concat(pieces);
  return { root, lastModified, hash: hashBytes('sha256', nar), size: nar.length };
}

async function run(input: Uint8Array, random: Random): Promise<unknown> {
  const strip = random.pick([0, 0, 0, 1, 2]);
  const onlyFiles = random.oneIn(4);
  const whole = await outcomeOf(() => read([input], strip, onlyFiles));
  const chunked = await outcomeOf(() => read(inChunks(input, random), strip, onlyFiles));
  requireEqual(chunked, whole, 'the outcome depends on the chunks');
  return 'value' in whole ? whole.value : read([input], strip, onlyFiles);
}

export const tarTargets: readonly Target[] = [
  {
    name: 'tar',
    weight: 4,
    flavour: 'tar',
    seeds,
    dictionary: [
      [
        'ustar\x0000',
        'ustar  \0',
        'a',
        'd/',
        'd/x',
        '/',
        './',
        '..',
        '../',
        'a/../b',
        '\0',
        '.',
        '\xff',
        '0',
        '1',
        '2',
        '3',
        '5',
        '6',
      ],
      [
        'L',
        'K',
        'x',
        'g',
        'S',
        '7',
        'V',
        '00000000010\0',
        '00000001000 ',
        '\x80\0\0\0\0\0\0\0\0\0\x01\0',
        '\xff\xff\xff\xff',
      ],
      [
        '11 path=a/b\n',
        '10 size=5\n',
        '12 mtime=1.5\n',
        '13 linkpath=\n',
        '25 GNU.sparse.major=1\n',
        'path=',
        '=',
        '\n',
        ' ',
      ],
    ].flat(),
    repair,
    givesOffset: code => code.startsWith('archive/'),
    run,
  },
];
