/**
 * Runs C++ Nix and Firn side by side on hundreds of command lines, right and wrong ones, and compares what they print
 * and how they end.
 *
 *     PEER_BINDIR=/path/to/nix/bin npm run conformance:cli [-- PATTERN]
 *
 * Standard output and exit status have to be the same, standard error the same once what differs by nature is
 * normalised (`normaliseErrors`). Where Firn deliberately differs, the case says how and why.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Case, cliCases } from './cli-cases.ts';
import { makeFixture } from './cli-fixture.ts';
import { installableCases } from './installable-cases.ts';
import { storeCases } from './store-cases.ts';
import { makeStoreObjects } from './store-fixture.ts';

interface Outcome {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const peerBin = process.env['PEER_BINDIR'];
if (peerBin === undefined) {
  console.error('PEER_BINDIR is not set: it names the folder with the nix, nix-store and nix-hash to compare with');
  process.exit(1);
}
const ownBin = join(import.meta.dirname, '../../bin');
const pattern = process.argv[2];
const root = realpathSync(mkdtempSync(join(tmpdir(), 'firn-cli-differential-')));

/** Whether the files to work on are there as they should be. */
let pristine = false;

const environment = {
  PATH: process.env['PATH'],
  HOME: join(root, 'home'),
  NIX_STORE_DIR: join(root, 'store'),
  NIX_STATE_DIR: join(root, 'state'),
  NIX_CONF_DIR: join(root, 'etc'),
  NIX_CONFIG: 'experimental-features = nix-command ca-derivations\nbuild-users-group =\nsubstituters =\nbuild-hook =',
};

/** Ours has its own state, and a store of its own beside that of C++ Nix, under the same store directory. */
const ownEnvironment = { ...environment, FIRN_DATA: join(root, 'firn') };

function run(bin: string, { command, stdin, env }: Case): Outcome {
  const [program = '', ...args] = command.map(arg =>
    arg.replaceAll(/@([a-z.-]+)@/g, (_, name: string) => placeOf(name)),
  );
  const folder = join(root, 'work');
  if (!pristine) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    makeFixture(folder);
  }
  // Each side starts from the same files, with nothing left by the other.
  pristine = !command.some(arg => arg === '--restore' || arg === '--generate-binary-cache-key');
  const { status, stdout, stderr } = spawnSync(join(bin, program), args, {
    cwd: folder,
    input: stdin ?? '',
    env: { ...(bin === ownBin ? ownEnvironment : environment), ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  return { status, stdout, stderr: stderr.toString('utf8') };
}

function placeOf(name: string): string {
  const place = name === 'drv' ? drv : storeObjects.get(name);
  if (place === undefined) throw new Error(`no store object is called '${name}'`);
  return place;
}

/** A derivation with inputs of several kinds, which both sides make, each in its store. */
function makeDerivation(): string {
  const [made, ...others] = [peerBin ?? '', ownBin].map(instantiate);
  if (made === undefined || others.some(path => path !== made))
    throw new Error(`not one derivation: ${made}, ${others.join()}`);
  return made;
}

function instantiate(bin: string): string {
  const expression = `
    let make = name: more: derivation ({ inherit name; system = "x86_64-linux"; builder = "/bin/sh"; } // more);
    in make "top" {
      outputs = [ "out" "dev" ];
      args = [ "-c" "\\n é" ];
      leaf = make "leaf" { };
      fixed = make "fixed" { outputHash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="; outputHashMode = "recursive"; };
      structured = make "structured" { __structuredAttrs = true; outputs = [ "out" ]; list = [ 1 2.5 "x" null true ]; };
      source = builtins.toFile "source" "contents";
    }`;
  const { stdout } = spawnSync(join(bin, 'nix-instantiate'), ['--expr', expression], {
    env: bin === ownBin ? ownEnvironment : environment,
  });
  return stdout.toString().trim();
}

/** Our programs are called by name, theirs by path; C++ Nix doubles the first slash of some paths. */
function normaliseErrors(text: string): string {
  return text
    .replaceAll(/Try '(?:[^']*\/)?([a-z-]+) --help'/g, "Try '$1 --help'")
    .replaceAll("path '//", "path '/")
    .replaceAll(/write of \d+ bytes/g, 'write of N bytes')
    .replaceAll(/read of \d+ bytes/g, 'read of N bytes');
}

/** Both sides registered the same paths, but not at the same time. */
function normaliseOutput(text: string): string {
  return text.replaceAll(/"registrationTime": ?\d+/g, '"registrationTime":0');
}

function compare(wanted: Outcome, got: Outcome, one: Case): string[] {
  const { stderr = 'same', stdout = 'same', status = wanted.status } = one;
  const faults: string[] = [];
  if (got.status !== status) faults.push(`exit status ${got.status}, not ${status}`);
  const printed = stdout === 'names' ? namesIn : normaliseOutput;
  if (stdout !== 'other' && printed(wanted.stdout.toString('latin1')) !== printed(got.stdout.toString('latin1'))) {
    faults.push(`standard output:\n${show(got.stdout.toString())}\n  instead of:\n${show(wanted.stdout.toString())}`);
  }
  const theirs = normaliseErrors(wanted.stderr);
  const ours = normaliseErrors(got.stderr);
  const agrees = stderr === 'same' ? theirs === ours : stderr === 'longer' ? startsAlike(ours, theirs) : true;
  if (!agrees) faults.push(`standard error:\n${show(ours)}\n  instead of:\n${show(theirs)}`);
  return faults;
}

/** Completions without their descriptions. */
function namesIn(text: string): string {
  return text.replaceAll(/\t.*/g, '');
}

/** Whether each line of `theirs` begins one of ours. */
function startsAlike(ours: string, theirs: string): boolean {
  const lines = ours.split('\n');
  return theirs.split('\n').every((line, at) => lines[at]?.startsWith(line.replace(/[.]$/, '')) === true);
}

function show(text: string): string {
  const lines = text.slice(0, 2000).split('\n');
  return lines.map(line => `    ${JSON.stringify(line).slice(1, -1)}`).join('\n');
}

let failed = 0;
let count = 0;
for (const folder of ['home', 'store', 'etc']) mkdirSync(join(root, folder));
const drv = makeDerivation();
const storeObjects = makeStoreObjects(peerBin, { own: ownBin, environment, ownEnvironment, root });
try {
  for (const one of [...cliCases, ...storeCases, ...installableCases]) {
    const title = one.command.map(arg => (/^[\w./:=-]+$/.test(arg) ? arg : JSON.stringify(arg))).join(' ');
    if (pattern !== undefined && !title.includes(pattern)) continue;
    count++;
    const faults = compare(run(peerBin, one), run(ownBin, one), one);
    if (faults.length === 0) continue;
    failed++;
    console.log(`✗ ${title}${one.stdin === undefined ? '' : ' < (bytes)'}\n  ${faults.join('\n  ')}`);
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
console.log(`${count} command lines, ${failed} differ`);
process.exitCode = failed === 0 && count > 0 ? 0 : 1;
