import { createHash } from 'node:crypto';
import { byteStringOf, bytesOf } from '../../../src/base/index.ts';
import { MemoryBlobStore, importGitStream, importGitTree, streamTree } from '../../../src/castore/index.ts';
import { type GitMode, formatGitTree, makeHash } from '../../../src/nix-compat/index.ts';
import { type TestTree, TreeRecorder, testTrees } from '../../../src/testing/index.ts';
import type { Random } from '../random.ts';
import { type Target, inChunks, outcomeOf, requireEqual } from '../target.ts';
import { samples } from './seeds.ts';

interface GitObject {
  readonly id: string;
  readonly type: string;
  readonly contents: Buffer;
}

/** What git names an object of this type and contents. */
function idOf(type: string, contents: Uint8Array): string {
  return createHash('sha1').update(`${type} ${contents.length}\0`).update(contents).digest('hex');
}

/** The objects of a tree, each before those that it names. */
function objectsOf(tree: TestTree): GitObject[] {
  if (tree.type !== 'directory') {
    const contents = bytesOf(tree.type === 'file' ? tree.contents : tree.target);
    return [{ id: idOf('blob', contents), type: 'blob', contents }];
  }
  const below = tree.entries.map(([, node]) => objectsOf(node));
  const entries = tree.entries.map(([name, node], i) => {
    const mode: GitMode = node.type === 'file' ? (node.executable ? 'executable' : 'regular') : node.type;
    return { name, mode, hash: makeHash('sha1', Buffer.from(below[i]?.[0]?.id ?? '', 'hex')) };
  });
  const contents = formatGitTree(entries);
  return [{ id: idOf('tree', contents), type: 'tree', contents }, ...below.flat()];
}

/** As `git cat-file --batch` writes them. */
function streamOf(objects: readonly GitObject[]): Buffer {
  return Buffer.concat(
    objects.flatMap(({ id, type, contents }) => [
      Buffer.from(`${id} ${type} ${contents.length}\n`),
      contents,
      Buffer.from('\n'),
    ]),
  );
}

const line = /^([0-9a-f]{40}|[0-9a-f]{64}) ([a-z]+) ([0-9]{1,9})$/;

/** The objects of a stream as far as it is one. */
function parse(stream: Buffer): GitObject[] {
  const objects: GitObject[] = [];
  let at = 0;
  for (;;) {
    const end = stream.indexOf('\n', at);
    const [, id = '', type = '', digits = ''] = line.exec(end < 0 ? '' : stream.toString('latin1', at, end)) ?? [];
    const next = end + 1 + Number(digits);
    if (id === '' || next > stream.length) return objects;
    objects.push({ id, type, contents: stream.subarray(end + 1, next) });
    at = Math.min(stream.length, next + 1);
  }
}

const start = /(?<=^|\n)([0-9a-f]{40}) ([a-z]+) ([0-9]{1,9})\n/g;

/** Gives objects the names and sizes that they now have, and corrects the trees that name them. */
function repair(input: Uint8Array): Uint8Array {
  const stream = Buffer.from(input);
  const starts = [...stream.toString('latin1').matchAll(start)];
  const renamed = new Map<string, string>();
  const repaired = starts.toReversed().map(([whole, id = '', type = ''], i) => {
    const from = (starts.at(-1 - i)?.index ?? 0) + whole.length;
    const next = i === 0 ? stream.length : (starts.at(-i)?.index ?? 0);
    const contents = stream.subarray(from, Math.max(from, next - 1));
    const corrected = type === 'tree' ? Buffer.from(renameWithin(byteStringOf(contents), renamed), 'latin1') : contents;
    const name = idOf(type, corrected);
    renamed.set(Buffer.from(id, 'hex').toString('latin1'), Buffer.from(name, 'hex').toString('latin1'));
    return { id: name, type, contents: corrected };
  });
  return Buffer.concat([stream.subarray(0, starts[0]?.index ?? 0), streamOf(repaired.toReversed())]);
}

function renameWithin(contents: string, renamed: ReadonlyMap<string, string>): string {
  let result = contents;
  for (const [before, after] of renamed) result = result.replaceAll(before, () => after);
  return result;
}

async function read(importTree: (store: MemoryBlobStore) => ReturnType<typeof importGitTree>): Promise<unknown> {
  const store = new MemoryBlobStore();
  const root = await importTree(store);
  const recorder = new TreeRecorder();
  await streamTree(store, root, recorder);
  return { root, events: recorder.events };
}

async function run(input: Uint8Array, random: Random): Promise<unknown> {
  const objects = parse(Buffer.from(input));
  const root = objects[0]?.id ?? '0'.repeat(40);
  const submodules = random.oneIn(2) ? ('refuse' as const) : ('empty' as const);
  const fromStream = (chunks: Iterable<Uint8Array>) =>
    read(async store => {
      await using batch = store.batch();
      const node = await importGitStream(root, chunks, batch, { submodules });
      await batch.commit();
      return node;
    });
  const byId = new Map(
    objects.map(({ id, type, contents }) => [id, [Buffer.from(`${type} ${contents.length}\0`), contents]]),
  );
  const fetched = await outcomeOf(() =>
    read(async store => {
      await using batch = store.batch();
      const node = await importGitTree(root, id => Promise.resolve(byId.get(id)), batch, { submodules });
      await batch.commit();
      return node;
    }),
  );
  const whole = await outcomeOf(() => fromStream([input]));
  requireEqual(await outcomeOf(() => fromStream(inChunks(input, random))), whole, 'the outcome depends on the chunks');
  if ('value' in whole && 'value' in fetched)
    requireEqual(fetched.value, whole.value, 'objects that are fetched make another tree than those that are sent');
  return 'value' in whole ? whole.value : fromStream([input]);
}

export const gitImportTargets: readonly Target[] = [
  {
    name: 'git-import',
    weight: 3,
    flavour: 'binary',
    seeds: () =>
      samples(testTrees, 40)
        .filter(({ type }) => type === 'directory')
        .map(tree => streamOf(objectsOf(tree))),
    dictionary: [
      [
        '100644 a\0',
        '100755 b\0',
        '120000 l\0',
        '40000 d\0',
        '160000 m\0',
        '100664 g\0',
        ' blob ',
        ' tree ',
        ' commit ',
      ],
      [' tag ', ' missing\n', '\n', '\0', '..', '.', 'a/b', '0'.repeat(40), `${'0'.repeat(40)} blob 0\n\n`],
    ].flat(),
    repair,
    run,
  },
];
