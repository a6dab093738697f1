import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { noise, readVectors } from '../../testing/index.ts';
import { CastoreError } from '../error.ts';
import { type ChunkBounds, FastCdc, type FastCdcParameters } from './fast-cdc.ts';

/** `sizes` gives the sizes of the pushes, in turn. */
function chunksOf(chunker: FastCdc, bytes: Uint8Array, sizes: readonly number[] = [bytes.byteLength || 1]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    for (const chunk of chunker.push(bytes.subarray(at, at + size))) chunks.push(Buffer.from(chunk));
    at += size;
  }
  for (const chunk of chunker.finish()) chunks.push(Buffer.from(chunk));
  return chunks;
}

const gear = Array.from({ length: 256 }, (_, byte) =>
  createHash('md5').update(Buffer.alloc(64, byte)).digest().readBigUInt64BE(),
);

/** The paper's algorithm a byte at a time, for an average of 1 KiB and a given source. */
function plainCut(bytes: Uint8Array, seed: number): number {
  const [min, average, max] = [256, 1024, 4096];
  if (bytes.byteLength <= min) return bytes.byteLength;
  const end = Math.min(bytes.byteLength, max);
  let hash = 0n;
  // Pairs of bytes: an odd last one is not looked at.
  for (let at = min; at < end - (end % 2); at++) {
    hash = BigInt.asUintN(64, (hash << 1n) + (gear[bytes[at]!]! ^ BigInt(seed)));
    const mask = at < average ? 0x0000d90103530000n : 0x0000001800035300n;
    if ((hash & mask) === 0n) return at;
  }
  return end;
}

describe('FastCdc', () => {
  type Vector = { text: string; size: number; averageSize: number; seed: number; lengths: number[] };
  for (const { text, size, averageSize, seed, lengths } of readVectors('chunking/fast-cdc-2020.json') as Vector[]) {
    test(`cuts ${size} bytes around ${averageSize}, seed ${seed}, as fastcdc does`, () => {
      const bytes = createHash('shake256', { outputLength: size }).update(text).digest();
      for (const pushed of [size, 65_536, 1001]) {
        const chunks = chunksOf(new FastCdc({ averageSize, seed }), bytes, [pushed]);
        assert.deepEqual(
          chunks.map(chunk => chunk.length),
          lengths,
        );
        assert(Buffer.concat(chunks).equals(bytes));
      }
    });
  }

  test('cuts where the plain algorithm does, however the bytes are pushed', () => {
    fc.assert(
      fc.property(
        fc.nat(20_000),
        fc.nat(),
        fc.nat(0xffff_ffff),
        fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1 }),
        (size, noiseSeed, seed, sizes) => {
          const bytes = noise(size, noiseSeed);
          // Long runs of one byte, which only the maximum size cuts.
          if (noiseSeed % 3 === 0) bytes.fill(7, size >> 2, size >> 1);
          const chunks = chunksOf(new FastCdc({ averageSize: 1024, seed }), bytes, sizes);
          let at = 0;
          for (const chunk of chunks) {
            const length = plainCut(bytes.subarray(at), seed);
            assert(chunk.equals(bytes.subarray(at, at + length)));
            at += length;
          }
          assert.equal(at, size);
        },
      ),
    );
  });

  test('cuts bytes without structure at the largest size', () => {
    const chunks = chunksOf(new FastCdc({ averageSize: 1024 }), new Uint8Array(10_000));
    assert.deepEqual(
      chunks.map(chunk => chunk.length),
      [4096, 4096, 1808],
    );
  });

  test('gives no chunk of no bytes, and starts anew after the end', () => {
    const chunker = new FastCdc({ averageSize: 1024 });
    assert.deepEqual(chunksOf(chunker, new Uint8Array(0)), []);
    const bytes = noise(50_000, 1);
    const first = chunksOf(chunker, bytes, [999]);
    assert.deepEqual(chunksOf(chunker, bytes, [10_000]), first);
  });

  test('two chunkers of different seeds do not disturb each other', () => {
    const bytes = noise(100_000, 1);
    const seeds = [1, 2];
    const alone = seeds.map(seed =>
      chunksOf(new FastCdc({ averageSize: 1024, seed }), bytes).map(chunk => chunk.length),
    );
    const chunkers = seeds.map(seed => new FastCdc({ averageSize: 1024, seed }));
    const together: number[][] = [[], []];
    for (let at = 0; at < bytes.length; at += 100) {
      for (const [i, chunker] of chunkers.entries())
        for (const chunk of chunker.push(bytes.subarray(at, at + 100))) together[i]!.push(chunk.length);
    }
    for (const [i, chunker] of chunkers.entries())
      for (const chunk of chunker.finish()) together[i]!.push(chunk.length);
    assert.deepEqual(together, alone);
  });

  test('finds equal parts again after an insertion', () => {
    const bytes = noise(500_000, 1);
    const changed = Buffer.concat([bytes.subarray(0, 100_000), Buffer.from('inserted'), bytes.subarray(100_000)]);
    const before = new Set(chunksOf(new FastCdc({ averageSize: 4096 }), bytes).map(chunk => chunk.toString('latin1')));
    const after = chunksOf(new FastCdc({ averageSize: 4096 }), changed);
    const fresh = after.filter(chunk => !before.has(chunk.toString('latin1')));
    assert(fresh.length <= 3, `${fresh.length} of ${after.length} chunks are new`);
  });

  const bad: readonly (readonly [FastCdcParameters, ChunkBounds?])[] = [
    [{ averageSize: 512 }],
    [{ averageSize: 1000 }],
    [{ averageSize: 1025 }],
    [{ averageSize: 2 ** 21 }],
    [{ averageSize: 0 }],
    [{ averageSize: -1024 }],
    [{ averageSize: NaN }],
    [{ seed: -1 }],
    [{ seed: 0.5 }],
    [{ seed: 2 ** 32 }],
    [{ averageSize: 1024 }, { minSize: 0, maxSize: 4096 }],
    [{ averageSize: 1024 }, { minSize: 255, maxSize: 4096 }],
    [{ averageSize: 1024 }, { minSize: 2048, maxSize: 4096 }],
    [{ averageSize: 1024 }, { minSize: 256, maxSize: 512 }],
    [{ averageSize: 1024 }, { minSize: 256, maxSize: 4096.5 }],
    [{ averageSize: 1024 }, { minSize: 256, maxSize: Infinity }],
  ];
  test('refuses parameters that it is not defined for', () => {
    for (const [parameters, bounds] of bad) {
      assert.throws(
        () => new FastCdc(parameters, bounds),
        (error: unknown) => error instanceof CastoreError && error.code === 'chunking/bad-parameters',
        JSON.stringify([parameters, bounds]),
      );
    }
  });
});
