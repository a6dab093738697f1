/**
 * Compares what Firn's parser and C++ Nix's make of texts: every file of a whole nixpkgs, and texts made at random.
 *
 *     NIXPKGS=/path/to/nixpkgs PEER_BINDIR=/path/to/nix/bin npm run conformance:syntax -- [--cases 2000] [--seed 1]
 *
 * The syntax trees have to be printed alike, byte for byte; of texts that are refused message, place and number of warnings
 * have to agree. `--write` keeps what C++ Nix says of the texts that are written by hand, and of one in ten of the others,
 * in test/vectors/syntax, which the unit tests read. Ends with 1 where something differs.
 */
import { spawn, spawnSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { byteStringFromText } from '../../src/base/index.ts';
import {
  NixSyntaxError,
  SourceParser,
  SyntaxCore,
  globalNames,
  globalNamesByFeature,
  type Source,
} from '../../src/syntax/index.ts';
import { type SyntaxVector, syntaxVectorFile, temporaryFolder } from '../../src/testing/index.ts';
import { Random } from '../fuzz/random.ts';
import { handWritten, randomText } from './syntax-cases.ts';

const filesAtATime = 200;
const shownDifferences = 20;
/** A whole nixpkgs has far more. */
const fewestFiles = 10_000;
const features = ['dynamic-derivations', 'fetch-closure', 'fetch-tree', 'pipe-operators'];
/** What texts that are no files are relative to: a folder that both sides see alike. */
const workingFolder = '/';

function required(name: string, meaning: string): string {
  const value = process.env[name];
  if (value === undefined) {
    console.error(`${name} is not set: it names ${meaning}`);
    process.exit(1);
  }
  return value;
}

const { values: options } = parseArgs({
  options: {
    cases: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});
const nixpkgs = required('NIXPKGS', 'the folder of the nixpkgs to take');
const peerBin = required('PEER_BINDIR', 'the folder with the nix-instantiate of C++ Nix');
using folder = temporaryFolder();

const peer = {
  command: join(peerBin, 'nix-instantiate'),
  options: {
    cwd: workingFolder,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: '/home-of-nobody',
      NIX_REMOTE: 'dummy://',
      NIX_STATE_DIR: folder.path,
      NIX_CONF_DIR: folder.path,
      NIX_CONFIG: `extra-experimental-features = ${features.join(' ')}`,
    },
  },
};

/** What a side makes of a text. */
interface Verdict {
  readonly printed: string | undefined;
  /** The message, and the line that says where. */
  readonly error: string | undefined;
  readonly place: string | undefined;
  readonly warnings: number;
}

let warnings = 0;

/** A core keeps what it parses: one for each group of texts. */
function newSide(): (source: Source) => Verdict {
  const core = new SyntaxCore();
  const parser = new SourceParser(core, [...globalNames, ...globalNamesByFeature.map(({ name }) => name)], {
    homePath: () => byteStringFromText('/home-of-nobody'),
    allowsPipes: true,
    diagnose: {
      'lint-url-literals': 'ignore',
      'lint-absolute-path-literals': 'ignore',
      'lint-short-path-literals': 'ignore',
    },
    warn: () => warnings++,
    mark: text => text,
    emphasise: text => text,
  });
  return source => {
    warnings = 0;
    try {
      const printed = core.print(parser.parse(source).tree).toString('latin1');
      return { printed, error: undefined, place: undefined, warnings };
    } catch (error) {
      if (!(error instanceof NixSyntaxError)) throw error;
      const { position } = error;
      const place = position === undefined ? undefined : `${position.file}:${position.line}:${position.column}`;
      return { printed: undefined, error: error.message, place, warnings };
    }
  };
}

// Files

/** How many of `files` are printed otherwise. C++ Nix stops at a file that it refuses: then it starts again behind it. */
function compareFiles(files: readonly string[], ours: (source: Source) => Verdict): number {
  const { stdout, stderr } = spawnSync(peer.command, ['--parse', ...files], {
    ...peer.options,
    maxBuffer: 2 ** 31 - 1,
  });
  let at = 0;
  for (const [index, file] of files.entries()) {
    const basePath = byteStringFromText(dirname(file));
    const { printed, error, place } = ours({ text: readFileSync(file), file, basePath });
    const expected = stdout.toString('latin1', at, at + (printed?.length ?? 0) + 1);
    const agrees =
      printed === undefined
        ? stderr.toString().includes(`error: ${error}\n       at ${place}:`)
        : expected === `${printed}\n`;
    if (!agrees) show(file, printed ?? `${error} at ${place}`, stderr.toString() || expected);
    if (!agrees || printed === undefined) return (agrees ? 0 : 1) + compareFiles(files.slice(index + 1), ours);
    at += printed.length + 1;
  }
  return 0;
}

function compareNixpkgs(): number {
  const files = globSync('**/*.nix', { cwd: nixpkgs })
    .map(name => join(nixpkgs, name))
    .toSorted();
  if (files.length < fewestFiles) throw new Error(`${nixpkgs} has only ${files.length} files`);
  let different = 0;
  for (let i = 0; i < files.length; i += filesAtATime) {
    different += compareFiles(files.slice(i, i + filesAtATime), newSide());
  }
  console.log(`${files.length} files: ${different} differ`);
  return different;
}

// Texts

async function theirs(text: string): Promise<Verdict> {
  const child = spawn(peer.command, ['--parse', '-'], peer.options);
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(text);
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on('close', resolve);
  const status = await promise;
  const complaint = Buffer.concat(errors).toString();
  const warned = complaint.split('\nwarning: ').length - 1 + (complaint.startsWith('warning: ') ? 1 : 0);
  if (status === 0) {
    const printed = Buffer.concat(output).toString('latin1').slice(0, -1);
    return { printed, error: undefined, place: undefined, warnings: warned };
  }
  const [, error = complaint, place] = /error: ([^]*?)(?:\n {7}at (\S+):\n[^]*)?\n?$/.exec(complaint) ?? [];
  return { printed: undefined, error: error.replaceAll(/\n {7}/g, '\n').trimEnd(), place, warnings: warned };
}

async function compareTexts(): Promise<number> {
  const random = new Random(options.seed);
  const texts = [...handWritten, ...Array.from({ length: Number(options.cases) }, () => randomText(random))];
  const ours = newSide();
  const vectors: SyntaxVector[] = [];
  let different = 0;
  let refused = 0;
  for (const [index, text] of texts.entries()) {
    const expected = await theirs(text);
    const found = ours({
      text: Buffer.from(text),
      file: '«stdin»',
      basePath: byteStringFromText(workingFolder),
    });
    const agrees =
      found.printed === expected.printed &&
      found.error?.trimEnd() === expected.error &&
      found.place === expected.place &&
      found.warnings === expected.warnings;
    if (!agrees) {
      different++;
      show(JSON.stringify(text), JSON.stringify(found), JSON.stringify(expected));
    }
    const { printed, error = '', place } = expected;
    if (printed === undefined) refused++;
    if (index >= handWritten.length && index % 10 !== 0) continue;
    vectors.push(printed === undefined ? { text, error, place } : { text, printed });
  }
  console.log(`${texts.length} texts, ${refused} of them refused: ${different} differ`);
  if (options.write)
    writeFileSync(syntaxVectorFile, `[\n${vectors.map(vector => JSON.stringify(vector)).join(',\n')}\n]\n`);
  return different;
}

let shown = 0;

function show(what: string, ours: string, expected: string): void {
  if (shown++ < shownDifferences)
    console.log(`${what}\n  Firn: ${ours.slice(0, 500)}\n  Nix:  ${expected.slice(0, 500)}`);
}

const different = (await compareTexts()) + compareNixpkgs();
process.exitCode = different === 0 ? 0 : 1;
