import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText, toHex } from '../base/index.ts';
import { directories } from '../testing/index.ts';
import { sha256FromHex } from './digest.ts';
import { decodeDirectory, encodeDirectory, maxDirectoryEntries } from './directory.ts';
import { CastoreError, type CastoreErrorCode } from './error.ts';
import type { Directory, DirectoryEntry, Node } from './node.ts';

const hash = sha256FromHex('ab'.repeat(32));

function key(name: string, node: Node): DirectoryEntry {
  return { name: byteStringFromText(name), node };
}

function refusedBy(...entries: readonly DirectoryEntry[]): CastoreErrorCode {
  return refusal(() => encodeDirectory({ entries })).code;
}

function refusal(action: () => unknown): { code: CastoreErrorCode; offset: number | undefined } {
  try {
    action();
  } catch (error) {
    assert(error instanceof CastoreError, String(error));
    return { code: error.code, offset: error.offset };
  }
  return assert.fail('not refused');
}

/** A field: number, then a string, bytes, or (as a number) a varint below 128. */
type Field = readonly [number: number, value: string | Uint8Array | number];

function message(...fields: readonly Field[]): Uint8Array {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.from([number << 3, value]);
      const body = Buffer.from(value as string, 'latin1');
      assert(body.length < 128);
      return Buffer.concat([Buffer.from([(number << 3) | 2, body.length]), body]);
    }),
  );
}

const digest = message([1, hash], [2, 5]);
const file = (name: string, ...more: readonly Field[]): Field => [1, message([1, name], [2, digest], ...more)];
const directory = (name: string, ...more: readonly Field[]): Field => [2, message([1, name], [2, digest], ...more)];
const symlink = (name: string, target: string, ...more: readonly Field[]): Field => [
  3,
  message([1, name], [2, target], ...more),
];

