/**
 * What a first action moves on a server that has nothing of its closure: of 1 GB it reads 20 MB. Two servers in two network
 * namespaces, of which the one executes and the other has the closure; bytes are counted at the interface between them.
 *
 *     scripts/run bench/cold-action.ts [--save]
 *
 * Needs root, iproute2 and what mounting needs.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { emptyDigest, removeTree } from '../src/castore/index.ts';
import { ReapiServer, RemoteBlobStore, executeCommand } from '../src/reapi/index.ts';
import { describeMachine } from './framework/machine.ts';
import { startServer } from './framework/server-process.ts';

const { values: options } = parseArgs({ options: { save: { type: 'boolean', default: false } } });

const megabyte = 1_000_000;
/** Files of a megabyte, in folders of so many each. */
const files = 1000;
const filesEach = 20;
/** Bytes in both directions. */
const bar = 25 * megabyte;

const firn = join(import.meta.dirname, '../firn');
const binaries = join(import.meta.dirname, '../bin');
const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();

const run = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' });

/** A network namespace with one end of a link. */
class Network implements Disposable {
  readonly name: string;
  readonly address: string;
  readonly interface: string;

  constructor(side: 1 | 2) {
    this.name = `firn-bench-${process.pid}-${side}`;
    this.interface = `fb${process.pid}-${side}`.slice(-15);
    // Of the block for benchmarks (RFC 2544).
    this.address = `198.18.0.${side}`;
    run('ip', 'netns', 'add', this.name);
  }

  up(): void {
    run('ip', 'link', 'set', this.interface, 'netns', this.name);
    run('ip', '-n', this.name, 'addr', 'add', `${this.address}/24`, 'dev', this.interface);
    for (const each of ['lo', this.interface]) run('ip', '-n', this.name, 'link', 'set', each, 'up');
  }

  within(...command: string[]): [string, ...string[]] {
    return ['nsenter', `--net=/run/netns/${this.name}`, ...command];
  }

  /** That went over the link so far, both ways. */
  bytes(): number {
    const [program, ...args] = this.within('cat', '/proc/thread-self/net/dev');
    const line =
      run(program, ...args)
        .split('\n')
        .find(each => each.trim().startsWith(`${this.interface}:`)) ?? '';
    const fields = line
      .slice(line.indexOf(':') + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    return (fields[0] ?? NaN) + (fields[8] ?? NaN);
  }

  [Symbol.dispose](): void {
    run('ip', 'netns', 'del', this.name);
  }
}

function addPath(data: string, folder: string): string {
  const env = { ...process.env, FIRN_DATA: data };
  const printed = execFileSync(join(binaries, 'nix-store'), ['--add', folder], { env, encoding: 'utf8' });
  return `/nix/store/${basename(printed.trim())}`;
}

function makeClosure(folder: string, data: string): { readonly tool: string; readonly bulk: string } {
  const bulk = join(folder, 'bulk');
  for (let at = 0; at < files; at++) {
    const place = join(bulk, `part-${Math.floor(at / filesEach)}`);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, `file-${at}`), randomBytes(megabyte));
  }
  const tool = join(folder, 'tool');
  mkdirSync(tool);
  copyFileSync(busybox, join(tool, 'busybox'));
  return { tool: addPath(data, tool), bulk: addPath(data, bulk) };
}

const folder = mkdtempSync(join(tmpdir(), 'bench-cold-'));
chmodSync(folder, 0o755);
try {
  const [upstreamData, data] = [join(folder, 'upstream'), join(folder, 'data')];
  const { tool, bulk } = makeClosure(folder, upstreamData);
  using there = new Network(1);
  using here = new Network(2);
  run('ip', 'link', 'add', there.interface, 'type', 'veth', 'peer', 'name', here.interface);
  for (const network of [there, here]) network.up();
  const socketOf = (name: string) => join(folder, `${name}.socket`);
  const serve = (network: Network, name: string, args: readonly string[], config: string) =>
    startServer(network.within(firn, 'serve', '--grpc', `unix:${socketOf(name)}`, ...args), {
      at: socketOf(name),
      env: { HOME: folder, NIX_CONF_DIR: folder, NIX_CONFIG: config },
    });
  const http = `${there.address}:8981`;
  using _upstream = await serve(there, 'upstream', ['--data', upstreamData, '--http', http, '--anonymous', 'read'], '');
  using _server = await serve(
    here,
    'server',
    ['--data', data, '--http', '127.0.0.1:0', '--anonymous', 'execute'],
    `substituters = http://${http}?trusted=1`,
  );
  await using server = new ReapiServer({ address: { transport: 'unix', path: socketOf('server') } });
  const blobs = new RemoteBlobStore(server);
  const before = here.bytes();
  const start = performance.now();
  const { result, status } = await executeCommand(server, blobs, {
    command: {
      arguments: [`${tool}/busybox`, 'sh', '-c', `${tool}/busybox cat ${bulk}/part-7/* | ${tool}/busybox wc -c`],
      inputRoot: emptyDigest,
      properties: [['nix-closure', `${tool} ${bulk}`]],
      isFresh: true,
    },
  });
  const time = performance.now() - start;
  const moved = here.bytes() - before;
  if (result?.exitCode !== 0) throw new Error(`the action failed: ${status?.message ?? 'it says why'}`);
  const met = moved <= bar;
  const shown = (bytes: number) => `${(bytes / megabyte).toFixed(2)} MB`;
  console.log(`moved ${shown(moved)} in ${time.toFixed(0)} ms, bar ${shown(bar)}: ${met ? 'met' : 'missed'}`);
  if (options.save) {
    const record = {
      name: 'cold-action',
      title: 'what a first action moves on a server that has nothing of its closure',
      workload: `a closure of ${files} files of 1 MB and a program of ${shown(readFileSync(busybox).length)}, of which the program and ${filesEach} files are read`,
      date: new Date().toISOString().slice(0, 10),
      machine: describeMachine(undefined),
      figures: [{ name: 'bytes moved', kind: 'bytes', of: 'Firn', bar, value: moved, met }],
      milliseconds: Number(time.toFixed(0)),
    };
    writeFileSync(join(import.meta.dirname, 'results/cold-action.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  }
  process.exitCode = met ? 0 : 1;
} finally {
  removeTree(folder);
}
