import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { threadDecoder } from './decode-thread.ts';
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
      if (isPlain) assert.deepEqual(await decode(threadDecoder(), bytes), contents);
      else await assert.rejects(decode(threadDecoder(), bytes), { code: 'cache/codec-failed' });
    });
  }

  test('that is none, or has another after it', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(100), Buffer.from('fd377a585a00', 'hex')]) {
      assert.equal(isPlainXz(bytes), true);
      await assert.rejects(decode(threadDecoder(), bytes), { code: 'cache/codec-failed' });
    }
    const bytes = execFileSync('xz', ['-c'], { input: contents });
    assert.deepEqual(await decode(threadDecoder(), Buffer.concat([bytes, bytes])), Buffer.concat([contents, contents]));
  });
});
