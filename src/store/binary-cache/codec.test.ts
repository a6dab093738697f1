import assert from 'node:assert/strict';
import type { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { createGunzip, createGzip } from 'node:zlib';
import { type Codec, hasRoom, isInstalled, programCodec, runCodec, transformCodec } from './codec.ts';

const large = Buffer.alloc(5_000_000, 'firn');

async function feedAll(input: Writable, bytes: Uint8Array = large): Promise<void> {
  for (let at = 0; at < bytes.byteLength; at += 65_536) {
    if (!input.write(bytes.subarray(at, at + 65_536))) await hasRoom(input);
  }
}

async function collect(codec: Codec, bytes?: Uint8Array): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await runCodec(
    codec,
    input => feedAll(input, bytes),
    chunk => void chunks.push(chunk),
  );
  return Buffer.concat(chunks);
}

describe('a codec', () => {
  test('gives what comes out of it, be it a transform or a program', async () => {
    const zipped = await collect(transformCodec(createGzip()));
    assert.deepEqual(await collect(transformCodec(createGunzip()), zipped), large);
    assert.deepEqual(await collect(programCodec('cat', [])), large);
  });

  test('that is a program explains what went wrong', async () => {
    await assert.rejects(collect(programCodec('firn-has-no-such-program', [])), {
      code: 'cache/codec-failed',
      message: "cannot run the program 'firn-has-no-such-program' (is 'firn-has-no-such-program' installed?)",
    });
    // It does not read what it is given: that its input breaks is not the reason.
    await assert.rejects(collect(programCodec('/bin/sh', ['-c', 'echo too bad >&2; exit 3'])), { message: 'too bad' });
    await assert.rejects(collect(programCodec('/bin/sh', ['-c', 'exit 3'])), { message: 'exit code 3' });
    await assert.rejects(collect(programCodec('/bin/sh', ['-c', 'kill -TERM $$'])), { message: 'SIGTERM' });
    assert.equal(isInstalled('sh'), true);
    assert.equal(isInstalled('firn-has-no-such-program'), false);
  });

  for (const [kind, open] of [
    ['a transform', () => transformCodec(createGzip())],
    ['a program', () => programCodec('cat', [])],
    ['a program that never ends', () => programCodec('/bin/sh', ['-c', 'head -c 10; exec sleep 1000'])],
  ] as const) {
    test(`that is ${kind} ends with whoever feeds it or takes from it`, async () => {
      const reason = new Error('enough');
      const fails = (error: unknown) => error === reason;
      const refuse = () => {
        throw reason;
      };
      await assert.rejects(
        runCodec(open(), input => feedAll(input), refuse),
        fails,
      );
      const breakOff = async (input: Writable) => {
        input.write('x');
        throw reason;
      };
      await assert.rejects(
        runCodec(open(), breakOff, () => {}),
        fails,
      );
    });
  }
});
