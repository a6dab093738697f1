import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { tarArchive, temporaryFolder, testBuiltinBuild } from '../../testing/index.ts';
import { runBuiltinBuilder } from './run-builtin-builder.ts';

const archive = tarArchive([
  { path: 'nixpkgs-1/', type: '5', mode: 0o755 },
  { path: 'nixpkgs-1/default.nix', contents: '{}' },
]);

async function unpack(folder: string, bytes: Uint8Array, channelName = 'nixpkgs'): Promise<void> {
  mkdirSync(join(folder, 'store'), { recursive: true });
  writeFileSync(join(folder, 'store', 'src'), bytes);
  const env = { src: '/nix/store/src', channelName };
  await runBuiltinBuilder(testBuiltinBuild('builtin:unpack-channel', { folder, env }));
}

describe('builtin:unpack-channel', () => {
  for (const [name, compress] of [
    ['plain', (bytes: Buffer) => bytes],
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
    ['xz', (bytes: Buffer) => execFileSync('xz', ['-c'], { input: bytes })],
    ['bzip2', (bytes: Buffer) => execFileSync('bzip2', ['-c'], { input: bytes })],
  ] as const) {
    test(`unpacks ${name} archives, under the name of the channel`, async () => {
      using folder = temporaryFolder();
      await unpack(folder.path, compress(archive));
      assert.deepEqual(readdirSync(join(folder.path, 'out')), ['nixpkgs']);
      assert.equal(readFileSync(join(folder.path, 'out', 'nixpkgs', 'default.nix'), 'utf8'), '{}');
    });
  }

  test('refuses what is no channel', async () => {
    using folder = temporaryFolder();
    const two = tarArchive([{ path: 'a' }, { path: 'b' }]);
    const run = (name: string, bytes: Uint8Array, channelName?: string) =>
      unpack(join(folder.path, name), bytes, channelName);
    await assert.rejects(run('1', two), { message: "channel tarball '/nix/store/src' contains more than one file" });
    await assert.rejects(run('2', tarArchive([])), { message: "channel tarball '/nix/store/src' is empty" });
    await assert.rejects(run('3', archive, '../x'), {
      message: 'channelName is not allowed to contain filesystem separators, got ../x',
    });
    await assert.rejects(run('4', gzipSync(archive).subarray(0, 60)));
  });
});
