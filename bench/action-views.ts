/**
 * What it costs actions to see a closure of the store, in one run, in turns: an action that names one beside the same that names
 * none, and compiling in a sandbox through a view beside the same with the store's paths on disk, each mounted on its own.
 *
 *     scripts/run bench/action-views.ts [--actions N] [--rounds N] [--save]
 *
 * Needs gcc, busybox, and what mounting needs.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { byteStringFromText } from '../src/base/index.ts';
import { emptyDigest, removeTree, walkTreeToEnd } from '../src/castore/index.ts';
import { LocalExecutor, type Mount } from '../src/exec/index.ts';
import { parseStoreDir, printStorePath } from '../src/nix-compat/index.ts';
import {
  CheckedOutViews,
  MountedViews,
  ReapiServer,
  RemoteBlobStore,
  type StoreViews,
  executeCommand,
} from '../src/reapi/index.ts';
import { LazyPaths, LocalStore, Substituters, addToStore } from '../src/store/index.ts';
import { describeMachine } from './framework/machine.ts';
import { freePort, startServer } from './framework/server-process.ts';
import { median, quantile } from './framework/statistics.ts';
import { compileAll, makeCompiler, programCount } from './workloads/c-compiler.ts';

const { values: options } = parseArgs({
  options: {
    actions: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    save: { type: 'boolean', default: false },
  },
});

const repository = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'bench-views-'));
// Actions are other users', who have to get there.
chmodSync(folder, 0o755);

/** Milliseconds of actions that do nothing, of which every other one names a closure that it does not use. */
async function timeActions(): Promise<{ readonly without: number[]; readonly withView: number[] }> {
  const data = join(folder, 'served');
  const tool = join(folder, 'tool');
  mkdirSync(tool);
  copyFileSync(execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim(), join(tool, 'busybox'));
  const port = await freePort();
  const addresses = ['--grpc', `127.0.0.1:${port}`, '--http', '127.0.0.1:0'];
  using _server = await startServer(
    [join(repository, 'firn'), 'serve', '--data', data, ...addresses, '--anonymous', 'execute'],
    { at: port },
  );
  const env = { ...process.env, FIRN_DATA: data };
  const added = execFileSync(join(repository, 'bin/nix-store'), ['--add', tool], { env, encoding: 'utf8' }).trim();
  const path = `/nix/store/${basename(added)}`;
  await using server = new ReapiServer({ address: { transport: 'tcp', host: '127.0.0.1', port } });
  const blobs = new RemoteBlobStore(server);
  const time = async (command: { arguments: string[]; properties?: [string, string][] }): Promise<number> => {
    const start = performance.now();
    const { result } = await executeCommand(server, blobs, {
      command: { inputRoot: emptyDigest, isFresh: true, ...command },
    });
    if (result?.exitCode !== 0) throw new Error(`${command.arguments.join(' ')} failed`);
    return performance.now() - start;
  };
  const without: number[] = [];
  const withView: number[] = [];
  for (let at = -20; at < Number(options.actions); at++) {
    const times = [
      await time({ arguments: ['/bin/true'] }),
      await time({ arguments: [`${path}/busybox`, 'true'], properties: [['nix-closure', path]] }),
    ] as const;
    // Before: it warms up.
    if (at < 0) continue;
    without.push(times[0]);
    withView.push(times[1]);
  }
  return { without, withView };
}

