import { type ByteString } from '../../../src/base/index.ts';
import {
  FastCdc,
  decodeDirectory,
  decodeForeignDirectory,
  encodeDirectory,
  sha256FromHex,
  MemoryBlobStore,
  TreeBuilder,
  streamTree,
} from '../../../src/castore/index.ts';
import { ModuloHasher, NarReader, NarWriter, ReferenceScanner, Rewriter } from '../../../src/nix-compat/index.ts';
import { directories } from '../../../src/testing/index.ts';
import { type Target, inChunks, outcomeOf, requireEqual, textOfInput } from '../target.ts';
import { narSeeds } from './nar.ts';
import { samples } from './seeds.ts';

const hash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

function cut(chunks: Iterable<Uint8Array>): number[] {
  const chunker = new FastCdc({ averageSize: 1024 });
  const lengths: number[] = [];
  for (const bytes of chunks) for (const { length } of chunker.push(bytes)) lengths.push(length);
  for (const { length } of chunker.finish()) lengths.push(length);
  return lengths;
}

const from = ['g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q', 'ab', 'aab', '/nix/store'] as ByteString[];
const to = ['00000000000000000000000000000000', 'ba', 'xyz', '/tmp/store'] as ByteString[];
const rewrites = from.map((text, i) => [text, to[i] ?? text] as const);

function rewritten(chunks: Iterable<Uint8Array>): Buffer {
  const pieces: Buffer[] = [];
  const rewriter = new Rewriter(rewrites, piece => pieces.push(Buffer.from(piece)));
  for (const chunk of chunks) rewriter.update(chunk);
  rewriter.finish();
  return Buffer.concat(pieces);
}

/** Rewrites in the plainest way. */
function plainlyRewritten(input: Uint8Array): Buffer {
  const text = Buffer.from(input).toString('latin1');
  let result = '';
  for (let at = 0; at < text.length;) {
    const found = rewrites
      .filter(([pattern]) => text.startsWith(pattern, at))
      .toSorted(([a], [b]) => b.length - a.length)
      .at(0);
    result += found?.[1] ?? text.charAt(at);
    at += found?.[0].length ?? 1;
  }
  return Buffer.from(result, 'latin1');
}

export const castoreTargets: readonly Target[] = [
  {
    name: 'directory',
    weight: 4,
    flavour: 'protobuf',
    seeds: () => samples(directories, 30).map(encodeDirectory),
    dictionary: [
      hash,
      `\x0a\x40${hash}`,
      '\x0a',
      '\x12',
      '\x1a',
      '\x20\x01',
      '\x20\x00',
      '\x10\x00',
      '\x0a\x01a',
      '.',
      '..',
      'a/b',
      '\x22\x00',
      '\x0a\x00',
    ],
    givesOffset: code => code !== 'directory/too-large',
    run(input) {
      const directory = decodeDirectory(input);
      requireEqual(encodeDirectory(directory), input, 'a directory is encoded differently');
      return directory;
    },
  },
  {
    name: 'foreign-directory',
    flavour: 'protobuf',
    seeds: () => samples(directories, 30).map(encodeDirectory),
    dictionary: [
      hash,
      hash.slice(0, 40),
      `\x0a\x40${hash}`,
      '\x0a',
      '\x12',
      '\x1a',
      '\x20\x01',
      '\x10\x00',
      '\x22\x00',
      '\x2a\x02\x0a\x00',
    ],
    givesOffset: code => code === 'directory/malformed' || code === 'directory/bad-name',
    async run(input) {
      const functions = ['sha256', 'sha1', 'blake3'] as const;
      const directory = decodeForeignDirectory(input, functions[input.length % 3] ?? 'sha256');
      if (directory.digestFunction === 'sha256') {
        const strict = await outcomeOf(() => decodeDirectory(input));
        if ('value' in strict) {
          requireEqual(directory.canonical, true, 'a canonical message is not taken for one');
          requireEqual({ entries: directory.entries }, strict.value, 'a canonical message is read differently');
        } else requireEqual(directory.canonical, false, 'what is not canonical is taken for it');
      }
      return directory;
    },
  },
  {
    name: 'sha256-hex',
    flavour: 'text',
    seeds: () => [Buffer.from(hash)],
    dictionary: ['A', 'g', '\n', '/', '0'],
    run: input => sha256FromHex(textOfInput(input)),
  },
  {
    name: 'fast-cdc',
    flavour: 'binary',
    seeds: () => [Buffer.alloc(4000), Buffer.from(Array.from({ length: 8000 }, (_, i) => (i * i * 31) >> 3))],
    dictionary: ['\0\0\0\0\0\0\0\0', '\xff\xff\xff\xff'],
    run(input, random) {
      const whole = cut([input]);
      requireEqual(cut(inChunks(input, random)), whole, 'where chunks end depends on how the bytes come');
      requireEqual(
        whole.reduce((sum, length) => sum + length, 0),
        input.length,
        'chunks are not all of the bytes',
      );
      return whole;
    },
  },
  {
    name: 'rewriter',
    flavour: 'binary',
    seeds: () => [Buffer.from(`x${from[0] ?? ''}y/nix/store/aabab`), Buffer.from('aaabaab/nix/nix/store')],
    dictionary: [...from, 'a', 'b', 'g1w7hy3q', '/nix/sto'],
    run(input, random) {
      const whole = rewritten([input]);
      requireEqual(rewritten(inChunks(input, random)), whole, 'the result depends on the chunks');
      requireEqual(whole, plainlyRewritten(input), 'the result is not what plain replacing gives');
      return whole.equals(input);
    },
  },
  {
    name: 'reference-scanner',
    flavour: 'binary',
    seeds: () => [Buffer.from(`x${from[0] ?? ''}y`)],
    dictionary: [from[0] ?? '', 'g1w7hy3q', '0'.repeat(32)],
    run(input, random) {
      const parts = [from[0] ?? '', '0'.repeat(32), 'abcdfghijklmnpqrsvwxyz0123456789'];
      const scanner = new ReferenceScanner(parts);
      for (const chunk of inChunks(input, random)) scanner.update(chunk);
      const text = Buffer.from(input).toString('latin1');
      requireEqual(
        [...scanner.found].toSorted(),
        parts.filter(part => text.includes(part)).toSorted(),
        'other references are found',
      );
      const hasher = new ModuloHasher('sha256', parts[0] ?? '');
      for (const chunk of inChunks(input, random)) hasher.update(chunk);
      const once = new ModuloHasher('sha256', parts[0] ?? '');
      once.update(input);
      requireEqual(hasher.finish(), once.finish(), 'the hash modulo depends on the chunks');
      return scanner.found;
    },
  },
  {
    name: 'nar-to-tree',
    weight: 2,
    flavour: 'padded',
    seeds: narSeeds,
    dictionary: ['directory', 'entry', 'name', 'a', '', '.', '..', '('],
    async run(input, random) {
      const store = new MemoryBlobStore();
      await using batch = store.batch();
      await using builder = new TreeBuilder(batch);
      const reader = new NarReader(builder);
      for (const chunk of inChunks(input, random)) {
        const taken = reader.push(chunk);
        await builder.drain();
        if (taken < chunk.length) break;
      }
      reader.end();
      const root = await builder.finish();
      await batch.commit();
      const pieces: Buffer[] = [];
      await streamTree(store, root, new NarWriter(piece => void pieces.push(Buffer.from(piece))));
      const nar = Buffer.concat(pieces);
      requireEqual(nar, input.subarray(0, reader.bytesRead), 'a stored tree is another than that of its NAR');
      return root;
    },
  },
];
