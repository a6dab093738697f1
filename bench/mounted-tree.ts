/**
 * Reading file trees through a mount, beside buildbox-fuse (over buildbox-casd) and a checkout, in one run, in turns: a mount
 * is made anew for each round, so that the kernel knows nothing of it ("cold"); what is read again is "cached". The contents are
 * in the page cache of the disk.
 *
 *     [PEER_RUNNER='words'] scripts/run bench/mounted-tree.ts [--rounds N] [--no-peer] [--save]
 *
 * PEER_RUNNER runs buildbox-casd, buildbox-fuse and casupload where they are another system's, on the same /tmp and network. Needs
 * what mounting needs.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { byteStringFromText } from '../src/base/index.ts';
import { DiskBlobStore, type Node, checkoutTree, importTree } from '../src/castore/index.ts';
import { FuseMount } from '../src/fuse/index.ts';
import { describeMachine } from './framework/machine.ts';
import { peerProgram, serveCasd } from './framework/reapi-servers.ts';
import { median, quantile } from './framework/statistics.ts';
import { compileAll, makeCompiler, programCount } from './workloads/c-compiler.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    'no-peer': { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});

const folders = 100;
const filesEach = 100;
const bigSize = 400_000_000;

function makeTree(folder: string): void {
  mkdirSync(folder);
  for (let i = 0; i < folders; i++) {
    mkdirSync(join(folder, `folder-${i}`));
    for (let j = 0; j < filesEach; j++) {
      const size = 500 + (((i * filesEach + j) * 37) % 8000);
      writeFileSync(join(folder, `folder-${i}`, `file-${j}`), randomBytes(size));
    }
  }
  writeFileSync(join(folder, 'big'), randomBytes(bigSize));
}

/** A tree that is there to be read. */
interface Shown extends AsyncDisposable {
  readonly path: string;
  /** What `makeCompiler` made. */
  readonly compiler?: string;
}

type Side = 'Firn' | 'buildbox-fuse' | 'ext4';

const measures: Readonly<Record<string, (path: string) => readonly [string, ...string[]]>> = {
  find: path => ['find', path],
  '1,000 small files': path => [
    'sh',
    '-c',
    'cd "$1" && cat folder-1/* folder-2/* folder-3/* folder-4/* folder-5/* folder-6/* folder-7/* folder-8/* folder-9/* folder-10/*',
    'sh',
    path,
  ],
  sequential: path => ['dd', `if=${path}/big`, 'of=/dev/null', 'bs=1M', 'status=none'],
};

function timeOf([program, ...args]: readonly [string, ...string[]]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const time = performance.now() - start;
  if (status !== 0) throw new Error(`${program} failed: ${stderr.toString()}`);
  return time;
}

const compiling = `compiling ${programCount} files of C`;

const folder = mkdtempSync(join(tmpdir(), 'bench-mounted-'));
const tree = join(folder, 'tree');
makeTree(tree);
await using store = new DiskBlobStore(join(folder, 'data'));
const compiler = join(folder, 'compiler');
makeCompiler(compiler);
const node = await importAll(tree);
const compilerNode = await importAll(compiler);
const checkout = join(folder, 'checkout');
mkdirSync(checkout);
await checkoutTree(store, node, join(checkout, 'tree'), { files: store });
await checkoutTree(store, compilerNode, join(checkout, 'compiler'), { files: store });

async function importAll(from: string): Promise<Node> {
  await using batch = store.batch();
  const root = await importTree(from, batch);
  await batch.commit();
  return root;
}

async function mountFirn(): Promise<Shown> {
  const mountPoint = join(folder, 'firn');
  mkdirSync(mountPoint, { recursive: true });
  const mount = await FuseMount.mount({
    mountPoint,
    dataFolder: join(folder, 'data'),
    source: {
      fetchBlob: () => Promise.reject(new Error('all is here')),
      reportProblem: problem => console.error(problem),
    },
  });
  mount.addView('view', [
    { name: byteStringFromText('compiler'), node: compilerNode },
    { name: byteStringFromText('tree'), node },
  ]);
  return {
    path: join(mount.pathOf('view'), 'tree'),
    compiler: join(mount.pathOf('view'), 'compiler'),
    [Symbol.asyncDispose]: () => mount[Symbol.asyncDispose](),
  };
}

/** What `casupload` says the tree is. */
let peerDigest: string | undefined;

function upload(port: number): string {
  const file = join(folder, 'digest');
  const [program, ...args] = peerProgram(
    'casupload',
    `--remote=http://127.0.0.1:${port}`,
    `--output-digest-file=${file}`,
    tree,
  );
  const { status, stderr } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`casupload failed: ${stderr.toString()}`);
  return readFileSync(file, 'utf8').trim();
}

