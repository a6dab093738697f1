/**
 * Runs C++ Nix and Firn side by side on whole scenarios of substituting and copying, from binary caches that C++ Nix
 * wrote, sound and damaged ones, and compares what they say, how they end and what is in their stores then.
 *
 *     PEER_BINDIR=/path/to/nix/bin npm run conformance:substitution [-- PATTERN]
 *
 * The lines of standard error are compared as a set: both work on several paths at a time. Where a cache is damaged, it
 * is not compared which copies were begun: Firn begins them before it knows that what they refer to can be had.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree, walkTreeToEnd } from '../../src/castore/index.ts';
import { NarHasher } from '../../src/store/index.ts';
import {
  type Scenario,
  type Step,
  closure,
  damagedCache,
  makeClosureFiles,
  storePathOf,
  substitutionScenarios,
} from './substitution-cases.ts';

const peerBin = process.env['PEER_BINDIR'];
if (peerBin === undefined) {
  process.stderr.write('PEER_BINDIR is not set: it names the folder with the programs of C++ Nix to compare with\n');
  process.exit(1);
}
const theirBin = peerBin;
const ownBin = process.env['FIRN_BINDIR'] ?? join(import.meta.dirname, '../../bin');
const pattern = process.argv[2];
const root = realpathSync(mkdtempSync(join(tmpdir(), 'firn-substitution-')));
const at = (name: string) => join(root, name);
const common = { PATH: process.env['PATH'], NIX_CONF_DIR: '/nonexistent' };
const config = 'build-users-group =\nexperimental-features = nix-command\n';

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: readonly string[];
}

function makeCaches(): string {
  const source = at('source');
  makeClosureFiles(join(source, 'nix/store'));
  const env = { ...common, HOME: at('home'), NIX_REMOTE: `local?root=${source}`, NIX_CONFIG: config };
  const registration = Object.entries(closure).map(([name, references]) => {
    const printed = references.map(reference => `/nix/store/${storePathOf(reference)}\n`);
    return `/nix/store/${storePathOf(name)}\n\n${printed.length}\n${printed.join('')}`;
  });
  const input = registration.join('');
  execFileSync(join(theirBin, 'nix-store'), ['--register-validity', '--reregister'], { env, input });
  for (const key of ['key', 'key2']) {
    execFileSync(join(theirBin, 'nix-store'), [
      '--generate-binary-cache-key',
      `${key}-1`,
      at(key),
      at(`${key}.public`),
    ]);
  }
  const top = `/nix/store/${storePathOf('top')}`;
  for (const uri of [`file://${at('unsigned')}`, `file://${at('signed')}?secret-key=${at('key')}&compression=zstd`]) {
    execFileSync(join(theirBin, 'nix'), ['copy', '--to', uri, top], { env, stdio: 'ignore' });
  }
  return readFileSync(at('key.public'), 'utf8');
}

function place(name: string): string {
  const known = ['signed', 'unsigned', 'damaged', 'target', 'key', 'key2'];
  return known.includes(name) ? at(name) : `/nix/store/${storePathOf(name)}`;
}

function run(bin: string, step: Step, publicKey: string): Outcome {
  const fill = (text: string) => text.replaceAll(/@([a-z0-9]+)@/g, (_, name: string) => place(name));
  const [program = '', ...args] = fill(step.command).split(' ');
  const keys = step.trusted === true ? publicKey : '';
  if (step.damage !== undefined) damagedCache(at('signed'), at('damaged'), step.damage);
  step.before?.(at('store'), at('work'));
  const { status, stdout, stderr } = spawnSync(join(bin, program), args, {
    cwd: at('work'),
    env: {
      ...common,
      HOME: at('home'),
      NIX_REMOTE: `local?root=${at('store')}`,
      NIX_CONFIG: `${config}substituters = ${fill(step.substituters ?? '')}\ntrusted-public-keys = ${keys}\n`,
    },
    encoding: 'utf8',
  });
  const lines = stderr.replaceAll(/Try '(?:[^']*\/)?([a-z-]+) --help'/g, "Try '$1 --help'").split('\n');
  return { status, stdout, stderr: lines.toSorted() };
}

/** What the steps lead to on one side. */
function play(bin: string, { steps }: Scenario, publicKey: string): { outcomes: Outcome[]; store: string[] } {
  for (const name of ['store', 'work', 'home', 'target']) {
    removeTree(at(name));
    mkdirSync(at(name));
  }
  removeTree(at('target'));
  const outcomes = steps.map(step => run(bin, step, publicKey));
  return { outcomes, store: storeContents(bin) };
}

/** The valid paths and their hashes. */
function storeContents(bin: string): string[] {
  const env = { ...common, HOME: at('home'), NIX_REMOTE: `local?root=${at('store')}`, NIX_CONFIG: config };
  const { stdout } = spawnSync(join(bin, 'nix'), ['path-info', '--all'], { env, encoding: 'utf8' });
  const paths = stdout.split('\n').filter(line => line !== '');
  return paths.toSorted().map(path => {
    const hasher = new NarHasher();
    walkTreeToEnd(join(at('store'), path), hasher.sink);
    return `${path} ${Buffer.from(hasher.finish().digest).toString('hex')}`;
  });
}

function compare(scenario: Scenario, publicKey: string): string[] {
  const theirs = play(theirBin, scenario, publicKey);
  const ours = play(ownBin, scenario, publicKey);
  const faults: string[] = [];
  for (const [i, step] of scenario.steps.entries()) {
    const [wanted, got] = [theirs.outcomes[i], ours.outcomes[i]];
    const say = (what: string, a: unknown, b: unknown) =>
      faults.push(`${step.command}: ${what}\n    ${JSON.stringify(b)}\n  instead of\n    ${JSON.stringify(a)}`);
    if (got?.status !== (step.status ?? wanted?.status)) say('status', wanted?.status, got?.status);
    if (got?.stdout !== wanted?.stdout) say('standard output', wanted?.stdout, got?.stdout);
    const lines = (outcome: Outcome | undefined) =>
      outcome?.stderr.filter(line => step.damage === undefined || !line.startsWith('copying path ')) ?? [];
    const [theirLines, ourLines] = [lines(wanted), lines(got)];
    if (step.stderr !== 'other' && ourLines.join('\n') !== theirLines.join('\n')) {
      const only = (some: string[], others: string[]) => some.filter(line => !others.includes(line));
      say('standard error', only(theirLines, ourLines), only(ourLines, theirLines));
    }
  }
  const isOwn = scenario.steps.some(({ stderr }) => stderr === 'other');
  if (!isOwn && ours.store.join('\n') !== theirs.store.join('\n')) {
    faults.push(`the store has\n    ${ours.store.join('\n    ')}\n  instead of\n    ${theirs.store.join('\n    ')}`);
  }
  return faults;
}

let failed = 0;
let count = 0;
try {
  for (const name of ['home', 'work']) mkdirSync(at(name));
  const publicKey = makeCaches();
  for (const scenario of substitutionScenarios) {
    if (pattern !== undefined && !scenario.name.includes(pattern)) continue;
    count++;
    const faults = compare(scenario, publicKey);
    if (faults.length === 0) continue;
    failed++;
    process.stdout.write(`${scenario.name}\n  ${faults.join('\n  ')}\n`);
  }
} finally {
  removeTree(root);
}
process.stdout.write(`${count - failed} of ${count} scenarios agree\n`);
process.exitCode = failed === 0 ? 0 : 1;
