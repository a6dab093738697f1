import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { inPieces } from '../../testing/index.ts';
import { FramedReader, FramedWriter, WireReader, WireWriter } from '../index.ts';

function frame(...chunks: readonly Uint8Array[]): Buffer {
  const bytes: Uint8Array[] = [];
  const writer = new FramedWriter(written => bytes.push(Uint8Array.from(written)));
  for (const chunk of chunks) writer.push(chunk);
  writer.end();
  return Buffer.concat(bytes);
}

describe('frames', () => {
  test('are lengths and bytes without padding, and a 0', () => {
    const expected = ['0300000000000000', '616263', '0100000000000000', '64', '0000000000000000'];
    assert.equal(frame(Buffer.from('abc'), Buffer.from('d')).toString('hex'), expected.join(''));
  });

  test('carry any stream within another', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array()), fc.integer({ min: 1, max: 50 }), async (chunks, size) => {
        const reader = new WireReader(inPieces(Buffer.concat([frame(...chunks), Buffer.alloc(8, 7)]), size));
        const read: Uint8Array[] = [];
        for await (const chunk of new FramedReader(reader)) read.push(Uint8Array.from(chunk));
        assert.deepEqual(Buffer.concat(read), Buffer.concat(chunks));
        assert.equal(await reader.bigint(), 0x0707070707070707n);
      }),
    );
  });

  test('split what is larger than a frame may be', async () => {
    const large = Buffer.alloc(2_500_000, 'x');
    const bytes = frame(large);
    assert.equal(bytes.length, large.length + 4 * 8);
    const reader = new FramedReader(new WireReader([bytes]));
    await reader.drain();
    assert.equal(await reader.chunk(), undefined);
  });

  test('can be left early and drained', async () => {
    const reader = new WireReader([frame(Buffer.from('abc'), Buffer.from('def')), Buffer.alloc(8, 1)]);
    const framed = new FramedReader(reader);
    for await (const chunk of framed) {
      assert.equal(Buffer.from(chunk).toString(), 'abc');
      break;
    }
    await framed.drain();
    assert.equal(await reader.bigint(), 0x0101010101010101n);
  });

  test('can hold a stream of the wire', async () => {
    const inner = new WireWriter();
    inner.number(5);
    inner.number(6);
    const bytes = inner.take();
    const framed = new FramedReader(new WireReader([frame(bytes.subarray(0, 3), bytes.subarray(3))]));
    const reader = new WireReader(framed);
    assert.deepEqual([await reader.number(), await reader.number(), await reader.atEnd()], [5, 6, true]);
  });

  test('refuse a length of more than 32 bits', async () => {
    const writer = new WireWriter();
    writer.number(2 ** 32);
    await assert.rejects(new FramedReader(new WireReader([writer.take()])).drain(), { code: 'wire/number-too-large' });
  });

  test('refuse to end without the last', async () => {
    const bytes = frame(Buffer.from('abc')).subarray(0, -8);
    await assert.rejects(new FramedReader(new WireReader([bytes])).drain(), { code: 'wire/truncated', offset: 11 });
  });
});
