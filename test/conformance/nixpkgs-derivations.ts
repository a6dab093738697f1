/**
 * Has C++ Nix write the derivations of a whole nixpkgs into a store of its own, and holds Firn to each of them.
 *
 *     NIXPKGS=/path/to/nixpkgs PEER_BINDIR=/path/to/nix/bin npm run conformance:derivations
 *
 * Every derivation has to be read and written back byte for byte, as ATerm and by way of JSON; to have the store path
 * that follows from its text; and to have the output paths that follow from its hash modulo. What `nix derivation show`
 * prints of all of them has to be what we print. Takes some minutes and about 4 GB of memory.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, byteStringOf } from '../../src/base/index.ts';
import {
  type Derivation,
  DerivationHasher,
  type StorePath,
  checkDerivation,
  defaultStoreDir,
  derivationFromJson,
  derivationToJson,
  derivationsToJson,
  formatDerivation,
  formatJson,
  makeDerivationFile,
  parseStorePath,
} from '../../src/nix-compat/index.ts';
import { parseDerivationAt, temporaryFolder } from '../../src/testing/index.ts';

/** A nixpkgs has far more; fewer mean that it was not evaluated. */
const fewest = 10_000;
const attributesAtATime = 1500;
const shownAtATime = 4000;
const shownFailures = 20;

function required(name: string, meaning: string): string {
  const value = process.env[name];
  if (value === undefined) {
    console.error(`${name} is not set: it names ${meaning}`);
    process.exit(1);
  }
  return value;
}

const nixpkgs = required('NIXPKGS', 'the folder of the nixpkgs to take');
const peerBin = required('PEER_BINDIR', 'the folder with the nix and nix-instantiate of C++ Nix');
using folder = temporaryFolder();

function runPeer(command: readonly string[], input = '') {
  // Evaluating all of TeX Live nests deeper than the usual stack is.
  const script = 'ulimit -s unlimited 2>/dev/null || ulimit -s "$(ulimit -H -s)"; exec "$@"';
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', ...command], {
    env: {
      PATH: `${peerBin}:${process.env['PATH'] ?? ''}`,
      HOME: folder.path,
      NIX_REMOTE: `local?root=${folder.path}`,
      NIX_CONFIG: [
        'experimental-features = nix-command',
        'build-users-group =',
        'allow-import-from-derivation = false',
        'max-call-depth = 1000000',
        'fsync-metadata = false',
      ].join('\n'),
    },
    input,
    maxBuffer: 2 ** 30,
  });
  return { ok: status === 0, stdout, stderr: stderr.toString() };
}

/** The last line that says anything. */
function lastOf(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}

function nixList(names: readonly string[]): string {
  return `[ ${names.map(name => JSON.stringify(name)).join(' ')} ]`;
}

function instantiate(names: readonly string[], broken: readonly string[], ...flags: string[]) {
  const file = join(import.meta.dirname, 'nixpkgs-derivations.nix');
  const args = { names: nixList(names), broken: nixList(broken) };
  const given = Object.entries(args).flatMap(([name, value]) => ['--arg', name, value]);
  return runPeer(['nix-instantiate', ...flags, file, '--argstr', 'nixpkgs', nixpkgs, ...given]);
}

/** Where a snapshot has a stub in place of Hackage, each use of it is an error that Nix cannot catch. */
function brokenAttributes(): string[] {
  const hackage = join(nixpkgs, 'pkgs/development/haskell-modules/hackage-packages.nix');
  const size = statSync(hackage, { throwIfNoEntry: false })?.size ?? 0;
  return size < 10_000 ? ['haskell', 'haskellPackages'] : [];
}

/** Instantiates `names` without those whose failure Nix cannot catch; returns these. */
function instantiateWhatEvaluates(names: readonly string[], broken: readonly string[]): string[] {
  const failed: string[] = [];
  for (;;) {
    const left = names.filter(name => !failed.includes(name));
    if (left.length === 0) return failed;
    const { ok, stderr } = instantiate(left, broken);
    if (ok) return failed;
    const culprit = [...stderr.matchAll(/^trace: attribute (.*)$/gm)].at(-1)?.[1];
    if (culprit === undefined || !left.includes(culprit)) throw new Error(`nix-instantiate failed: ${lastOf(stderr)}`);
    failed.push(culprit);
  }
}

