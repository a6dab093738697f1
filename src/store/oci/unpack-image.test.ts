import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { FirnError } from '../../base/index.ts';
import { streamTree } from '../../castore/index.ts';
import {
  type TarPiece,
  TreeRecorder,
  dockerLayout,
  layerType,
  ociLayout,
  tarArchive,
  temporaryFolder,
} from '../../testing/index.ts';
import { type UnpackImageOptions, unpackImage } from './unpack-image.ts';
import { parsePlatform } from './platform.ts';

const file = (path: string, contents = path): TarPiece => ({ path, contents });

const lower = tarArchive([file('a', '1'), file('b', '1')]);
const upper = tarArchive([file('b', '2'), file('.wh.a', '')]);
const plain = (bytes: Uint8Array) => ({ type: layerType, bytes });

/** Contents of all files of the image. */
async function unpacked(archive: Uint8Array, options?: UnpackImageOptions): Promise<string[]> {
  using folder = temporaryFolder();
  const path = join(folder.path, 'image.tar');
  writeFileSync(path, archive);
  await using image = await unpackImage(path, join(folder.path, 'blobs'), options);
  const recorder = new TreeRecorder();
  await streamTree(image.blobs, image.root, recorder);
  return recorder.events.filter(event => /^(?:entry|contents|symlink)/.test(event));
}

async function refusal(archive: Uint8Array, options?: UnpackImageOptions): Promise<FirnError> {
  try {
    await unpacked(archive, options);
  } catch (error) {
    assert(error instanceof FirnError, String(error));
    return error;
  }
  return assert.fail('not refused');
}

const merged = ['entry "b"', 'contents "2"'];

describe('unpackImage', () => {
  test('reads OCI’s layout, whatever layers are compressed by', async () => {
    const layers = [
      { type: `${layerType}+gzip`, bytes: gzipSync(lower) },
      { type: `${layerType}+zstd`, bytes: zstdCompressSync(upper) },
    ];
    assert.deepEqual(await unpacked(tarArchive(ociLayout([{ layers }]))), merged);
    assert.deepEqual(await unpacked(tarArchive(ociLayout([{ layers, isSilent: true }], { isNested: true }))), merged);
    const old = [
      { type: 'application/vnd.docker.image.rootfs.diff.tar.gzip', bytes: gzipSync(tarArchive([file('b', '2')])) },
    ];
    assert.deepEqual(await unpacked(tarArchive(ociLayout([{ layers: old }]))), merged);
  });

  test('reads Docker’s archives, in which equal layers are links', async () => {
    assert.deepEqual(await unpacked(tarArchive(dockerLayout([lower, upper, upper]))), merged);
    const both = [...dockerLayout([lower]), ...ociLayout([{ layers: [plain(tarArchive([file('b', '2')]))] }])];
    assert.deepEqual(await unpacked(tarArchive(both)), merged);
  });

  test('takes the image for a platform', async () => {
    const images = ['amd64', 'arm64', 'riscv64'].map((architecture, at) => ({
      architecture,
      isSilent: at === 1,
      layers: [plain(tarArchive([file(architecture, '')]))],
    }));
    const archive = tarArchive(ociLayout(images, { isNested: true }));
    for (const architecture of ['amd64', 'arm64', 'riscv64']) {
      const [entry] = await unpacked(archive, { platform: parsePlatform(`linux/${architecture}`) });
      assert.equal(entry, `entry "${architecture}"`);
    }
    const { code, message } = await refusal(archive, { platform: parsePlatform('linux/arm/v7') });
    assert.equal(code, 'image/no-platform');
    assert.match(message, /^an image for linux\/arm\/v7 is wanted, and '.*' has none for it, but for linux\/amd64, /);
    const docker = tarArchive(dockerLayout([lower], { architecture: 's390x' }));
    assert.equal((await refusal(docker)).code, 'image/no-platform');
    assert.equal((await unpacked(docker, { platform: parsePlatform('linux/s390x') })).length, 4);
    assert.throws(() => parsePlatform('linux'), { code: 'image/unsupported' });
  });

  test('says what it leaves out', async () => {
    const specials: string[] = [];
    const pieces = [file('b', '2'), { path: 'dev/null', type: '3' }];
    const archive = tarArchive(ociLayout([{ layers: [plain(tarArchive(pieces))] }]));
    assert.deepEqual(await unpacked(archive, { onSpecial: ({ path }) => specials.push(path) }), merged);
    assert.deepEqual(specials, ['dev/null']);
  });

  test('verifies every digest', async () => {
    const layers = [plain(lower), plain(upper)];
    const kinds = [ociLayout([{ layers }]), dockerLayout([lower, upper])];
    for (const pieces of kinds) {
      const verified = pieces.filter(({ path = '' }) => /^blobs\/|^[0-9]/.test(path) || /^[0-9a-f]{64}/.test(path));
      assert.equal(verified.length, pieces === kinds[0] ? 4 : 3);
      for (const damaged of verified) {
        const archive = tarArchive(pieces.with(pieces.indexOf(damaged), damage(damaged)));
        assert.equal((await refusal(archive)).code, 'image/wrong-digest', damaged.path ?? '');
      }
    }
  });

  test('refuses what is no image, or one of another form', async () => {
    const layers = [plain(lower)];
    const without = (name: RegExp) => tarArchive(ociLayout([{ layers }]).filter(({ path = '' }) => !name.test(path)));
    const refused: readonly [archive: Uint8Array, code: string, message: RegExp][] = [
      [tarArchive([]), 'image/malformed', /neither 'index\.json' nor 'manifest\.json' is in it/],
      [without(/index/), 'image/malformed', /neither/],
      [without(/blobs/), 'image/malformed', /'blobs\/sha256\/.*' is not in it/],
      [tarArchive([file('index.json', '{')]), 'image/malformed', /'index\.json': /],
      [tarArchive([file('index.json', '{"manifests":[{}]}')]), 'image/malformed', /mediaType.*manifests\[0\]/],
      [tarArchive([file('index.json', '{"manifests":[]}')]), 'image/no-platform', /has no image at all/],
      [
        tarArchive(ociLayout([{ layers }, { layers: [plain(upper)] }])),
        'image/unsupported',
        /has 2 images for linux\/.*: save one alone/,
      ],
      [
        tarArchive(ociLayout([{ layers: [{ ...plain(lower), type: 'application/x-other' }] }])),
        'image/unsupported',
        /a layer of the type 'application\/x-other'/,
      ],
      [
        tarArchive(ociLayout([{ layers: [plain(tarArchive([file('../x')]))] }])),
        'archive/bad-path',
        /'\.\.\/x' in the archive/,
      ],
      [tarArchive(ociLayout([{ layers }])).subarray(0, 1000), 'archive/truncated', /breaks off/],
      [Buffer.alloc(600, 'x'), 'archive/malformed', /./],
    ];
    for (const [archive, expected, message] of refused) {
      const error = await refusal(archive);
      assert.equal(error.code, expected, error.message);
      assert.match(error.message, message);
    }
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'layout'));
    await assert.rejects(unpackImage(join(folder.path, 'layout'), join(folder.path, 'blobs')), {
      code: 'image/malformed',
    });
  });
});

/** As long as before, and with other contents. */
function damage(piece: TarPiece): TarPiece {
  const contents = Buffer.from(piece.contents ?? '');
  const middle = Math.floor(contents.length / 2);
  contents[middle] = (contents[middle] ?? 0) ^ 1;
  return { ...piece, contents };
}