async function mountPeer(port: number, round: number): Promise<Shown> {
  peerDigest ??= upload(port);
  const mountPoint = join(folder, 'peer');
  const local = join(folder, `local-${round}`);
  for (const path of [mountPoint, local]) mkdirSync(path, { recursive: true });
  const command = `echo $$; exec buildbox-fuse --local=${local} --remote=http://127.0.0.1:${port} --input-digest-value=${peerDigest} ${mountPoint}`;
  const [program, ...args] = peerProgram('sh', '-c', command);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const pid = await firstLine(child);
  // It may have mounts of its own.
  const isThere = () => readFileSync(`/proc/${pid}/mounts`, 'utf8').includes(` ${mountPoint} fuse`);
  for (let tries = 0; !isThere(); tries++) {
    if (tries > 100) throw new Error('buildbox-fuse does not mount');
    await delay(50);
  }
  return {
    path: `/proc/${pid}/root${mountPoint}`,
    async [Symbol.asyncDispose]() {
      const ended = new Promise(resolve => child.once('close', resolve));
      process.kill(Number(pid), 'SIGTERM');
      await ended;
      rmSync(local, { recursive: true, force: true });
    },
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise(resolve => child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim())));
}

using casd = options['no-peer'] ? undefined : await serveCasd(join(folder, 'casd'), 1);
const sides: ReadonlyMap<Side, (round: number) => Promise<Shown>> = new Map<Side, (round: number) => Promise<Shown>>([
  ['Firn', () => mountFirn()],
  ...(casd === undefined ? [] : ([['buildbox-fuse', (round: number) => mountPeer(casd.port, round)]] as const)),
  [
    'ext4',
    async () => ({
      path: join(checkout, 'tree'),
      compiler: join(checkout, 'compiler'),
      [Symbol.asyncDispose]: async () => {},
    }),
  ],
]);

/** By what was measured, then by side: milliseconds, one a round. */
const times = new Map<string, Map<Side, number[]>>();

function note(what: string, side: Side, time: number): void {
  const bySide = times.get(what) ?? new Map<Side, number[]>();
  times.set(what, bySide);
  bySide.set(side, [...(bySide.get(side) ?? []), time]);
}

// One more that warms up.
for (let round = 0; round <= Number(options.rounds); round++) {
  for (const [side, show] of sides) {
    await using shown = await show(round);
    for (const [what, command] of Object.entries(measures)) {
      for (const state of ['cold', 'cached']) {
        const time = timeOf(command(shown.path));
        if (round > 0) note(`${what}, ${state}`, side, time);
      }
    }
    if (shown.compiler === undefined) continue;
    for (const state of ['cold', 'cached']) {
      const time = timeOf(compileAll(shown.compiler, join(folder, 'objects')));
      if (round > 0) note(`${compiling}, ${state}`, side, time);
    }
  }
}

interface Bar {
  readonly what: string;
  readonly against: Side;
  /** Of our time to theirs. */
  readonly bar: number;
}

const bars: readonly Bar[] = [
  { what: 'find, cold', against: 'buildbox-fuse', bar: 0.6 },
  { what: '1,000 small files, cold', against: 'buildbox-fuse', bar: 0.2 },
  { what: 'sequential, cold', against: 'buildbox-fuse', bar: 1 / 6 },
  { what: 'find, cached', against: 'ext4', bar: 2 },
  { what: '1,000 small files, cached', against: 'ext4', bar: 2 },
  { what: 'sequential, cached', against: 'ext4', bar: 1 / 0.4 },
  { what: `${compiling}, cached`, against: 'ext4', bar: 1.1 },
];

const figures = bars.flatMap(({ what, against, bar }) => {
  const ours = times.get(what)?.get('Firn') ?? [];
  const theirs = times.get(what)?.get(against);
  if (theirs === undefined) return [];
  const ratios = ours.map((time, i) => time / (theirs[i] ?? NaN));
  const value = Number(median(ratios).toFixed(3));
  const quartiles = [quantile(ratios, 0.25), quantile(ratios, 0.75)].map(each => Number(each.toFixed(3)));
  return [
    {
      name: what,
      kind: 'ratio',
      of: 'Firn',
      against,
      bar: Number(bar.toFixed(3)),
      value,
      quartiles,
      met: value <= bar,
    },
  ];
});
for (const [what, bySide] of times) {
  const shown = [...bySide].map(([side, all]) => `${side} ${median(all).toFixed(1)} ms`).join(', ');
  console.log(`${what}: ${shown}`);
}
for (const { name, against, value, quartiles, bar, met } of figures) {
  console.log(`${name}: ${value}x ${against} (${quartiles.join('-')}), bar ${bar}: ${met ? 'met' : 'missed'}`);
}
if (options.save) {
  const record = {
    name: 'mounted-tree',
    title: 'reading a tree through a mount',
    workload: `${folders * filesEach} files of 0.5 to 8.5 KB in ${folders} folders, and one of ${bigSize / 1e6} MB; a C compiler with its headers`,
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(undefined),
    figures,
    milliseconds: Object.fromEntries([...times].map(([what, bySide]) => [what, Object.fromEntries(bySide)])),
  };
  writeFileSync(join(import.meta.dirname, 'results/mounted-tree.json'), `${JSON.stringify(record, undefined, 2)}\n`);
}
rmSync(folder, { recursive: true, force: true });
process.exitCode = figures.every(({ met }) => met) ? 0 : 1;