function writeDerivations(): void {
  const broken = brokenAttributes();
  const listed = instantiate([], broken, '--eval', '--strict', '--json');
  if (!listed.ok) throw new Error(`${nixpkgs} does not evaluate: ${lastOf(listed.stderr)}`);
  const names = JSON.parse(listed.stdout.toString()) as string[];
  const failed: string[] = [];
  for (let i = 0; i < names.length; i += attributesAtATime) {
    failed.push(...instantiateWhatEvaluates(names.slice(i, i + attributesAtATime), broken));
  }
  console.log(`${names.length} attributes; not evaluated: ${[...broken, ...failed].join(' ')}`);
}

const failures: string[] = [];

/** Runs `check`, prints how long it took, and keeps what it complains of. */
function step(title: string, check: (fail: (complaint: string) => void) => string): void {
  const start = performance.now();
  const before = failures.length;
  const result = check(complaint => failures.push(`${title}: ${complaint}`));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${title}: ${result}, ${failures.length - before} failures, ${seconds} s`);
}

/** What `call` throws, as a complaint about `path`. */
function attempt(path: StorePath, fail: (complaint: string) => void, call: () => boolean): void {
  try {
    if (!call()) fail(path);
  } catch (error) {
    fail(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const texts = new Map<StorePath, ByteString>();
const derivations = new Map<StorePath, Derivation>();

step('C++ Nix writes', () => {
  writeDerivations();
  const store = join(folder.path, 'nix/store');
  let size = 0;
  for (const name of readdirSync(store).filter(entry => entry.endsWith('.drv'))) {
    const bytes = readFileSync(join(store, name));
    size += bytes.length;
    texts.set(parseStorePath(name), byteStringOf(bytes));
  }
  return `${texts.size} derivations, ${(size / 1e6).toFixed(0)} MB`;
});

step('read', fail => {
  for (const [path, text] of texts) {
    attempt(path, fail, () => {
      derivations.set(path, parseDerivationAt(path, text));
      return true;
    });
  }
  return `${derivations.size}`;
});

step('written as they were read', fail => {
  for (const [path, derivation] of derivations) {
    attempt(path, fail, () => formatDerivation(defaultStoreDir, derivation) === texts.get(path));
  }
  return `${derivations.size}`;
});

step('own store path', fail => {
  for (const [path, derivation] of derivations) {
    attempt(path, fail, () => makeDerivationFile(defaultStoreDir, derivation).path === path);
  }
  return `${derivations.size}`;
});

step('output paths', fail => {
  const hasher = new DerivationHasher(defaultStoreDir, path => derivations.get(path));
  let outputs = 0;
  for (const [path, derivation] of derivations) {
    outputs += derivation.outputs.size;
    attempt(path, fail, () => {
      checkDerivation(derivation, path, hasher, warning => fail(`${path}: ${warning}`));
      return true;
    });
  }
  return `${outputs}`;
});

step('read from JSON', fail => {
  for (const [path, derivation] of derivations) {
    attempt(path, fail, () => {
      const again = derivationFromJson(derivationToJson(derivation));
      return formatDerivation(defaultStoreDir, again) === texts.get(path);
    });
  }
  return `${derivations.size}`;
});

step('shown as C++ Nix shows them', fail => {
  const paths = [...derivations.keys()];
  for (let i = 0; i < paths.length; i += shownAtATime) {
    const batch = paths.slice(i, i + shownAtATime);
    const printed = batch.map(path => `${defaultStoreDir}/${path}`).join('\n');
    const { ok, stdout, stderr } = runPeer(['nix', 'derivation', 'show', '--stdin'], printed);
    const ours = formatJson(derivationsToJson(new Map(batch.map(path => [path, derivations.get(path)!]))));
    if (!ok) fail(lastOf(stderr));
    else if (byteStringOf(stdout) !== `${ours}\n`) fail(`the batch from ${batch[0]} differs`);
  }
  return `${paths.length}`;
});

for (const failure of failures.slice(0, shownFailures)) console.error(failure);
if (failures.length > shownFailures) console.error(`... and ${failures.length - shownFailures} more`);
if (derivations.size < fewest) console.error(`only ${derivations.size} derivations, expected ${fewest} at least`);
process.exitCode = failures.length === 0 && derivations.size >= fewest ? 0 : 1;
