/**
 * What a server of REAPI costs: processor time of the server (user and system) per call and per GiB, beside buildbox-casd
 * in the same run, in turns. The client, which is ours, is not counted.
 *
 *     CASD='buildbox-casd' scripts/run bench/reapi-load.ts [--rounds N] [--save]
 *
 * CASD is the command of the peer, with arguments before its own if need be.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { foreignDigestOf } from '../src/castore/index.ts';
import { GrpcClient } from '../src/grpc/index.ts';
import {
  DigestSchema,
  FindMissingBlobsRequestSchema,
  GetCapabilitiesRequestSchema,
  ReadRequestSchema,
  WriteRequestSchema,
  byteStreamMethods,
  capabilitiesMethods,
  contentAddressableStorageMethods,
} from '../src/proto/index.ts';

import { describeMachine } from './framework/machine.ts';

const root = dirname(import.meta.dirname);
const rounds = Number(process.argv[process.argv.indexOf('--rounds') + 1] || 3);
/** Ticks of /proc/PID/stat in a second. */
const ticks = 100;

interface Server extends AsyncDisposable {
  readonly name: string;
  readonly client: GrpcClient;
  readonly cpu: () => number;
  readonly memory: () => number;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise(resolve => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The process that has `words` in its command line, and whose program is called `program`. */
function findProcess(program: string, word: string): number | undefined {
  for (const pid of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(pid)) continue;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const isProgram = command.some(each => each.split('/').at(-1) === program);
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      if (
        isProgram &&
        command.some(each => each.includes(word)) &&
        !['sh', 'bash', 'unshare', 'chroot'].includes(name)
      ) {
        return Number(pid);
      }
    } catch {
      // It has just ended.
    }
  }
  return undefined;
}

function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}

function memoryOf(pid: number): number {
  const match = /VmHWM:\s+([0-9]+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? 0) * 1024;
}

