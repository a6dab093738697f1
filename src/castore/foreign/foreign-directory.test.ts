import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { directories, encodeWire } from '../../testing/index.ts';
import { decodeDirectory, encodeDirectory, encodeEntries } from '../directory.ts';
import { CastoreError, type CastoreErrorCode } from '../error.ts';
import { decodeForeignDirectory } from './foreign-directory.ts';

const hash = 'ab'.repeat(20);
const digest = encodeWire([
  [1, Buffer.from(hash)],
  [2, 5],
]);

function text(value: string): Buffer {
  return Buffer.from(value, 'latin1');
}

function refusal(bytes: Uint8Array): { code: CastoreErrorCode; offset: number | undefined } {
  try {
    decodeForeignDirectory(bytes, 'sha1');
  } catch (error) {
    assert(error instanceof CastoreError, String(error));
    return { code: error.code, offset: error.offset };
  }
  return assert.fail('not refused');
}

describe('decodeForeignDirectory', () => {
  test('reads what we write, and says that it is canonical', () => {
    fc.assert(
      fc.property(directories, directory => {
        const { entries, canonical } = decodeForeignDirectory(encodeDirectory(directory), 'sha256');
        assert.deepEqual(entries, directory.entries);
        assert(canonical);
      }),
    );
  });

  test('accepts what the strict decoder does, and more; neither fails otherwise than by refusing', () => {
    const mutations = fc.array(
      fc.record({ at: fc.nat(), kind: fc.constantFrom('set', 'cut', 'insert'), byte: fc.nat(255) }),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(
        fc.oneof(directories.map(encodeDirectory), fc.uint8Array({ maxLength: 100 })),
        mutations,
        (message, changes) => {
          const bytes = [...message];
          for (const { at, kind, byte } of changes) {
            bytes.splice(at % (bytes.length + 1), kind === 'insert' ? 0 : 1, ...(kind === 'cut' ? [] : [byte]));
          }
          const changed = Uint8Array.from(bytes);
          let strict: ReturnType<typeof decodeDirectory> | undefined;
          try {
            strict = decodeDirectory(changed);
          } catch (error) {
            assert(error instanceof CastoreError, String(error));
          }
          try {
            const lenient = decodeForeignDirectory(changed, 'sha256');
            assert.equal(lenient.canonical, strict !== undefined);
            if (strict !== undefined) assert.deepEqual(lenient.entries, strict.entries);
            assert.deepEqual(decodeForeignDirectory(encodeEntries(lenient.entries), 'sha256').entries, lenient.entries);
          } catch (error) {
            assert(error instanceof CastoreError, String(error));
            assert.equal(strict, undefined);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('reads fields in any order, merges digests, takes the last scalar, passes over the rest', () => {
    const bytes = encodeWire([
      [5, text('properties')],
      [
        3,
        encodeWire([
          [2, text('target')],
          [1, text('z')],
          [4, text('properties')],
        ]),
      ],
      [
        1,
        encodeWire([
          [4, 7],
          [2, encodeWire([[2, 9]])],
          [1, text('gone')],
          [
            2,
            encodeWire([
              [1, text(hash)],
              [7, 1],
            ]),
          ],
          [1, text('a')],
        ]),
      ],
      [900, 1],
      [
        2,
        encodeWire([
          [2, digest],
          [1, text('m')],
          [4, 1],
        ]),
      ],
    ]);
    assert.deepEqual(decodeForeignDirectory(bytes, 'sha1'), {
      entries: [
        { name: 'a', node: { kind: 'file', digest: { hash, size: 9 }, executable: true } },
        { name: 'm', node: { kind: 'directory', digest: { hash, size: 5 } } },
        { name: 'z', node: { kind: 'symlink', target: 'target' } },
      ],
      digestFunction: 'sha1',
      canonical: false,
    });
  });

  test('passes over unknown fields of every form, also where a known number has another form', () => {
    const fixed = Buffer.concat([
      Buffer.of(0x09),
      Buffer.alloc(8),
      Buffer.of(0x0d),
      Buffer.alloc(4),
      Buffer.of(0x08, 0x05),
    ]);
    assert.deepEqual(decodeForeignDirectory(fixed, 'sha1').entries, []);
  });

  const refused: readonly { why: string; bytes: Uint8Array; code: CastoreErrorCode; offset: number | undefined }[] = [
    {
      why: 'name ..',
      bytes: encodeWire([
        [
          1,
          encodeWire([
            [1, text('..')],
            [2, digest],
          ]),
        ],
      ]),
      code: 'directory/bad-name',
      offset: 1,
    },
    { why: 'no name', bytes: encodeWire([[2, encodeWire([[2, digest]])]]), code: 'directory/bad-name', offset: 1 },
    { why: 'no digest', bytes: encodeWire([[2, encodeWire([[1, text('a')]])]]), code: 'digest/malformed', offset: 1 },
    {
      why: 'a hash of another length',
      bytes: encodeWire([
        [
          2,
          encodeWire([
            [1, text('a')],
            [2, encodeWire([[1, text('ab')]])],
          ]),
        ],
      ]),
      code: 'digest/malformed',
      offset: 1,
    },
    {
      why: 'no target',
      bytes: encodeWire([[3, encodeWire([[1, text('a')]])]]),
      code: 'directory/bad-symlink',
      offset: 1,
    },
    {
      why: 'a name twice',
      bytes: encodeWire([
        [
          3,
          encodeWire([
            [1, text('a')],
            [2, text('b')],
          ]),
        ],
        [
          2,
          encodeWire([
            [1, text('a')],
            [2, digest],
          ]),
        ],
      ]),
      code: 'directory/unsorted',
      offset: undefined,
    },
    { why: 'a length past the end', bytes: Uint8Array.of(0x0a, 5), code: 'directory/malformed', offset: 1 },
    { why: 'a fixed number past the end', bytes: Uint8Array.of(0x0d, 5), code: 'directory/malformed', offset: 1 },
    { why: 'a group', bytes: Uint8Array.of(0x0b, 0x0c), code: 'directory/malformed', offset: 0 },
    { why: 'field 0', bytes: Uint8Array.of(0x02, 0), code: 'directory/malformed', offset: 0 },
    {
      why: 'a number without an end',
      bytes: Uint8Array.from(Array<number>(11).fill(0x80)),
      code: 'directory/malformed',
      offset: 0,
    },
  ];
  for (const { why, bytes, code, offset } of refused) {
    test(`refuses ${why}`, () => assert.deepEqual(refusal(bytes), { code, offset }));
  }

  test('refuses a negative size', () => {
    const size = Buffer.from([0x10, ...Array<number>(9).fill(0xff), 0x01]);
    const bytes = encodeWire([
      [
        2,
        encodeWire([
          [1, text('a')],
          [2, Buffer.concat([encodeWire([[1, text(hash)]]), size])],
        ]),
      ],
    ]);
    assert.equal(refusal(bytes).code, 'digest/malformed');
  });
});