describe('Directory', () => {
  test('the empty directory is the empty message', () => {
    assert.equal(encodeDirectory({ entries: [] }).byteLength, 0);
    assert.deepEqual(decodeDirectory(new Uint8Array(0)), { entries: [] });
  });

  test('is the message that `protoc --encode` (3.21) writes', () => {
    const entries = [
      key('a', { kind: 'symlink', target: byteStringFromText('b') }),
      key('b', { kind: 'file', digest: { hash, size: 300 }, executable: true }),
      key('c', { kind: 'directory', digest: { hash, size: 0 } }),
      key('d', { kind: 'file', digest: { hash, size: 1 }, executable: false }),
      key('é', { kind: 'file', digest: { hash, size: Number.MAX_SAFE_INTEGER }, executable: false }),
    ];
    const hex = Buffer.from(hash).toString('hex');
    const expected = [
      `0a4c 0a0162 1245 0a40${hex} 10ac02 2001`,
      `0a49 0a0164 1244 0a40${hex} 1001`,
      `0a51 0a02c3a9 124b 0a40${hex} 10ffffffffffffff0f`,
      `1247 0a0163 1242 0a40${hex}`,
      `1a06 0a0161 120162`,
    ];
    const bytes = encodeDirectory({ entries });
    assert.equal(toHex(bytes), expected.join('').replaceAll(' ', ''));
    assert.deepEqual(decodeDirectory(bytes), { entries });
  });

  test('decode after encode is the identity', () => {
    fc.assert(fc.property(directories, value => assert.deepEqual(decodeDirectory(encodeDirectory(value)), value)));
  });

  test('a mutated message is refused or is canonical', () => {
    const mutations = fc.array(
      fc.record({ at: fc.nat(), kind: fc.constantFrom('set', 'cut', 'insert'), byte: fc.nat(255) }),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(directories, mutations, (value, changes) => {
        const bytes = [...encodeDirectory(value)];
        for (const { at, kind, byte } of changes)
          bytes.splice(at % (bytes.length + 1), kind === 'insert' ? 0 : 1, ...(kind === 'cut' ? [] : [byte]));
        decodesToItself(Uint8Array.from(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  test('random bytes are refused or are canonical', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), decodesToItself), { numRuns: 2000 });
  });

  const refused: readonly { why: string; bytes: Uint8Array; code: CastoreErrorCode; offset: number }[] = [
    { why: 'name ..', bytes: message(file('..')), code: 'directory/bad-name', offset: 2 },
    { why: 'name .', bytes: message(directory('.')), code: 'directory/bad-name', offset: 2 },
    { why: 'slash in a name', bytes: message(symlink('a/b', 'x')), code: 'directory/bad-name', offset: 2 },
    { why: 'NUL in a name', bytes: message(file('a\0b')), code: 'directory/bad-name', offset: 2 },
    { why: 'empty name, left out', bytes: message([1, message([2, digest])]), code: 'directory/bad-name', offset: 2 },
    {
      why: 'empty name, written out',
      bytes: message([1, message([1, ''], [2, digest])]),
      code: 'directory/bad-name',
      offset: 2,
    },
    { why: 'same name twice', bytes: message(file('a'), file('a')), code: 'directory/unsorted', offset: 77 },
    {
      why: 'same name in two lists',
      bytes: message(file('a'), symlink('a', 'x')),
      code: 'directory/unsorted',
      offset: 77,
    },
    {
      why: 'same name in the last two lists',
      bytes: message(file('0'), directory('a'), symlink('a', 'x')),
      code: 'directory/unsorted',
      offset: 152,
    },
    { why: 'descending names', bytes: message(directory('b'), directory('a')), code: 'directory/unsorted', offset: 77 },
    {
      why: 'files after directories',
      bytes: message(directory('b'), file('a')),
      code: 'directory/not-canonical',
      offset: 75,
    },
    {
      why: 'digest before name',
      bytes: message([1, message([2, digest], [1, 'a'])]),
      code: 'directory/bad-name',
      offset: 2,
    },
    {
      why: 'name twice',
      bytes: message([1, message([1, 'a'], [1, 'a'], [2, digest])]),
      code: 'directory/not-canonical',
      offset: 5,
    },
    {
      why: 'digest twice',
      bytes: message([2, message([1, 'a'], [2, message([1, hash])], [2, ''])]),
      code: 'directory/not-canonical',
      offset: 73,
    },
    { why: 'no digest', bytes: message([1, message([1, 'a'])]), code: 'digest/malformed', offset: 5 },
    { why: 'empty digest', bytes: message([1, message([1, 'a'], [2, ''])]), code: 'digest/malformed', offset: 7 },
    {
      why: 'short hash',
      bytes: message([1, message([1, 'a'], [2, message([1, 'abcd'])])]),
      code: 'digest/malformed',
      offset: 7,
    },
    {
      why: 'upper-case hash',
      bytes: message([1, message([1, 'a'], [2, message([1, hash.toUpperCase()])])]),
      code: 'digest/malformed',
      offset: 7,
    },
    {
      why: 'size before hash',
      bytes: message([1, message([1, 'a'], [2, message([2, 1], [1, hash])])]),
      code: 'directory/not-canonical',
      offset: 7,
    },
    {
      why: 'size 0 written out',
      bytes: message([1, message([1, 'a'], [2, message([1, hash], [2, 0])])]),
      code: 'directory/not-canonical',
      offset: 73,
    },
    {
      why: 'executable false written out',
      bytes: message(file('a', [4, 0])),
      code: 'directory/not-canonical',
      offset: 75,
    },
    { why: 'executable 2', bytes: message(file('a', [4, 2])), code: 'directory/not-canonical', offset: 75 },
    { why: 'executable directory', bytes: message(directory('a', [4, 1])), code: 'directory/unsupported', offset: 75 },
    { why: 'field 3 of a file', bytes: message(file('a', [3, 'x'])), code: 'directory/unsupported', offset: 75 },
    { why: 'properties of a file', bytes: message(file('a', [6, ''])), code: 'directory/unsupported', offset: 75 },
    {
      why: 'properties of a symlink',
      bytes: message(symlink('a', 'b', [4, ''])),
      code: 'directory/unsupported',
      offset: 8,
    },
    {
      why: 'properties of the directory',
      bytes: message(file('a'), [5, '']),
      code: 'directory/unsupported',
      offset: 75,
    },
    { why: 'field 15', bytes: message([15, '']), code: 'directory/unsupported', offset: 0 },
    {
      why: 'field 3 of a digest',
      bytes: message([1, message([1, 'a'], [2, message([1, hash], [3, 1])])]),
      code: 'directory/unsupported',
      offset: 73,
    },
    {
      why: 'symlink without a target',
      bytes: message([3, message([1, 'a'])]),
      code: 'directory/bad-symlink',
      offset: 5,
    },
    { why: 'symlink with an empty target', bytes: message(symlink('a', '')), code: 'directory/bad-symlink', offset: 5 },
    { why: 'NUL in a target', bytes: message(symlink('a', 'b\0')), code: 'directory/bad-symlink', offset: 5 },
    { why: 'a group', bytes: Uint8Array.of(0x0b), code: 'directory/malformed', offset: 0 },
    { why: 'field number 0', bytes: Uint8Array.of(0x02, 0), code: 'directory/malformed', offset: 0 },
    { why: 'key that does not end', bytes: Uint8Array.of(0x80), code: 'directory/malformed', offset: 0 },
    {
      why: 'key of eleven bytes',
      bytes: Uint8Array.from([...Array<number>(10).fill(0x80), 1]),
      code: 'directory/malformed',
      offset: 0,
    },
    { why: 'key with a needless byte', bytes: Uint8Array.of(0x8a, 0x00), code: 'directory/not-canonical', offset: 0 },
    { why: 'length missing', bytes: Uint8Array.of(0x0a), code: 'directory/malformed', offset: 1 },
    { why: 'length past the end', bytes: Uint8Array.of(0x0a, 0x05, 0x0a), code: 'directory/malformed', offset: 1 },
    {
      why: 'length of 2^63',
      bytes: Uint8Array.from([0x0a, ...Array<number>(9).fill(0xff), 0x01]),
      code: 'directory/malformed',
      offset: 1,
    },
    {
      why: 'length with a needless byte',
      bytes: Uint8Array.of(0x0a, 0x81, 0x00, 0x00),
      code: 'directory/not-canonical',
      offset: 1,
    },
    {
      why: 'name past its file',
      bytes: Uint8Array.of(0x0a, 0x02, 0x0a, 0x05, 1, 1, 1, 1, 1),
      code: 'directory/malformed',
      offset: 3,
    },
    {
      why: 'negative size',
      bytes: message([
        1,
        message(
          [1, 'a'],
          [2, Buffer.concat([message([1, hash]), Uint8Array.of(0x10, ...Array<number>(9).fill(0xff), 0x01)])],
        ),
      ]),
      code: 'digest/malformed',
      offset: 73,
    },
  ];
  for (const { why, bytes, code, offset } of refused) {
    test(`refuses ${why}`, () =>
      assert.deepEqual(
        refusal(() => decodeDirectory(bytes)),
        { code, offset },
      ));
  }

  test('does not encode what it would not decode', () => {
    const node: Node = { kind: 'directory', digest: { hash, size: 1 } };
    assert.equal(refusedBy(key('..', node)), 'directory/bad-name');
    assert.equal(refusedBy(key('b', node), key('a', node)), 'directory/unsorted');
    assert.equal(refusedBy(key('a', node), key('a', node)), 'directory/unsorted');
    assert.equal(refusedBy(key('a', { kind: 'symlink', target: byteStringFromText('') })), 'directory/bad-symlink');
    assert.equal(refusedBy(key('a', { kind: 'directory', digest: { hash, size: -1 } })), 'digest/malformed');
    assert.equal(refusedBy(key('a', { kind: 'directory', digest: { hash, size: 0.5 } })), 'digest/malformed');
  });
});

function decodesToItself(bytes: Uint8Array): void {
  let value: Directory;
  try {
    value = decodeDirectory(bytes);
  } catch (error) {
    assert(error instanceof CastoreError, String(error));
    return;
  }
  assert.equal(toHex(encodeDirectory(value)), toHex(bytes));
}

test('a directory of more entries than the limit is neither encoded nor decoded', () => {
  const target = byteStringFromText('t');
  const entries = Array.from({ length: maxDirectoryEntries + 1 }, (_, i) =>
    key(i.toString(36).padStart(4, '0'), { kind: 'symlink', target }),
  );
  assert.equal(refusal(() => encodeDirectory({ entries })).code, 'directory/too-many-entries');
  const last = entries.pop();
  assert.ok(last !== undefined);
  const most = encodeDirectory({ entries });
  assert.equal(decodeDirectory(most).entries.length, maxDirectoryEntries);
  const more = Buffer.concat([most, encodeDirectory({ entries: [last] })]);
  const { code, offset } = refusal(() => decodeDirectory(more));
  assert.deepEqual([code, offset], ['directory/too-many-entries', most.byteLength + 2]);
});