async function start(name: string, command: readonly string[], program: string): Promise<Server> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), `bench-${name}-`));
  const address = `127.0.0.1:${port}`;
  const args = command.slice(1).map(each => each.replace('ADDRESS', address).replace('FOLDER', folder));
  const child: ChildProcess = spawn(command[0]!, args, { stdio: ['ignore', 'ignore', 'ignore'], detached: true });
  const client = new GrpcClient({ transport: 'tcp', host: '127.0.0.1', port });
  for (let tries = 0; ; tries++) {
    try {
      await client.unary(capabilitiesMethods.getCapabilities, create(GetCapabilitiesRequestSchema), { timeout: 1000 });
      break;
    } catch (error) {
      if (tries > 100) throw error;
      await delay(100);
    }
  }
  const pid = program === '' ? child.pid : findProcess(program, address);
  if (pid === undefined) throw new Error(`no process of ${name}`);
  return {
    name,
    client,
    cpu: () => cpuOf(pid),
    memory: () => memoryOf(pid),
    async [Symbol.asyncDispose]() {
      await client.close();
      process.kill(pid, 'SIGKILL');
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Measure {
  readonly what: string;
  /** Returns the amount by which the time is divided. */
  readonly run: (client: GrpcClient) => Promise<number>;
  readonly unit: string;
  readonly bar: number;
}

async function inParallel(count: number, width: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

const empty = create(GetCapabilitiesRequestSchema);
const present = Array.from({ length: 1000 }, (_, i) => Buffer.from(`blob ${i}`));
const digests = present.map(bytes => {
  const { hash, size } = foreignDigestOf(bytes, 'sha256');
  return create(DigestSchema, { hash, sizeBytes: BigInt(size) });
});
const thousand = create(FindMissingBlobsRequestSchema, { blobDigests: digests });
const one = create(FindMissingBlobsRequestSchema, { blobDigests: digests.slice(0, 1) });

const size = 64 * 1024 * 1024;

async function write(client: GrpcClient, piece: number): Promise<string> {
  const bytes = randomBytes(size);
  const { hash } = foreignDigestOf(bytes, 'sha256');
  const resourceName = `uploads/bench/blobs/${hash}/${size}`;
  const requests = function* () {
    for (let at = 0; at < size; at += piece) {
      yield create(WriteRequestSchema, {
        resourceName: at === 0 ? resourceName : '',
        writeOffset: BigInt(at),
        data: bytes.subarray(at, at + piece),
        finishWrite: at + piece >= size,
      });
    }
  };
  await client.clientStreaming(byteStreamMethods.write, requests());
  return hash;
}

const written = new WeakMap<GrpcClient, string>();

const measures: readonly Measure[] = [
  {
    what: 'GetCapabilities',
    unit: 'us a call',
    bar: 2,
    run: async client => {
      await inParallel(4000, 16, () => client.unary(capabilitiesMethods.getCapabilities, empty));
      return 4000 / 1e6;
    },
  },
  {
    what: 'FindMissing of 1',
    unit: 'us a call',
    bar: 2,
    run: async client => {
      await inParallel(4000, 16, () => client.unary(contentAddressableStorageMethods.findMissingBlobs, one));
      return 4000 / 1e6;
    },
  },
  {
    what: 'FindMissing of 1000',
    unit: 'us a call',
    bar: 2,
    run: async client => {
      await inParallel(200, 4, () => client.unary(contentAddressableStorageMethods.findMissingBlobs, thousand));
      return 200 / 1e6;
    },
  },
  ...[64, 16].map((kib): Measure => ({
    what: `Write by ${kib} KiB`,
    unit: 's a GiB',
    bar: 1,
    run: async client => {
      for (let i = 0; i < 4; i++) written.set(client, await write(client, kib * 1024));
      return (4 * size) / 2 ** 30;
    },
  })),
  {
    what: 'Read',
    unit: 's a GiB',
    bar: 0.9,
    run: async client => {
      const hash = written.get(client) ?? (await write(client, 65_536));
      const request = create(ReadRequestSchema, { resourceName: `blobs/${hash}/${size}` });
      let total = 0;
      for (let i = 0; i < 4; i++) {
        for await (const { data } of client.serverStreaming(byteStreamMethods.read, request)) total += data.byteLength;
      }
      return total / 2 ** 30;
    },
  },
];

const [casd = 'buildbox-casd', ...casdArguments] = (process.env['CASD'] ?? 'buildbox-casd').split(' ');
await using firn = await start(
  'firn',
  [
    join(root, 'firn'),
    'serve',
    '--data',
    'FOLDER',
    '--grpc',
    'ADDRESS',
    '--http',
    '127.0.0.1:0',
    '--anonymous',
    'execute',
  ],
  '',
);
await using peer = await start('casd', [casd, ...casdArguments, '--bind=ADDRESS', 'FOLDER'], 'buildbox-casd');
const servers = [firn, peer];
for (const { client } of servers) {
  await inParallel(present.length, 8, async i => {
    const data = present[i]!;
    const resourceName = `uploads/bench/blobs/${digests[i]!.hash}/${data.byteLength}`;
    await client.clientStreaming(byteStreamMethods.write, [
      create(WriteRequestSchema, { resourceName, data, finishWrite: true }),
    ]);
  });
}
const machine = describeMachine(undefined);
const figures: object[] = [];
for (const { what, run, unit, bar } of measures) {
  const costs: number[][] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const [i, { client, cpu }] of servers.entries()) {
      const before = cpu();
      const amount = await run(client);
      costs[i]!.push((cpu() - before) / amount);
    }
  }
  const [ours, theirs] = costs.map(each => Math.min(...each));
  const ratio = (ours! / theirs!).toFixed(2);
  figures.push({ name: what, unit, own: ours, peer: theirs, value: Number(ratio), bar, met: Number(ratio) <= bar });
  process.stdout.write(`${what}: ${ours!.toFixed(2)} ${unit}, casd ${theirs!.toFixed(2)}: ${ratio} (bar ${bar})\n`);
}
const memory = { own: firn.memory(), peer: peer.memory() };
if (process.argv.includes('--save')) {
  const record = {
    name: 'reapi-load',
    title: 'processor time of a server of REAPI, beside buildbox-casd',
    workload: 'unary calls, 16 at a time; blobs of 64 MiB over one connection; the least of each side',
    date: new Date().toISOString().slice(0, 10),
    machine,
    figures,
    peakMemory: memory,
  };
  writeFileSync(join(import.meta.dirname, 'results/reapi-load.json'), `${JSON.stringify(record, undefined, 2)}\n`);
}
process.stdout.write(`memory: ${Math.round(firn.memory() / 1e6)} MB, casd ${Math.round(peer.memory() / 1e6)} MB\n`);
