import { type TreeSink, ignoreTree } from '../../../src/base/index.ts';
import {
  NarLister,
  NarReader,
  NarWriter,
  NixCompatError,
  applyCaseHack,
  formatListing,
  listingToJson,
  parseJson,
  parseListing,
  readNar,
  removeCaseHack,
  shallowListingToJson,
  formatJson,
  type NarListing,
} from '../../../src/nix-compat/index.ts';
import { TreeRecorder, playTree, readVectors, testTrees } from '../../../src/testing/index.ts';
import type { Random } from '../random.ts';
import { type Target, Violation, bytes, inChunks, outcomeOf, requireEqual } from '../target.ts';
import { samples } from './seeds.ts';

const dictionary = [
  ['nix-archive-1', '(', ')', 'type', 'regular', 'executable', 'contents', 'directory', 'entry', 'name', 'node'],
  ['symlink', 'target', '', '.', '..', 'a/b', '\0', '~nix~case~hack~1', 'A', 'a', 'x'.repeat(256), 'y'.repeat(4096)],
].flat();

export function narOf(tell: (sink: TreeSink) => void): Buffer {
  const chunks: Buffer[] = [];
  tell(new NarWriter(chunk => chunks.push(Buffer.from(chunk))));
  return Buffer.concat(chunks);
}

export function narSeeds(): Uint8Array[] {
  const vectors = ['nar/accepted.json', 'nar/refused.json'].flatMap(file =>
    (readVectors(file) as readonly { readonly hex: string }[]).map(({ hex }) => Buffer.from(hex, 'hex')),
  );
  const written = samples(testTrees, 20).map(tree => narOf(sink => playTree(tree, sink)));
  return [...vectors.filter(({ length }) => length <= 16 * 1024), ...written];
}

interface Reading {
  readonly events: readonly string[];
  readonly taken: number;
  readonly end: unknown;
}

async function read(chunks: Iterable<Uint8Array>): Promise<Reading> {
  const recorder = new TreeRecorder();
  const reader = new NarReader(recorder);
  let taken = 0;
  const end = await outcomeOf(() => {
    for (const chunk of chunks) {
      const count = reader.push(chunk);
      taken += count;
      if (count < chunk.length) break;
    }
    reader.end();
  });
  return { events: recorder.events, taken, end };
}

/** Lists without looking at the contents of files. */
function skim(input: Uint8Array): NarListing | undefined {
  const lister = new NarLister();
  const reader = new NarReader(lister);
  for (let at = 0; at < input.length && !reader.finished;) {
    at += reader.push(input.subarray(at, at + 24));
    at += reader.skipContents();
  }
  reader.end();
  return lister.listing;
}

async function runNar(input: Uint8Array, random: Random): Promise<unknown> {
  const whole = await read([input]);
  const chunked = await read(inChunks(input, random));
  requireEqual(chunked.events, whole.events, 'events depend on the chunks');
  requireEqual(chunked.end, whole.end, 'the outcome depends on the chunks');
  const lister = new NarLister();
  readNar(input, lister);
  requireEqual(whole.taken, input.length, 'a NAR that is taken whole is read in part');
  const again = narOf(sink => readNar(input, sink));
  requireEqual(again, input, 'the tree of a NAR is written differently');
  const listing = lister.listing ?? fail('a NAR without listing');
  requireEqual(skim(input), listing, 'skipping contents changes the listing');
  return whole.events.map(event => event.slice(0, event.indexOf(' ') + 1)).join();
}

function fail(why: string): never {
  throw new Violation(why);
}

function runListing(input: Uint8Array): unknown {
  const lister = new NarLister();
  readNar(input, lister);
  const listing = lister.listing ?? fail('a NAR without listing');
  shallowListingToJson(listing);
  const text = formatListing(listing);
  requireEqual(parseListing(text), listing, 'a listing is read differently than it was written');
  return listing;
}

function runCaseHack(input: Uint8Array): unknown {
  const levels: { readonly name: string[]; readonly onDisk: string[] }[] = [];
  const spy: TreeSink = { ...ignoreTree, entry: name => void levels.at(-1)?.onDisk.push(name) };
  const hack = applyCaseHack(spy);
  let checked = 0;
  readNar(input, {
    ...hack,
    startDirectory() {
      levels.push({ name: [], onDisk: [] });
      hack.startDirectory();
    },
    entry(name) {
      levels.at(-1)?.name.push(name);
      hack.entry(name);
    },
    endDirectory() {
      hack.endDirectory();
      const { name, onDisk } = levels.pop() ?? fail('unbalanced');
      const folded = new Set(onDisk.map(one => one.replaceAll(/[A-Z]/g, letter => letter.toLowerCase())));
      requireEqual(folded.size, onDisk.length, 'the case hack lets names collide');
      if (name.some(one => one.includes('~nix~case~hack~'))) return;
      const back = removeCaseHack(onDisk as never[], '/').map(one => one.name as string);
      requireEqual(back, name, 'the case hack is not undone');
      checked++;
    },
  });
  return checked;
}

const codes = (code: string) => code.startsWith('nar/');

export const narTargets: readonly Target[] = [
  { name: 'nar', weight: 4, flavour: 'padded', seeds: narSeeds, dictionary, run: runNar, givesOffset: codes },
  { name: 'nar-listing', flavour: 'padded', seeds: narSeeds, dictionary, run: runListing, givesOffset: codes },
  {
    name: 'nar-case-hack',
    flavour: 'padded',
    seeds: () => [
      ...narSeeds(),
      ...(readVectors('nar/case-hack.json') as readonly { readonly hex: string }[]).map(({ hex }) =>
        Buffer.from(hex, 'hex'),
      ),
    ],
    dictionary,
    run: runCaseHack,
  },
  {
    name: 'nar-ls-json',
    flavour: 'text',
    seeds: () =>
      narSeeds().flatMap(nar => {
        try {
          const lister = new NarLister();
          readNar(nar, lister);
          return lister.listing === undefined ? [] : [Buffer.from(formatListing(lister.listing), 'latin1')];
        } catch (error) {
          if (error instanceof NixCompatError) return [];
          throw error;
        }
      }),
    dictionary: [
      ['{', '}', '"entries"', '"type"', '"directory"', '"regular"', '"symlink"', '"target"', '"executable":true'],
      ['"size":', '"narOffset":', '"root"', '"version":1', '{"type":"directory","entries":{"a":', ':', ',', 'null'],
      ['"."', '".."', '"a/b"', '""', '"\\u0000"'],
    ].flat(),
    run(input) {
      const listing = parseListing(bytes(input));
      const printed = formatListing(listing);
      requireEqual(parseListing(printed), listing, 'a listing is read differently than it was written');
      requireEqual(formatJson(parseJson(printed)), printed, 'a listing is no canonical JSON');
      return listingToJson(listing);
    },
  },
];
