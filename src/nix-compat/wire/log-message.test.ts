import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText, byteStringOf } from '../../base/index.ts';
import { inPieces } from '../../testing/index.ts';
import {
  type LogField,
  type LogMessage,
  NixCompatError,
  WireReader,
  WireWriter,
  knowsActivities,
  protocolVersion,
  readLogMessage,
  writeLogMessage,
} from '../index.ts';

const version = protocolVersion(1, 38);
const beforeTraces = protocolVersion(1, 25);

function written(message: LogMessage, forVersion = version): Uint8Array {
  const writer = new WireWriter();
  writeLogMessage(writer, forVersion, message);
  return writer.take();
}

const strings = fc.uint8Array({ maxLength: 20 }).map(byteStringOf);
const numbers = fc.nat();
const words = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const fields = fc.array(fc.oneof(words, strings)) as fc.Arbitrary<LogField[]>;

const messages: fc.Arbitrary<LogMessage> = fc.oneof(
  strings.map(text => ({ kind: 'next' as const, text })),
  numbers.map(size => ({ kind: 'read' as const, size })),
  fc.uint8Array().map(data => ({ kind: 'write' as const, data })),
  fc.constant({ kind: 'last' as const }),
  fc
    .tuple(numbers, strings, fc.array(strings))
    .map(([level, message, traces]) => ({ kind: 'error' as const, error: { level, message, traces, status: 1 } })),
  fc.tuple(words, numbers, numbers, strings, fields, words).map(([id, level, type, text, list, parent]) => ({
    kind: 'start-activity' as const,
    id,
    level,
    type,
    text,
    fields: list,
    parent,
  })),
  words.map(id => ({ kind: 'stop-activity' as const, id })),
  fc.tuple(words, numbers, fields).map(([id, type, list]) => ({ kind: 'result' as const, id, type, fields: list })),
);

describe('log messages', () => {
  test('are read as they were written', async () => {
    await fc.assert(
      fc.asyncProperty(messages, fc.integer({ min: 1, max: 30 }), async (message, size) => {
        const reader = new WireReader(inPieces(written(message), size));
        assert.deepEqual(await readLogMessage(reader, version), message);
        assert(await reader.atEnd());
      }),
    );
  });

  test('of an error: type, level, name, message, no position, traces', () => {
    const error = { level: 0, message: byteStringFromText('oh no'), traces: [byteStringFromText('while')], status: 1 };
    const text = (value: string) => {
      const bytes = Buffer.alloc(8 + Math.ceil(value.length / 8) * 8);
      bytes.writeUInt32LE(value.length);
      bytes.write(value, 8);
      return bytes;
    };
    const number = (value: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32LE(value);
      return bytes;
    };
    const parts = [
      number(0x63787470),
      text('Error'),
      number(0),
      text('Error'),
      text('oh no'),
      number(0),
      number(1),
      number(0),
      text('while'),
    ];
    assert.deepEqual(written({ kind: 'error', error }), Buffer.concat(parts));
    const old = { ...error, status: 100 };
    assert.deepEqual(
      written({ kind: 'error', error: old }, beforeTraces),
      Buffer.concat([number(0x63787470), text('oh no'), number(100)]),
    );
  });

  test('of an error before 1.26 carry a status and no traces', async () => {
    const error = { level: 0, message: byteStringFromText('oh no'), traces: [], status: 100 };
    const bytes = written({ kind: 'error', error }, beforeTraces);
    assert.deepEqual(await readLogMessage(new WireReader([bytes]), beforeTraces), { kind: 'error', error });
  });

  test('of activities are known since 1.20', () => {
    assert.deepEqual([protocolVersion(1, 19), protocolVersion(1, 20)].map(knowsActivities), [false, true]);
  });

  const refusals: readonly [why: string, code: string, write: (writer: WireWriter) => void][] = [
    ['an unknown message', 'wire/unknown-message', writer => writer.number(0x12345678)],
    [
      'an unknown field',
      'wire/unknown-field',
      writer => [0x52534c54, 1, 100, 1, 2].forEach(number => writer.number(number)),
    ],
    [
      'an unknown type of error',
      'wire/bad-error',
      writer => {
        writer.number(0x63787470);
        writer.string(byteStringFromText('Warning'));
      },
    ],
    [
      'an error with a position',
      'wire/bad-error',
      writer => {
        writer.number(0x63787470);
        writer.string(byteStringFromText('Error'));
        writer.number(0);
        writer.string(byteStringFromText('Error'));
        writer.string(byteStringFromText('oh no'));
        writer.number(1);
      },
    ],
  ];
  for (const [why, code, write] of refusals)
    test(`refuse ${why}`, async () => {
      const writer = new WireWriter();
      write(writer);
      await assert.rejects(readLogMessage(new WireReader([writer.take()]), version), { name: 'NixCompatError', code });
    });

  test('take or refuse any mutation with a NixCompatError', async () => {
    await fc.assert(
      fc.asyncProperty(messages, fc.nat(), fc.nat(255), async (message, at, byte) => {
        const bytes = written(message);
        bytes[at % bytes.length] = byte;
        try {
          await readLogMessage(new WireReader([bytes]), version);
        } catch (error) {
          assert(error instanceof NixCompatError, String(error));
        }
      }),
    );
  });
});
