import {
  ExportWriter,
  FramedReader,
  FramedWriter,
  WireReader,
  WireWriter,
  acceptServeConnection,
  acceptWorkerConnection,
  hashBytes,
  latestServeVersion,
  openServeConnection,
  openWorkerConnection,
  readExport,
  type PathInfo,
} from '../../../src/nix-compat/index.ts';
import { TreeRecorder, playTree, testTrees } from '../../../src/testing/index.ts';
import { Random } from '../random.ts';
import { type Outcome, type Target, inChunks, outcomeOf, requireEqual } from '../target.ts';
import { samples, storeDir } from './seeds.ts';
import { dictionary, infos, path, text, vectorsNamed } from './wire-format.ts';

/** Several things one after the other, for what the reader keeps between them. */
async function readStream(reader: WireReader, random: Random): Promise<unknown> {
  const found: unknown[] = [];
  while (!(await reader.atEnd())) {
    reader.startMessage();
    switch (random.below(7)) {
      case 0:
        found.push(await reader.number());
        break;
      case 1:
        found.push(await reader.bigint());
        break;
      case 2:
        found.push(await reader.boolean());
        break;
      case 3:
        found.push(await reader.string(random.pick([10, 1000, 100_000])));
        break;
      case 4:
        found.push(await reader.bytes());
        break;
      case 5:
        found.push(await reader.list(() => reader.string()));
        break;
      default:
        found.push(
          await reader.map(
            () => reader.bigint(),
            () => reader.string(),
          ),
        );
    }
  }
  return found;
}

const fields = (): Uint8Array[] => {
  const writer = new WireWriter();
  for (const word of ['', 'a', path, 'x'.repeat(100)]) writer.string(text(word));
  for (const number of [0, 1, 2, 3, 8, 2 ** 53 - 1]) writer.number(number);
  writer.map(
    new Map([[1, 'a']]),
    key => writer.number(key),
    value => writer.string(text(value)),
  );
  return [writer.take(), ...vectorsNamed(/string|vector|set|list/)];
};

async function drained(
  chunks: Iterable<Uint8Array>,
): Promise<{ readonly content: Buffer; readonly offset: number; readonly end: Outcome }> {
  const reader = new WireReader(chunks);
  const pieces: Buffer[] = [];
  const end = await outcomeOf(async () => {
    for await (const chunk of new FramedReader(reader)) pieces.push(Buffer.from(chunk));
  });
  return { content: Buffer.concat(pieces), offset: 'value' in end ? reader.offset : 0, end };
}

function frames(contents: readonly string[]): Uint8Array {
  const pieces: Buffer[] = [];
  const writer = new FramedWriter(piece => pieces.push(Buffer.from(piece)));
  for (const content of contents) writer.push(Buffer.from(content));
  writer.end();
  return Buffer.concat(pieces);
}

async function readExported(chunks: Iterable<Uint8Array>) {
  const recorder = new TreeRecorder();
  const objects: PathInfo[] = [];
  const reader = new WireReader(chunks);
  const end = await outcomeOf(() =>
    readExport(reader, storeDir, { startObject: () => recorder, endObject: info => void objects.push(info) }),
  );
  return { events: recorder.events, objects, end, offset: 'value' in end ? reader.offset : 0 };
}

function exported(): Uint8Array[] {
  return [0, 1, 3].map(count => {
    const pieces: Buffer[] = [];
    const writer = new ExportWriter(storeDir, piece => pieces.push(Buffer.from(piece)));
    samples(testTrees, count + 1)
      .slice(1)
      .forEach((tree, i) => {
        const start = pieces.length + 1;
        playTree(tree, writer.startObject());
        const nar = Buffer.concat(pieces.slice(start));
        const info = infos()[i];
        if (info !== undefined) writer.endObject({ ...info, narHash: hashBytes('sha256', nar), narSize: nar.length });
      });
    writer.end();
    return Buffer.concat(pieces);
  });
}

