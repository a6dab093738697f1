import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { features, negotiate } from './init.ts';
import { entryInvalidation, inodeInvalidation } from './notify.ts';
import { ReplyWriter, forEver } from './reply.ts';

const attributes = {
  nodeId: 2 ** 33 + 5,
  size: 2 ** 32 + 1,
  mode: 0o100555,
  time: { seconds: 1, nanoseconds: 258 },
  user: 1000,
  group: 100,
};

/** `struct fuse_attr` of these, field by field. */
const attributesBytes = [
  '0500000002000000', // inode
  '0100000001000000', // size
  '0100800000000000', // blocks of 512: 8388609
  '0100000000000000'.repeat(3), // times
  '02010000'.repeat(3), // their nanoseconds
  '6d810000', // mode
  '01000000', // links
  'e8030000', // user
  '64000000', // group
  '00000000', // device
  '00000000', // size of blocks
  '00000000', // flags
].join('');

function written(write: (writer: ReplyWriter) => void, unique = 10): string {
  const writer = new ReplyWriter(4096);
  writer.begin();
  write(writer);
  return writer.finish(unique).toString('hex');
}

describe('ReplyWriter', () => {
  test('an error', () => {
    assert.equal(new ReplyWriter(100).fail(10, 'ENOENT').toString('hex'), '10000000feffffff0a00000000000000');
  });

  test('the number of a request beyond 2^32', () => {
    assert.equal(
      written(() => {}, 2 ** 40 + 3),
      '10000000000000000300000000010000',
    );
  });

  test('attributes', () => {
    const expected = `78000000000000000a00000000000000e803000000000000${'00'.repeat(8)}${attributesBytes}`;
    assert.equal(
      written(writer => writer.attributes(attributes, 1000)),
      expected,
    );
  });

  test('an entry', () => {
    const valid = Buffer.alloc(8);
    valid.writeBigUInt64LE(BigInt(forEver));
    const expected = [
      '90000000000000000a00000000000000',
      '0500000002000000', // inode
      '0000000000000000', // generation
      '0500000000000000', // validity of the name
      valid.toString('hex'), // of the attributes
      '00'.repeat(8), // their nanoseconds
      attributesBytes,
    ].join('');
    assert.equal(
      written(writer => writer.entry(attributes, { entry: 5, attributes: forEver })),
      expected,
    );
  });

  test('no entry', () => {
    const expected = `90000000000000000a00000000000000${'00'.repeat(16)}0900000000000000${'00'.repeat(104)}`;
    assert.equal(
      written(writer => writer.noEntry(9)),
      expected,
    );
  });

  test('a listing, as far as there is room', () => {
    const name = byteStringFromText('é');
    const dirent = { nodeId: 7, next: 3, name, mode: 0o040555 };
    const bytes = '070000000000000003000000000000000200000004000000c3a9000000000000';
    assert.equal(
      written(writer => assert.ok(writer.dirent(dirent, 32))),
      `30000000000000000a00000000000000${bytes}`,
    );
    assert.equal(
      written(writer => assert.ok(!writer.dirent(dirent, 31))),
      '10000000000000000a00000000000000',
    );
    const options = { validity: { entry: 1, attributes: 1 }, limit: 160 };
    const plus = written(writer => {
      assert.ok(writer.fits(name, 160, true));
      assert.ok(!writer.fits(name, 159, true));
      assert.ok(writer.direntplus(dirent, undefined, options));
      assert.ok(!writer.direntplus(dirent, attributes, options));
    });
    assert.equal(plus, `b0000000000000000a00000000000000${'00'.repeat(128)}${bytes}`);
  });

  test('nothing of an answer is left in the next', () => {
    const writer = new ReplyWriter(4096);
    writer.begin();
    writer.bytes(Buffer.alloc(600, 0xff));
    writer.finish(1);
    writer.begin();
    writer.statistics({ blockSize: 4096, maxName: 255 });
    const words = writer.finish(1).subarray(16);
    assert.equal(words.byteLength, 80);
    assert.deepEqual(
      [40, 44, 48].map(at => words.readUInt32LE(at)),
      [4096, 255, 4096],
    );
    assert.equal(
      words.reduce((sum, byte) => sum + byte, 0),
      16 + 255 + 16,
    );
  });
});

describe('negotiate', () => {
  const all = (1n << 64n) - 1n;

  test('takes what both have', () => {
    const { features: common, answer } = negotiate({ major: 7, minor: 45, maxReadahead: 131072, features: all });
    assert.equal(
      common,
      Object.values(features).reduce((bits, bit) => bits | bit, 0n),
    );
    assert.deepEqual(
      [0, 4, 8].map(at => answer.readUInt32LE(at)),
      [7, 38, 131072],
    );
    assert.equal(answer.readUInt32LE(12), Number(common & 0xffffffffn));
    assert.equal(answer.readUInt16LE(28), 256);
    assert.equal(answer.byteLength, 64);
  });

  test('asks for nothing that the kernel lacks', () => {
    assert.equal(
      negotiate({ major: 7, minor: 23, maxReadahead: 1, features: features.asyncRead | (1n << 40n) }).features,
      features.asyncRead,
    );
  });

  test('refuses kernels that are too old', () => {
    for (const [major, minor] of [
      [7, 22],
      [6, 99],
    ] as const)
      assert.throws(() => negotiate({ major, minor, maxReadahead: 1, features: all }), { code: 'fuse/unsupported' });
  });
});

test('that what is known of a name or an inode is stale', () => {
  const expected = '2300000003000000000000000000000001000000000000000200000000000000616200';
  assert.equal(entryInvalidation(1, byteStringFromText('ab')).toString('hex'), expected);
  assert.equal(
    inodeInvalidation(1).toString('hex'),
    `280000000200000000000000000000000100000000000000${'00'.repeat(16)}`,
  );
});
