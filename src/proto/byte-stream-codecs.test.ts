import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { readResponseCodec, writeRequestCodec } from './byte-stream-codecs.ts';
import { ReadResponseSchema, WriteRequestSchema } from './generated/google/bytestream/bytestream_pb.ts';

const request = fc
  .record({
    resourceName: fc.string(),
    writeOffset: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    finishWrite: fc.boolean(),
    data: fc.uint8Array({ maxLength: 300 }),
  })
  .map(fields => create(WriteRequestSchema, { ...fields, resourceName: fields.resourceName.toWellFormed() }));

describe('codecs of ByteStream by hand', () => {
  it('read and write requests as the generated ones do', () => {
    fc.assert(
      fc.property(request, message => {
        const bytes = toBinary(WriteRequestSchema, message);
        assert.deepEqual({ ...writeRequestCodec.decode(bytes) }, { ...fromBinary(WriteRequestSchema, bytes) });
        assert.deepEqual(
          fromBinary(WriteRequestSchema, Uint8Array.from(Buffer.concat(writeRequestCodec.encode(message)))),
          message,
        );
      }),
    );
  });

  it('read and write responses as the generated ones do', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70_000, size: 'max' }), data => {
        const message = create(ReadResponseSchema, { data });
        const bytes = toBinary(ReadResponseSchema, message);
        assert.deepEqual(Buffer.concat(readResponseCodec.encode(message)), Buffer.from(bytes));
        assert.deepEqual({ ...readResponseCodec.decode(bytes) }, { ...fromBinary(ReadResponseSchema, bytes) });
      }),
      { numRuns: 50 },
    );
  });

  it('say the same of any bytes, or refuse them alike', () => {
    const attempt = (decode: () => object) => {
      try {
        return { ...decode() };
      } catch {
        return 'refused';
      }
    };
    const junk = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .array(fc.constantFrom(0x0a, 0x10, 0x18, 0x52, 0, 1, 2, 0xff, 0x80), { maxLength: 20 })
        .map(list => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(junk, bytes => {
        assert.deepEqual(
          attempt(() => writeRequestCodec.decode(bytes)),
          attempt(() => fromBinary(WriteRequestSchema, bytes)),
        );
        assert.deepEqual(
          attempt(() => readResponseCodec.decode(bytes)),
          attempt(() => fromBinary(ReadResponseSchema, bytes)),
        );
      }),
      { numRuns: 3000 },
    );
  });
});