function words(...items: readonly (number | string | readonly string[])[]): Uint8Array {
  const writer = new WireWriter();
  for (const item of items) {
    if (typeof item === 'number') writer.number(item);
    else if (typeof item === 'string') writer.string(text(item));
    else writer.list(item, word => writer.string(text(word)));
  }
  return writer.take();
}

const clientMagic = 0x6e697863;
const serverMagic = 0x6478696f;
const handshakes: readonly (readonly [
  string,
  () => readonly Uint8Array[],
  (reader: WireReader, send: () => void) => Promise<unknown>,
])[] = [
  [
    'open-worker',
    () =>
      [18, 23, 33, 35, 37]
        .map(minor => words(serverMagic, 256 + minor, '2.34', 1))
        .concat([words(serverMagic, 294, ['x'], '2.34', 2)]),
    (reader, send) => openWorkerConnection({ reader, send }),
  ],
  [
    'accept-worker',
    () => [words(clientMagic, 274, 0, 0), words(clientMagic, 291, 1, 7, 0), words(clientMagic, 294, ['a', 'b'], 0, 0)],
    (reader, send) => acceptWorkerConnection({ reader, send }, { version: text('2.34'), trustsClient: true }),
  ],
  [
    'open-serve',
    () => [words(0x5452eecb, 0x205), words(0x5452eecb, 0x207)],
    (reader, send) => openServeConnection({ reader, send }),
  ],
  [
    'accept-serve',
    () => [words(0x390c9deb, 0x205), words(0x390c9deb, 0x201)],
    (reader, send) => acceptServeConnection({ reader, send }, latestServeVersion),
  ],
];

export const wireStreamTargets: readonly Target[] = [
  {
    name: 'wire-primitives',
    weight: 2,
    flavour: 'padded',
    seeds: fields,
    dictionary,
    givesOffset: () => true,
    async run(input, random) {
      const seed = String(random.next());
      const whole = await outcomeOf(() => readStream(new WireReader([input]), new Random(seed)));
      const chunked = await outcomeOf(() => readStream(new WireReader(inChunks(input, random)), new Random(seed)));
      requireEqual(chunked, whole, 'the outcome depends on the chunks');
      return readStream(new WireReader([input]), new Random(seed));
    },
  },
  {
    name: 'wire-framed',
    flavour: 'padded',
    seeds: () => [frames([]), frames(['a']), frames(['hello', 'x'.repeat(1000)])],
    dictionary,
    async run(input, random) {
      const whole = await drained([input]);
      const chunked = await drained(inChunks(input, random));
      requireEqual(chunked, whole, 'the outcome depends on the chunks');
      await new FramedReader(new WireReader([input])).drain();
      return whole;
    },
  },
  {
    name: 'wire-export',
    weight: 3,
    flavour: 'padded',
    seeds: exported,
    dictionary: [
      ...dictionary,
      '(',
      ')',
      'type',
      'regular',
      'contents',
      'directory',
      'entry',
      'name',
      'node',
      'symlink',
      'target',
    ],
    async run(input, random) {
      const whole = await readExported([input]);
      requireEqual(await readExported(inChunks(input, random)), whole, 'the outcome depends on the chunks');
      await readExport(new WireReader([input]), storeDir, { startObject: () => new TreeRecorder(), endObject() {} });
      return whole;
    },
  },
  ...handshakes.map(([name, seeds, shake]): Target => ({
    name: `wire-${name}`,
    flavour: 'padded',
    seeds,
    dictionary,
    givesOffset: () => true,
    async run(input, random) {
      const whole = await outcomeOf(() => shake(new WireReader([input]), () => {}));
      const chunked = await outcomeOf(() => shake(new WireReader(inChunks(input, random)), () => {}));
      requireEqual(chunked, whole, 'the outcome depends on the chunks');
      return shake(new WireReader([input]), () => {});
    },
  })),
];
