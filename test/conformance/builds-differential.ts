/**
 * Builds the examples and the toolchains of integrations/bazel from nothing, twice by Firn and once by C++ Nix, each in a store of its own and sandboxed, and
 * compares the contents of everything that came to be: the NAR hash of each output of each derivation, of fixed outputs as
 * of those that are found out by building.
 *
 *     PEER_BINDIR=/path/to/nix/bin npm run conformance:builds [-- FILE...]
 *
 * Firn finds the registries by itself; C++ Nix is told what Firn found, so that the derivations differ and the paths of
 * outputs do not. Firn's two builds are given different numbers of jobs and cores: what is made must not depend on them.
 * Nothing but the packages is fetched, and nothing is substituted.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { removeTree } from '../../src/castore/index.ts';
import { Mirrors } from '../../src/engine/index.ts';

const peerBin = process.env['PEER_BINDIR'];
if (peerBin === undefined) {
  process.stderr.write('PEER_BINDIR is not set: it names the folder with the programs of C++ Nix to compare with\n');
  process.exit(1);
}
const ownBin = process.env['FIRN_BINDIR'] ?? join(import.meta.dirname, '../../bin');
const examples = join(import.meta.dirname, '../../examples');
const named = process.argv.slice(2).map(file => resolve(file));
const usual = [
  ...['c-program', 'javascript-library'].map(name => join(examples, name)),
  join(examples, '../integrations/bazel/toolchain.nix'),
];
const files = named.length > 0 ? named : usual;
const root = realpathSync(mkdtempSync(join(tmpdir(), 'firn-builds-')));

interface Side {
  readonly name: string;
  readonly bin: string;
  readonly config: string;
  readonly args: readonly string[];
}

/** What a side made: the outputs of a derivation are those of one in which only the places of archives differ. */
interface Built {
  readonly derivations: number;
  readonly hashes: ReadonlyMap<string, string>;
}

/** What `mirror://NAME` stands for here, as a URL that C++ Nix can fetch from. */
async function findRegistry(name: string): Promise<string> {
  const options = { variables: process.env, home: homedir(), workingFolder: process.cwd() };
  const [place] = await new Mirrors(options).places(`mirror://${name}/probe`);
  if (place === undefined) throw new Error(`this machine's clients know no ${name}`);
  return place.url.href.replace(/\/probe$/, '');
}

/** Runs a program of a side in its own store; what it says of its progress goes to the terminal. */
function run({ name, bin, config }: Side, program: string, args: readonly string[]): string[] {
  const folder = join(root, name.replaceAll(/\W+/g, '-'));
  mkdirSync(folder, { recursive: true });
  const { status, error, stdout } = spawnSync(join(bin, program), args, {
    cwd: folder,
    env: {
      ...process.env,
      NIX_REMOTE: `local?root=${join(folder, 'root')}`,
      NIX_CONF_DIR: '/nonexistent',
      NIX_USER_CONF_FILES: '',
      NIX_CONFIG: `build-users-group =\nsubstituters =\nsandbox = true\nsandbox-fallback = false\nsandbox-paths =\n${config}`,
    },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status === 0) return stdout.split('\n').filter(line => line !== '');
  throw new Error(`${name}: ${program} failed: ${error?.message ?? `exit status ${status}`}`);
}

function build(side: Side): Built {
  const started = performance.now();
  const wanted = run(side, 'nix-instantiate', [...files, ...side.args]);
  run(side, 'nix-store', ['--realise', '--no-build-output', ...wanted]);
  const closure = run(side, 'nix-store', ['--query', '--requisites', ...wanted]);
  const derivations = closure.filter(path => path.endsWith('.drv'));
  const outputs = Array.from(new Set(run(side, 'nix-store', ['--query', '--outputs', ...derivations]))).toSorted();
  const hashes = run(side, 'nix-store', ['--query', '--hash', ...outputs]);
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stdout.write(`${side.name}: ${derivations.length} derivations, ${outputs.length} outputs, ${seconds} s\n`);
  return {
    derivations: derivations.length,
    hashes: new Map(outputs.map((path, i) => [path, hashes[i] ?? 'no hash'])),
  };
}

/** Says which outputs are not the same, and returns how many. */
function compare(reference: Built, built: Built, name: string): number {
  const paths = new Set([...reference.hashes.keys(), ...built.hashes.keys()]);
  let differing = 0;
  for (const path of Array.from(paths).toSorted()) {
    const [wanted, got] = [reference.hashes.get(path), built.hashes.get(path)];
    if (wanted === got) continue;
    differing++;
    process.stdout.write(`${path}\n  ${name}: ${got ?? 'is not there'}\n  C++ Nix: ${wanted ?? 'is not there'}\n`);
  }
  return differing;
}

try {
  const [npm, debian] = [await findRegistry('npm'), await findRegistry('debian')];
  const own = [
    { name: 'Firn, one job', bin: ownBin, config: 'max-jobs = 1\ncores = 1\n', args: [] },
    { name: 'Firn, four jobs', bin: ownBin, config: 'max-jobs = 4\ncores = 4\n', args: [] },
  ];
  const theirs = {
    name: 'C++ Nix',
    bin: peerBin,
    config: 'max-jobs = 2\ncores = 2\n',
    args: ['--argstr', 'npm', npm, '--argstr', 'debian', debian],
  };
  const reference = build(theirs);
  let failed = 0;
  for (const side of own) {
    const built = build(side);
    const differing = compare(reference, built, side.name);
    const count = built.hashes.size;
    process.stdout.write(`${side.name}: ${count - differing} of ${count} outputs are what C++ Nix made\n`);
    if (differing > 0 || built.derivations !== reference.derivations || count === 0) failed++;
  }
  process.exitCode = failed === 0 ? 0 : 1;
} finally {
  removeTree(root);
}
