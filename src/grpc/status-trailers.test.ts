import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { GrpcStatus, statusNameOf } from './grpc-status.ts';
import { decodeMessage, encodeMessage, okTrailers, statusOfTrailers, trailersOf } from './status-trailers.ts';
import { statusCodes } from './status-code.ts';
import { formatTimeout, parseTimeout } from './timeout.ts';

describe('trailers', () => {
  it('say what a status says', () => {
    const status = new GrpcStatus('notFound', 'no blob „ü“ 100%\n', { details: Buffer.from([0, 1, 255]) });
    const read = statusOfTrailers(trailersOf(status));
    assert.equal(read?.code, 'notFound');
    assert.equal(read.message, status.message);
    assert.deepEqual(read.details, Buffer.from([0, 1, 255]));
  });

  it('say that all went well', () => {
    assert.equal(statusOfTrailers(okTrailers), undefined);
  });

  it('that are none, or have a number nobody knows, mean unknown', () => {
    assert.equal(statusOfTrailers({})?.code, 'unknown');
    assert.equal(statusOfTrailers({ 'grpc-status': 'x' })?.code, 'unknown');
    assert.equal(statusOfTrailers({ 'grpc-status': '99' })?.code, 'unknown');
  });

  it('know every number by its name', () => {
    for (const [name, number] of Object.entries(statusCodes)) assert.equal(statusNameOf(number), name);
  });

  it('carry any message through printable ASCII', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => {
        const encoded = encodeMessage(text);
        assert.match(encoded, /^[\x20-\x7e]*$/);
        assert.equal(decodeMessage(encoded), text.toWellFormed());
      }),
    );
    assert.equal(decodeMessage('50% of %zz'), '50% of %zz');
  });
});

describe('grpc-timeout', () => {
  it('is read in every unit', () => {
    const cases = { '1H': 3_600_000, '2M': 120_000, '3S': 3000, '4m': 4, '5000u': 5, '6000000n': 6 };
    for (const [text, ms] of Object.entries(cases)) assert.equal(parseTimeout(text), ms);
  });

  it('is refused in any other form', () => {
    for (const text of ['', 'S', '1', '1s', '-1S', '123456789S', '1 S', '1.5S']) {
      assert.throws(() => parseTimeout(text), { code: 'invalidArgument' });
    }
  });

  it('is written in at most eight digits, never shorter than asked for', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 9e10, noNaN: true }), ms => {
        const text = formatTimeout(ms);
        assert.match(text, /^\d{1,8}[mS]$/);
        assert.ok(parseTimeout(text) >= ms);
      }),
    );
  });
});