/** Milliseconds of compiling all programs. */
async function timeCompilers(): Promise<ReadonlyMap<'view' | 'checkout', number[]>> {
  const source = join(folder, 'compiler');
  makeCompiler(source);
  const realStoreDir = join(folder, 'store');
  await using store = new LocalStore({
    dataFolder: join(folder, 'data'),
    storeDir: parseStoreDir('/nix/store'),
    realStoreDir,
  });
  const { path } = await addToStore(store, async sink => walkTreeToEnd(source, sink), { name: 'compiler' });
  const shown = printStorePath(store.storeDir, path);
  const substituters = () => new Substituters([], { storeDir: store.storeDir, trust: store });
  const settings = { allowsWhole: false };
  const mountPoint = join(folder, 'views');
  mkdirSync(mountPoint);
  await using lazyPaths = new LazyPaths(store, { substituters });
  const mounted = await MountedViews.open({
    store,
    substituters,
    settings,
    lazyPaths,
    source: {
      fetchBlob: () => Promise.reject(new Error('all is here')),
      reportProblem: problem => console.error(problem),
    },
    mountPoint,
  });
  await using _mounted = mounted;
  await using executor = new LocalExecutor();
  const compile = async (views: StoreViews): Promise<number> => {
    const wants = {
      closure: [{ path: shown, digest: undefined }],
      isWhole: false,
      rootFs: undefined,
      writable: [],
      wantsDaemon: false,
    };
    const { signal } = new AbortController();
    await using view = await views.open({ wants, links: [], owner: undefined, folder: join(folder, 'own'), signal });
    const [program, ...args] = compileAll(shown, '/tmp/objects');
    const host = ['/bin', '/lib', '/lib64', '/usr/bin', '/usr/lib', '/usr/lib64'];
    const start = performance.now();
    const outcome = await executor.run(
      {
        program: byteStringFromText(`/bin/${program}`),
        argv: [byteStringFromText(program), ...args.map(byteStringFromText)],
        environment: new Map([[byteStringFromText('PATH'), byteStringFromText('/usr/bin:/bin')]]),
        workingFolder: byteStringFromText('/'),
        place: {
          kind: 'sandbox',
          network: 'private',
          hostName: 'bench',
          user: { user: 1000, group: 100 },
          mounts: [
            ...host.map((each): Mount => ({ kind: 'bind', from: each, to: each, writable: false, optional: true })),
            ...view.mounts,
            { kind: 'proc', to: '/proc' },
            { kind: 'devices', to: '/dev' },
            { kind: 'tmpfs', to: '/tmp', mode: 0o1777 },
          ],
        },
        limits: {},
        output: 'pipe',
      },
      { output: chunk => void process.stderr.write(chunk) },
    );
    const time = performance.now() - start;
    if (outcome.kind !== 'exited' || outcome.status !== 0) throw new Error(`compiling failed: ${outcome.kind}`);
    return time;
  };
  const sides = new Map<'view' | 'checkout', StoreViews>([
    ['view', mounted],
    ['checkout', new CheckedOutViews(store, substituters, settings)],
  ]);
  const times = new Map<'view' | 'checkout', number[]>([
    ['view', []],
    ['checkout', []],
  ]);
  for (let round = 0; round <= Number(options.rounds); round++) {
    for (const [side, views] of sides) {
      const time = await compile(views);
      if (round > 0) times.get(side)?.push(time);
    }
  }
  return times;
}

interface Figure {
  readonly name: string;
  readonly kind: 'difference' | 'ratio';
  readonly of: string;
  readonly against: string;
  readonly bar: number;
  readonly value: number;
  readonly quartiles: readonly number[];
  readonly met: boolean;
}

function figureOf(words: Pick<Figure, 'name' | 'kind' | 'of' | 'against' | 'bar'>, values: readonly number[]): Figure {
  const [value = NaN, ...quartiles] = [median(values), quantile(values, 0.25), quantile(values, 0.75)].map(each =>
    Number(each.toFixed(3)),
  );
  return { ...words, value, quartiles, met: value <= words.bar };
}

try {
  const { without, withView } = await timeActions();
  const compiled = await timeCompilers();
  const checkedOut = compiled.get('checkout') ?? [];
  const figures = [
    figureOf(
      { name: 'an action with a view, ms more', kind: 'difference', of: 'with', against: 'without', bar: 3 },
      withView.map((time, i) => time - (without[i] ?? NaN)),
    ),
    figureOf(
      { name: `compiling ${programCount} files`, kind: 'ratio', of: 'view', against: 'checkout', bar: 1.1 },
      (compiled.get('view') ?? []).map((time, i) => time / (checkedOut[i] ?? NaN)),
    ),
  ];
  const milliseconds = {
    'action without': median(without),
    'action with a view': median(withView),
    'compiling through a view': median(compiled.get('view') ?? []),
    'compiling from a checkout': median(checkedOut),
  };
  for (const [what, time] of Object.entries(milliseconds)) console.log(`${what}: ${time.toFixed(1)} ms`);
  for (const { name, value, quartiles, bar, met } of figures) {
    console.log(`${name}: ${value} (${quartiles.join(' to ')}), bar ${bar}: ${met ? 'met' : 'missed'}`);
  }
  if (options.save) {
    const record = {
      name: 'action-views',
      title: 'what it costs actions to see a closure of the store',
      workload: `${options.actions} actions that do nothing; ${programCount} files of C`,
      date: new Date().toISOString().slice(0, 10),
      machine: describeMachine(undefined),
      figures,
      milliseconds,
    };
    writeFileSync(join(import.meta.dirname, 'results/action-views.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  }
  process.exitCode = figures.every(({ met }) => met) ? 0 : 1;
} finally {
  removeTree(folder);
}
