import {
  GitObjectReader,
  GitTreeHasher,
  NarReader,
  formatGitTree,
  gitObjectHeader,
  parseGitTree,
  type GitAlgorithm,
  type GitTreeEntry,
  hashBytes,
} from '../../../src/nix-compat/index.ts';
import { byteStringFromLatin1 } from '../../../src/base/index.ts';
import type { Random } from '../random.ts';
import { type Outcome, type Target, inChunks, outcomeOf, requireEqual, seed } from '../target.ts';
import { narSeeds } from './nar.ts';

const dictionary = [
  ['100644 ', '100755 ', '120000 ', '40000 ', '040000 ', '160000 ', '100664 ', 'blob ', 'tree ', 'commit ', 'tag '],
  ['.', '..', 'a/b', 'a', 'a.', 'a/', 'a0', '\0', ' ', 'x'.repeat(20), 'y'.repeat(32)],
].flat();

function trees(algorithm: GitAlgorithm): Buffer[] {
  const entry = (name: string, mode: GitTreeEntry['mode']) => ({
    name: byteStringFromLatin1(name),
    mode,
    hash: hashBytes(algorithm, Buffer.from(name)),
  });
  return [
    [],
    [entry('a', 'regular')],
    [entry('a', 'directory'), entry('a.b', 'regular'), entry('a-', 'executable'), entry('l\xff', 'symlink')],
    Array.from({ length: 30 }, (_, i) => entry(`f${i}`, i % 3 === 0 ? 'directory' : 'regular')),
  ].map(formatGitTree);
}

const algorithms = ['sha1', 'sha256'] as const;

function objects(): Uint8Array[] {
  const contents = [...trees('sha1'), ...trees('sha256')].map(tree =>
    Buffer.concat([gitObjectHeader('tree', tree.length), tree]),
  );
  const blobs = ['', 'a', 'hello\n', 'z'.repeat(3000)].map(blob => seed(`blob ${blob.length}\0${blob}`));
  return [...contents, ...blobs];
}

interface Reading {
  readonly entries: GitTreeEntry[] | undefined;
  readonly content: Buffer;
  /** Bytes, if nothing was refused. */
  readonly taken: number;
  readonly end: Outcome;
}

async function read(chunks: Iterable<Uint8Array>, algorithm: GitAlgorithm): Promise<Reading> {
  const pieces: Buffer[] = [];
  let entries: GitTreeEntry[] | undefined;
  let taken = 0;
  const reader = new GitObjectReader(
    {
      startBlob() {},
      blobData: chunk => void pieces.push(Buffer.from(chunk)),
      endBlob() {},
      tree: found => void (entries = found),
    },
    { algorithm },
  );
  const end = await outcomeOf(() => {
    for (const chunk of chunks) {
      const count = reader.push(chunk);
      taken += count;
      if (count < chunk.length) break;
    }
    reader.end();
  });
  return { entries, content: Buffer.concat(pieces), taken: 'value' in end ? taken : 0, end };
}

async function runObject(input: Uint8Array, random: Random): Promise<unknown> {
  const algorithm = algorithms[(input[input.length - 1] ?? 0) % 2] ?? 'sha1';
  const whole = await read([input], algorithm);
  requireEqual(await read(inChunks(input, random), algorithm), whole, 'the outcome depends on the chunks');
  const { entries, content, taken, end } = whole;
  if (!('value' in end)) {
    const reader = new GitObjectReader({ startBlob() {}, blobData() {}, endBlob() {}, tree() {} }, { algorithm });
    reader.push(input);
    reader.end();
  }
  const body = entries === undefined ? content : formatGitTree(entries);
  const type = entries === undefined ? 'blob' : 'tree';
  const again = Buffer.concat([gitObjectHeader(type, body.length), body]);
  requireEqual(again, input.subarray(0, taken), 'an object is written differently');
  return [type, entries, content];
}

const always = () => true;

export const gitTargets: readonly Target[] = [
  { name: 'git-object', weight: 3, flavour: 'binary', seeds: objects, dictionary, run: runObject, givesOffset: always },
  ...algorithms.map(algorithm => ({
    name: `git-tree-${algorithm}`,
    flavour: 'binary' as const,
    seeds: () => trees(algorithm),
    dictionary,
    givesOffset: always,
    run(input: Uint8Array) {
      const entries = parseGitTree(input, algorithm);
      requireEqual(formatGitTree(entries), input, 'a tree is written differently');
      return entries;
    },
  })),
  {
    name: 'git-hash-of-nar',
    flavour: 'padded',
    seeds: narSeeds,
    dictionary: ['directory', 'entry', 'name', 'a', 'a.', 'a0'],
    run(input, random) {
      const whole = new GitTreeHasher('sha1');
      const one = new NarReader(whole);
      one.push(input);
      one.end();
      const chunked = new GitTreeHasher('sha1');
      const other = new NarReader(chunked);
      for (const chunk of inChunks(input, random)) if (other.push(chunk) < chunk.length) break;
      requireEqual(chunked.root, whole.root, 'the hash depends on the chunks');
      return whole.root;
    },
  },
];
