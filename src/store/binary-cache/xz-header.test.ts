import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { decompressXz } from '../../base/index.ts';
import { decompressOnThread, threadDecoder } from './decode-thread.ts';
import { runCodec } from './codec.ts';
import { decompressor } from './compression.ts';
import { isPlainXz } from './xz-header.ts';

const contents = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * at) % 251));

async function decode(codec: Parameters<typeof runCodec>[0] | undefined, bytes: Uint8Array): Promise<Buffer> {
  assert.ok(codec);
  const chunks: Uint8Array[] = [];
  const feed = async (input: { write(chunk: Uint8Array): unknown }) => void input.write(bytes);
  await runCodec(codec, feed, chunk => void chunks.push(chunk));
  return Buffer.concat(chunks);
}

const hasLibrary = decompressXz(execFileSync('xz', ['-c'], { input: '' }), new Uint8Array(1)) === 0;

describe('a file of xz', () => {
  const cases: [isPlain: boolean, args: string[]][] = [
    [true, []],
    [true, ['-9']],
    [true, ['-0', '-T2', '--block-size=10000']],
    [true, ['-C', 'crc32']],
    [true, ['-C', 'none']],
    [false, ['-C', 'sha256']],
    [false, ['--x86', '--lzma2']],
    [false, ['--lzma2=dict=65MiB,mf=hc3']],
  ];
  for (const [isPlain, args] of cases) {
    test(`made by xz ${args.join(' ')}`, async () => {
      const bytes = execFileSync('xz', ['-c', ...args], { input: contents });
      assert.equal(isPlainXz(bytes), isPlain);
      const sizes = { compressed: bytes.byteLength, plain: contents.byteLength };
      assert.deepEqual(await decode(decompressor('xz', sizes, bytes), bytes), contents);
      // Elsewhere than in the system's library only these are known.
      if (isPlain || hasLibrary) assert.deepEqual(await decode(threadDecoder(), bytes), contents);
      else await assert.rejects(decode(threadDecoder(), bytes), { code: 'cache/codec-failed' });
    });
  }

  test('becomes what it was as a whole, too', { skip: !hasLibrary }, async () => {
    const bytes = execFileSync('xz', ['-c'], { input: contents });
    const decodeWhole = async (input: Uint8Array, room: number) =>
      decompressOnThread(input, () => new Uint8Array(new SharedArrayBuffer(room)));
    assert.deepEqual(Buffer.from((await decodeWhole(bytes, contents.length)) ?? []), contents);
    assert.deepEqual(Buffer.from((await decodeWhole(bytes, contents.length + 9)) ?? []), contents);
    assert.equal(await decodeWhole(bytes, contents.length - 1), undefined);
    assert.equal(await decodeWhole(bytes.subarray(0, -1), contents.length), undefined);
    assert.equal(await decodeWhole(contents, contents.length), undefined);
  });

  test('that breaks off or is damaged is told of', async () => {
    const bytes = execFileSync('xz', ['-c'], { input: contents });
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(~damaged.readUInt8(40) & 0xff, 40);
    for (const bad of [bytes.subarray(0, -1), damaged, Buffer.concat([bytes, contents])])
      await assert.rejects(decode(threadDecoder(), bad), { code: 'cache/codec-failed' });
  });

  test('that is none, or has another after it', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(100), Buffer.from('fd377a585a00', 'hex')]) {
      assert.equal(isPlainXz(bytes), true);
      await assert.rejects(decode(threadDecoder(), bytes), { code: 'cache/codec-failed' });
    }
    const bytes = execFileSync('xz', ['-c'], { input: contents });
    assert.deepEqual(await decode(threadDecoder(), Buffer.concat([bytes, bytes])), Buffer.concat([contents, contents]));
  });
});
