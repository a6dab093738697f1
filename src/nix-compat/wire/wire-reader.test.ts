import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type ByteString, byteStringFromLatin1, byteStringFromText, byteStringOf } from '../../base/index.ts';
import { hexVectors, inPieces } from '../../testing/index.ts';
import { NixCompatError, WireReader, WireWriter, defaultWireLimits, readStrings, writeStrings } from '../index.ts';

const vector = hexVectors('wire/protocols.json');

function written(write: (writer: WireWriter) => void): Uint8Array {
  const writer = new WireWriter();
  write(writer);
  return writer.take();
}

const pieceSizes = [1, 3, 8, 13, 1000];

describe('strings and lists', () => {
  const strings = ['', 'hi', 'white rabbit', '大白兔', 'oh no '].map(byteStringFromText);

  test('are those of C++ Nix', async () => {
    for (const size of pieceSizes) {
      const reader = new WireReader(inPieces(vector('worker/string'), size));
      for (const expected of strings) assert.equal(await reader.string(), expected);
      assert(await reader.atEnd());
    }
    assert.deepEqual(
      written(writer => strings.forEach(text => writer.string(text))),
      vector('worker/string'),
    );
  });

  test('nest as those of C++ Nix', async () => {
    const flat = [[], [''], ['', 'foo', 'bar']];
    const nested = [[], [''], ['', '1', '2']];
    const reader = new WireReader(inPieces(vector('worker/vector'), 7));
    for (const expected of flat) assert.deepEqual(await readStrings(reader), expected);
    assert.deepEqual(await reader.list(() => readStrings(reader)), nested);
    assert(await reader.atEnd());
    const bytes = written(writer => {
      for (const list of flat) writeStrings(writer, list.map(byteStringFromText));
      writer.list(nested, list => writeStrings(writer, list.map(byteStringFromText)));
    });
    assert.deepEqual(bytes, vector('worker/vector'));
  });
});

type Field = number | bigint | boolean | ByteString | Uint8Array | Field[];

function writeField(writer: WireWriter, field: Field): void {
  if (typeof field === 'number') writer.number(field);
  else if (typeof field === 'bigint') writer.bigint(field);
  else if (typeof field === 'boolean') writer.boolean(field);
  else if (typeof field === 'string') writer.string(field);
  else if (field instanceof Uint8Array) writer.bytes(field);
  else writer.list(field, item => writeField(writer, item));
}

async function readLike(reader: WireReader, field: Field): Promise<Field> {
  if (typeof field === 'number') return reader.number();
  if (typeof field === 'bigint') return reader.bigint();
  if (typeof field === 'boolean') return reader.boolean();
  if (typeof field === 'string') return reader.string();
  if (field instanceof Uint8Array) return reader.bytes();
  let at = 0;
  return reader.list(() => readLike(reader, field[at++]!));
}

const fields = fc.letrec<{ field: Field }>(tie => ({
  field: fc.oneof(
    { maxDepth: 2 },
    fc.maxSafeNat(),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.boolean(),
    fc.uint8Array().map(byteStringOf),
    fc.uint8Array(),
    fc.array(tie('field')),
  ),
})).field;

