import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromLatin1 } from '../../base/index.ts';
import { FuseError } from '../error.ts';
import { writingOperations } from './operations.ts';
import { type FuseRequest, decodeRequest } from './request.ts';

/** A request as the kernel writes it: `struct fuse_in_header`, then `body`. Written down by hand from linux/fuse.h. */
function request(opcode: number, body: string, head: { unique?: string; node?: string } = {}): Buffer {
  const { unique = '0a00000000000000', node = '0100000000000000' } = head;
  const bytes = Buffer.from(
    `00000000${word(opcode)}${unique}${node}${'e8030000'.repeat(2)}2a00000000000000${body}`,
    'hex',
  );
  bytes.writeUInt32LE(bytes.byteLength, 0);
  return bytes;
}

function word(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString('hex');
}

const head = { unique: 10, nodeId: 1 };
const malformed = (error: unknown) => error instanceof FuseError && error.code === 'fuse/malformed';

describe('decodeRequest', () => {
  const cases: readonly (readonly [string, Buffer, FuseRequest])[] = [
    ['a look-up', request(1, '61ff00'), { operation: 'lookup', ...head, name: byteStringFromLatin1('a\xff') }],
    [
      'an inode beyond 2^32',
      request(3, '00'.repeat(16), { node: '0000000001000000' }),
      { operation: 'getattr', unique: 10, nodeId: 2 ** 32 },
    ],
    [
      'a read',
      request(15, `${'00'.repeat(8)}0010000001000000${word(131072)}${'00'.repeat(20)}`),
      { operation: 'read', ...head, offset: 2 ** 32 + 4096, size: 131072 },
    ],
    [
      'a listing',
      request(44, `${'00'.repeat(8)}0300000000000000${word(4096)}${'00'.repeat(20)}`),
      { operation: 'readdirplus', ...head, offset: 3, size: 4096 },
    ],
    [
      'forgetting',
      request(2, '0700000000000000'),
      { operation: 'forget', ...head, forgotten: [{ nodeId: 1, lookups: 7 }] },
    ],
    [
      'forgetting many',
      request(
        42,
        `${word(2)}${word(0)}05000000000000000100000000000000060000000000000002000000000000000`.slice(0, 16 + 64),
      ),
      {
        operation: 'batchForget',
        ...head,
        forgotten: [
          { nodeId: 5, lookups: 1 },
          { nodeId: 6, lookups: 2 },
        ],
      },
    ],
    ['an interruption', request(36, '0c00000000000000'), { operation: 'interrupt', ...head, interrupted: 12 }],
    [
      'the beginning',
      request(26, `${word(7)}${word(45)}${word(131072)}${word(0x40000001)}${word(3)}${'00'.repeat(44)}`),
      { operation: 'init', ...head, major: 7, minor: 45, maxReadahead: 131072, features: 0x3_4000_0001n },
    ],
    [
      'the beginning before 7.36',
      request(26, `${word(7)}${word(31)}${word(131072)}${word(1)}`),
      { operation: 'init', ...head, major: 7, minor: 31, maxReadahead: 131072, features: 1n },
    ],
    ['statfs', request(17, ''), { operation: 'statfs', ...head }],
    ['access', request(34, '00'.repeat(8)), { operation: 'refused', error: 'ENOSYS', ...head }],
    ['an ioctl', request(39, '00'.repeat(32)), { operation: 'refused', error: 'ENOTTY', ...head }],
    ['what a newer kernel may ask', request(1000, ''), { operation: 'refused', error: 'ENOSYS', ...head }],
  ];
  for (const [name, bytes, expected] of cases) test(name, () => assert.deepEqual(decodeRequest(bytes), expected));

  test('whatever would change something is refused as that', () => {
    for (const opcode of Object.values(writingOperations)) {
      assert.deepEqual(decodeRequest(request(opcode, '00'.repeat(64))), {
        operation: 'refused',
        error: 'EROFS',
        ...head,
      });
    }
  });

  test('what is no request is said to be none', () => {
    const bad: readonly Buffer[] = [
      Buffer.alloc(0),
      request(17, '').subarray(0, 39),
      // Another length than there are bytes.
      Buffer.concat([request(17, ''), Buffer.alloc(1)]),
      // A name without an end, and one that is too long.
      request(1, '6161'),
      request(1, `${'61'.repeat(1025)}00`),
      request(15, '00'.repeat(8)),
      // More inodes than there are bytes for.
      request(42, `${word(0xffffffff)}${word(0)}`),
      request(3, '', { node: 'ffffffffffffffff' }),
      request(26, ''),
      request(36, ''),
    ];
    for (const bytes of bad) assert.throws(() => decodeRequest(bytes), malformed, bytes.toString('hex'));
  });

  test('any bytes come to a request or to that', () => {
    const bodies = fc.tuple(fc.nat(60), fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(bodies, ([opcode, body]) => {
        try {
          decodeRequest(request(opcode, Buffer.from(body).toString('hex')));
        } catch (error) {
          assert.ok(malformed(error), String(error));
        }
      }),
    );
  });
});
