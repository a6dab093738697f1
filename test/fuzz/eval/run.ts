/**
 * Compares what Firn and C++ Nix make of programs that are made at random, of the types that builtins and operators take.
 *
 *     PEER_BINDIR=/path/to/nix/bin npm run fuzz:eval -- [--minutes 1] [--seed 1] [--batch 200] [--write 400]
 *
 * Values have to be printed alike, byte for byte, and errors to have the same message and place. Prints how often each builtin
 * and operator was used. Ends with 1 where something differs, where fewer than half of the programs evaluate, or where
 * something was not used at all. `--write` keeps what C++ Nix says of the cases that are written by hand, and of so many at
 * random, in test/vectors/eval, which the unit tests read.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ExperimentalFeature } from '../../../src/nix-compat/index.ts';
import { temporaryFolder } from '../../../src/testing/index.ts';
import { Random } from '../random.ts';
import { type Answer, formatAnswer } from './answer.ts';
import { askFirn } from './ask-firn.ts';
import { askPeer } from './ask-peer.ts';
import { type Program, generateProgram } from './generate-program.ts';
import { evalCases, vectorFile } from './eval-cases.ts';
import { forms } from './signatures.ts';

const shownDifferences = 20;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now()) },
    batch: { type: 'string', default: '200' },
    write: { type: 'string' },
  },
});
const peerBin = process.env['PEER_BINDIR'];
if (peerBin === undefined) {
  console.error('PEER_BINDIR is not set: it names the folder with the nix-instantiate of C++ Nix');
  process.exit(1);
}

const features: readonly ExperimentalFeature[] = [
  'nix-command',
  'flakes',
  'fetch-tree',
  'fetch-closure',
  'dynamic-derivations',
  'pipe-operators',
  'ca-derivations',
  'impure-derivations',
];
using folder = temporaryFolder();
const settings = join(folder.path, 'etc');
mkdirSync(settings);
writeFileSync(
  join(settings, 'nix.conf'),
  `experimental-features = ${features.join(' ')}\neval-system = x86_64-linux\nstore = dummy://\nshow-trace = false\n`,
);
const peer = {
  command: join(peerBin, 'nix-instantiate'),
  environment: { PATH: process.env['PATH'] ?? '', HOME: folder.path, NIX_CONF_DIR: settings, NIX_PATH: '' },
};

const random = new Random(options.seed);
if (options.write !== undefined) {
  writeVectors(Number(options.write));
  process.exit(0);
}

const uses = new Map(forms.map(({ name }) => [name, 0]));
const counts = { programs: 0, evaluated: 0, different: 0 };

const end = Date.now() + Number(options.minutes) * 60_000;
do {
  const programs = Array.from({ length: Number(options.batch) }, () => generateProgram(random));
  const texts = programs.map(({ text }) => text);
  const { answers, starts } = askPeer(peer, texts);
  const ours = askFirn(new Set(features), texts, index => starts.has(index));
  for (const [index, program] of programs.entries()) judge(program, answers[index], ours[index]);
} while (Date.now() < end);
report();

function judge({ text, uses: used }: Program, theirs: Answer | undefined, ours: Answer | undefined): void {
  if (theirs === undefined || ours === undefined) throw new Error(`no answer for ${text}`);
  counts.programs++;
  for (const name of used) uses.set(name, (uses.get(name) ?? 0) + 1);
  if (theirs.kind === 'value') counts.evaluated++;
  const [wanted, found] = [formatAnswer(theirs), formatAnswer(ours)];
  if (wanted === found || isExpected(wanted, found) || ++counts.different > shownDifferences) return;
  console.log(`--- ${text}\n  C++ Nix: ${wanted}\n  Firn:    ${found}`);
}

/** What Firn cannot do yet, and says so. */
function isExpected(wanted: string, found: string): boolean {
  // That a store object is there is not looked up yet; names with other letters are shown whole.
  return (
    /Firn does not fetch/.test(found) ||
    /^error: (?:out of memory|(?:derivation|path) '.*' is not valid)|illegal character/.test(wanted)
  );
}

function report(): void {
  const unused = [...uses].filter(([, count]) => count === 0).map(([name]) => name);
  console.log([...uses].map(([name, count]) => `${name} ${count}`).join(', '));
  const share = Math.round((100 * counts.evaluated) / counts.programs);
  console.log(`seed ${options.seed}: ${counts.programs} programs, ${share} % evaluate, ${counts.different} differ`);
  if (unused.length > 0) console.log(`never used: ${unused.join(', ')}`);
  if (counts.different > 0 || share < 50 || unused.length > 0) process.exitCode = 1;
}

/** What depends on nothing but itself. */
function isSelfContained({ text }: Program): boolean {
  return !/read|path|Path|Source|File|import|fetch|Flake "|current|nixPath|outputOf|warn|trace|getEnv|genList \(x: x\)|"a\/|\/etc|\/\.|\(\/|= \//.test(
    text,
  );
}

function writeVectors(count: number): void {
  const programs: Program[] = [];
  while (programs.length < count) {
    const program = generateProgram(random);
    if (program.text.length < 300 && isSelfContained(program)) programs.push(program);
  }
  const texts = [...evalCases, ...programs.map(({ text }) => text)];
  // One at a time: the order of attributes depends on which names were met before.
  const vectors = texts.map(text => Object.assign({ text }, askPeer(peer, [text]).answers[0]));
  mkdirSync(dirname(vectorFile), { recursive: true });
  writeFileSync(vectorFile, `[\n${vectors.map(vector => JSON.stringify(vector)).join(',\n')}\n]\n`);
}