describe('WireReader', () => {
  test('reads what WireWriter writes, whatever the chunks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fields), fc.integer({ min: 1, max: 100 }), async (values, size) => {
        const bytes = written(writer => values.forEach(value => writeField(writer, value)));
        const reader = new WireReader(inPieces(bytes, size));
        for (const value of values) assert.deepEqual(await readLike(reader, value), value);
        assert(await reader.atEnd());
        assert.equal(reader.offset, bytes.length);
      }),
    );
  });

  test('takes any number but 0 for true', async () => {
    const reader = new WireReader([written(writer => writer.bigint(2n ** 63n))]);
    assert.equal(await reader.boolean(), true);
  });

  test('of equal keys in a map takes the last', async () => {
    const bytes = written(writer => {
      writer.number(2);
      for (const text of ['a', '1', 'a', '2']) writer.string(byteStringFromLatin1(text));
    });
    const reader = new WireReader([bytes]);
    assert.deepEqual(
      await reader.map(
        () => reader.string(),
        () => reader.string(),
      ),
      new Map([['a', '2']]),
    );
  });

  test('streams what has no limit', async () => {
    const bytes = written(writer => {
      writer.raw(Buffer.alloc(100_000, 'x'));
      writer.number(7);
    });
    const reader = new WireReader(inPieces(bytes, 1001), { maxMessageSize: 100 });
    reader.startMessage();
    let size = 0;
    while (size < 100_000) size += (await reader.chunk(100_000 - size)).length;
    assert.equal(await reader.number(), 7);
  });

  test('feeds a parser up to its end', async () => {
    const reader = new WireReader(inPieces(Buffer.from('hello, world'), 3));
    let text = '';
    await reader.feed({
      get finished() {
        return text.endsWith(',');
      },
      push(chunk) {
        const taken = Math.min(chunk.length, 6 - text.length);
        text += Buffer.from(chunk.subarray(0, taken)).toString();
        return taken;
      },
      end: () => assert.fail(),
    });
    assert.equal(text, 'hello,');
    assert.equal(reader.offset, 6);
  });

  test('tells a parser that the stream ended', async () => {
    const reader = new WireReader([]);
    const ended = new Error('ended');
    const parser = {
      finished: false,
      push: () => 0,
      end() {
        throw ended;
      },
    };
    await assert.rejects(reader.feed(parser), ended);
  });

  const word = (value: bigint) => written(writer => writer.bigint(value));
  const limits = { maxStringLength: 100, maxMessageSize: 200 };
  const refusals: readonly [
    why: string,
    bytes: Uint8Array,
    read: (reader: WireReader) => Promise<unknown>,
    code: string,
    offset: number,
  ][] = [
    ['a number of 53 bits and one', word(2n ** 53n), reader => reader.number(), 'wire/number-too-large', 0],
    ['a number beyond its limit', word(256n), reader => reader.number(255), 'wire/number-too-large', 0],
    ['half a number', new Uint8Array(4), reader => reader.number(), 'wire/truncated', 4],
    ['nothing', new Uint8Array(), reader => reader.string(), 'wire/truncated', 0],
    ['half a string', Buffer.concat([word(8n), Buffer.from('abc')]), reader => reader.string(), 'wire/truncated', 11],
    [
      'a string without padding',
      Buffer.concat([word(1n), Buffer.from('a')]),
      reader => reader.string(),
      'wire/truncated',
      9,
    ],
    [
      'padding that is not zero',
      Buffer.concat([word(1n), Buffer.from('a\0\0b\0\0\0\0')]),
      reader => reader.string(),
      'wire/bad-padding',
      11,
    ],
    ['a long string', word(101n), reader => reader.string(), 'wire/string-too-long', 0],
    ['a string of 2^64 - 1 bytes', word(2n ** 64n - 1n), reader => reader.bytes(), 'wire/string-too-long', 0],
    ['a list that ends', word(10_000_000n), reader => reader.list(() => reader.number()), 'wire/truncated', 8],
    ['a list of 2^24', word(2n ** 24n), reader => reader.list(() => reader.number()), 'wire/number-too-large', 0],
    [
      'a map of 2^24',
      word(2n ** 24n),
      reader =>
        reader.map(
          () => reader.number(),
          () => reader.number(),
        ),
      'wire/number-too-large',
      0,
    ],
    [
      'a list of 2^64 - 1',
      word(2n ** 64n - 1n),
      reader => reader.list(() => reader.number()),
      'wire/number-too-large',
      0,
    ],
    [
      'a long list',
      Buffer.alloc(1000, word(30n)),
      reader => reader.list(() => reader.number()),
      'wire/message-too-large',
      208,
    ],
    ['a chunk of nothing', new Uint8Array(), reader => reader.chunk(1), 'wire/truncated', 0],
  ];
  for (const [why, bytes, read, code, offset] of refusals)
    test(`refuses ${why}`, async () => {
      for (const size of pieceSizes)
        await assert.rejects(read(new WireReader(inPieces(bytes, size), limits)), {
          name: 'NixCompatError',
          code,
          offset,
        });
    });

  test('counts each message anew', async () => {
    const reader = new WireReader([Buffer.alloc(1000)], limits);
    for (let message = 0; message < 10; message++) {
      reader.startMessage();
      for (let at = 0; at < 10; at++) await reader.number();
    }
  });

  test('does not take memory for a string that does not come', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const bytes = Buffer.concat([word(BigInt(defaultWireLimits.maxStringLength)), Buffer.from('abc')]);
    await assert.rejects(new WireReader([bytes]).string(), { code: 'wire/truncated' });
    assert(process.memoryUsage().arrayBuffers - before < 10 * 1024 * 1024);
  });

  test('refuses random bytes with a NixCompatError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fields, async (bytes, field) => {
        try {
          await readLike(new WireReader([bytes]), field);
        } catch (error) {
          if (error instanceof TypeError) return; // the list is longer than the field to be like
          assert(error instanceof NixCompatError, String(error));
        }
      }),
    );
  });
});

describe('WireWriter', () => {
  for (const value of [-1, 0.5, 2 ** 53, NaN, Infinity])
    test(`refuses ${value}`, () => {
      assert.throws(() => new WireWriter().number(value), { code: 'wire/bad-number' });
    });

  for (const value of [-1n, 2n ** 64n])
    test(`refuses ${value}n`, () => {
      assert.throws(() => new WireWriter().bigint(value), { code: 'wire/bad-number' });
    });

  test('gives its bytes away', () => {
    const writer = new WireWriter();
    writer.number(1);
    const first = writer.take();
    writer.number(2);
    assert.equal(writer.size, 8);
    assert.deepEqual([first[0], writer.take()[0], writer.size], [1, 2, 0]);
  });
});

describe('what is taken without waiting', () => {
  const bytes = written(writer => {
    writer.number(7);
    writer.string(byteStringFromText('some text'));
    writer.number(8);
  });

  /** The first `size` bytes of `bytes` are there, the rest is to be waited for. */
  function partlyThere(size: number): WireReader {
    const ready = [bytes.subarray(0, size)];
    const late = [bytes.subarray(size)];
    const next = async () => {
      const value = ready.shift() ?? late.shift();
      return value === undefined ? { done: true as const, value } : { done: false as const, value };
    };
    return new WireReader({ [Symbol.asyncIterator]: () => ({ next, ready: () => ready.shift() }) });
  }

  test('is the same as what is waited for, wherever it breaks off', async () => {
    for (let size = 0; size <= bytes.length; size++) {
      const reader = partlyThere(size);
      const first = reader.takeNumber();
      assert.equal(first, size >= 8 ? 7 : undefined);
      assert.equal(first ?? (await reader.number()), 7);
      const text = reader.takeString() ?? (await reader.string());
      assert.equal(text, byteStringFromText('some text'));
      assert.equal(reader.takeNumber() ?? (await reader.number()), 8);
      assert.equal(reader.hasUnread, false);
      assert.ok(await reader.atEnd());
    }
  });

  test('needs a source that tells what is there', () => {
    const reader = new WireReader([bytes]);
    assert.equal(reader.takeNumber(), undefined);
    assert.equal(reader.takeString(), undefined);
  });
});
