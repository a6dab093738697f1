import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { frameMessage } from './frame-message.ts';
import { GrpcStatus } from './grpc-status.ts';
import { MessageReader } from './message-reader.ts';

function read(bytes: Uint8Array, cuts: readonly number[], limit = 1 << 20): Buffer[] {
  const reader = new MessageReader(limit);
  const messages: Buffer[] = [];
  let at = 0;
  for (const cut of [...cuts, bytes.byteLength]) {
    const end = Math.min(bytes.byteLength, Math.max(at, cut));
    while (at < end) at += reader.push(bytes.subarray(at, end), message => messages.push(Buffer.from(message)));
  }
  reader.finish();
  return messages;
}

function refusal(bytes: readonly number[], limit?: number): string {
  try {
    read(Uint8Array.from(bytes), [], limit);
  } catch (error) {
    if (error instanceof GrpcStatus) return error.code;
    throw error;
  }
  throw new Error('not refused');
}

describe('MessageReader', () => {
  it('gives the messages that were framed, wherever the stream is cut', () => {
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.nat({ max: 300_000 }).map(size => new Uint8Array(size).fill(7)),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), fc.array(fc.nat({ max: 400_000 })), (messages, cuts) => {
        const bytes = Buffer.concat(messages.flatMap(each => frameMessage(each)));
        const sorted = cuts.toSorted((a, b) => a - b);
        assert.deepEqual(
          read(bytes, sorted),
          messages.map(each => Buffer.from(each)),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('gives a message whose every byte comes alone', () => {
    const bytes = Buffer.concat([...frameMessage(new Uint8Array(0)), ...frameMessage(Buffer.from('abc'))]);
    assert.deepEqual(read(bytes, [...bytes.keys()]), [Buffer.from(''), Buffer.from('abc')]);
  });

  it('refuses what is too large, compressed, cut off or no message', () => {
    assert.equal(refusal([0, 0, 0, 0, 9], 8), 'resourceExhausted');
    assert.equal(refusal([0, 255, 255, 255, 255]), 'resourceExhausted');
    assert.equal(refusal([1, 0, 0, 0, 0]), 'unimplemented');
    assert.equal(refusal([2, 0, 0, 0, 0]), 'internal');
    assert.equal(refusal([0, 0, 0]), 'internal');
    assert.equal(refusal([0, 0, 0, 0, 2, 1]), 'internal');
  });

  it('holds no memory for what was only announced', () => {
    const reader = new MessageReader(1 << 30);
    reader.push(Uint8Array.from([0, 0x30, 0, 0, 0, 1]), () => {});
    assert.ok(reader.held <= 128 * 1024);
  });
});
