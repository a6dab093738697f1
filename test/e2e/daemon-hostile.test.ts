import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Reporter, byteStringFromText, errnoOf, forEachConcurrent, silentReporter } from '../../src/base/index.ts';
import {
  type StoreDir,
  type WireWriter,
  type WorkerOperation,
  defaultStoreDir,
  hashBytes,
  parseDerivingPath,
  parseStoreDir,
  parseStorePath,
  printStorePath,
} from '../../src/nix-compat/index.ts';
import { type PathAddition, StreamChannel, WorkerConnection } from '../../src/store/index.ts';
import {
  type SentRequest,
  countProcesses,
  fieldMutations,
  offerTree,
  readSentRequests,
  recordReports,
  scriptedPath,
  truncations,
  uniqueName,
  workerScripts,
} from '../../src/testing/index.ts';
import { Daemon } from './daemon-process.ts';

/** In bytes: how much more a daemon may hold after a thousand clients than after the first hundred. */
const memoryBound = 200 * 2 ** 20;

/** Takes long, and is broken off before it is done. */
const slow: ReadonlySet<string> = new Set(['VerifyStore', 'OptimiseStore', 'CollectGarbage']);

/** What clients say that are to come to nothing, a bit of every request and phase: the same at every call. */
function hostileSayings(requests: readonly SentRequest[], count: number): Buffer[] {
  const sayings = requests.flatMap(({ name, bytes, start, fields }) => {
    const cut = [...truncations(bytes, 0, 13)];
    const changed = slow.has(name) ? [] : [...fieldMutations(bytes, fields)];
    const whole = slow.has(name) ? [] : [bytes];
    return [...whole, ...[...cut, ...changed].map(mutation => mutation.bytes), bytes.subarray(0, start + 8)];
  });
  const step = Math.max(1, Math.floor(sayings.length / count));
  return sayings.filter((_, at) => at % step === 0).slice(0, count);
}

/** How a client leaves. */
const departures: readonly ((socket: Socket) => Promise<unknown>)[] = [
  async socket => socket.destroy(),
  // As soon as it is answered.
  async socket => {
    await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    socket.destroy();
  },
  // In good order, and it hears what is said.
  async socket => {
    socket.resume();
    socket.end();
    await once(socket, 'close');
  },
  // It has not read what it is told: the daemon's connection is reset.
  async socket => {
    socket.pause();
    await delay(5);
    socket.destroy();
  },
];

/** Where many have come and gone already, the system takes no more until the daemon has looked at some. */
async function connectWhenHeard(path: string): Promise<Socket> {
  for (;;) {
    const socket = connect(path);
    const failure = await new Promise<Error | undefined>(resolve => {
      socket.once('connect', () => resolve(undefined));
      socket.on('error', resolve);
    });
    if (failure === undefined) return socket;
    if (errnoOf(failure) !== 'EAGAIN') throw failure;
    await delay(20);
  }
}

async function visit(path: string, bytes: Buffer, leave: (socket: Socket) => Promise<unknown>): Promise<void> {
  const socket = await connectWhenHeard(path);
  // Whoever waits for an answer must have said enough to get one, or leave.
  socket.write(bytes);
  await Promise.race([leave(socket), delay(100)]);
  socket.destroy();
}

function childrenOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    try {
      return sum + readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).length;
    } catch {
      // It has ended meanwhile.
      return sum;
    }
  }, 0);
}

function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** Files that are somebody's for a while: of additions, and temporary roots. */
function temporaryFiles(folder: string): string[] {
  try {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return names.filter(name => /\/(?:tmp\/[^/]+\/[0-9]+\/|temproots\/)[^.]/.test(name));
  } catch (error) {
    // Something has gone meanwhile.
    if (errnoOf(error) !== 'ENOENT') throw error;
    return temporaryFiles(folder);
  }
}

async function connectTo(
  daemon: Daemon,
  storeDir: StoreDir,
  reporter: Reporter = silentReporter,
): Promise<WorkerConnection> {
  const socket = connect(daemon.socket);
  await once(socket, 'connect');
  const channel = new StreamChannel(socket, socket);
  return WorkerConnection.open(channel, { storeDir, uri: 'daemon', preamble: '', reporter });
}

test('a thousand clients that vanish or talk nonsense in every phase leave nothing behind', async () => {
  await using daemon = await new Daemon(['--force-trusted'], { hasUsualPaths: true }).whenListening();
  const sayings = hostileSayings(await readSentRequests('worker'), 1100);
  assert.equal(sayings.length, 1100);
  const visitAll = (from: number, to: number) =>
    forEachConcurrent(sayings.slice(from, to), { limit: 40 }, (bytes, _signal) => {
      const leave = departures[sayings.indexOf(bytes) % departures.length];
      return visit(daemon.socket, bytes, leave ?? assert.fail());
    });
  const settled = async () => {
    while (temporaryFiles(daemon.folder).length > 0) await delay(50);
    return { descriptors: daemon.descriptors(), children: childrenOf(daemon.pid) };
  };
  await visitAll(0, 100);
  const before = await settled();
  const memory = memoryOf(daemon.pid);
  await visitAll(100, 1100);
  for (;;) {
    const { descriptors, children } = await settled();
    if (descriptors <= before.descriptors && children <= before.children) break;
    await delay(50);
  }
  const more = memoryOf(daemon.pid) - memory;
  assert.ok(more < memoryBound, `${Math.round(more / 2 ** 20)} MiB more`);
  assert.doesNotMatch(daemon.log, /\n +at |TypeError|RangeError|internal/);
  // It still does what it is asked for, and all that it has is as it should be.
  await using connection = await connectTo(daemon, defaultStoreDir);
  await connection.add(scriptedPath.offers[0], { repair: false, checkSignatures: false });
  assert.equal(await workerScripts['VerifyStore']?.(connection), false);
});

const text = byteStringFromText;
const repairing = "repairing is not allowed because you are not in 'trusted-users'";

/** What only those may do who are trusted, and what C++ Nix says to others. */
function restricted(
  connection: WorkerConnection,
  storeDir: StoreDir,
  { path, offers: [offer] }: PathAddition,
): Record<string, readonly [attempt: () => Promise<unknown>, message: string]> {
  const print = printStorePath(storeDir, path);
  const drv = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-absent.drv');
  const built = parseDerivingPath(storeDir, text(`${storeDir}/${drv}!out`), '!');
  const ask = (operation: WorkerOperation, write: (writer: WireWriter) => void) => () =>
    connection.call(operation, write, reader => reader.number());
  const untrusted = `cannot add path '${print}' because it lacks a signature by a trusted key`;
  const id = { derivationHash: hashBytes('sha256', Buffer.from('x')), output: text('out') };
  const limits = { maxSilentTime: 0, timeout: 0, maxLogSize: 0, keepsFailed: false };
  const derivation = {
    name: text('absent'),
    outputs: new Map([[text('out'), { kind: 'input-addressed', path } as const]]),
    inputSources: [],
    platform: text('x86_64-linux'),
    builder: text('/bin/sh'),
    args: [],
    env: new Map(),
  };
  const noSignature = `cannot register realisation 'sha256:${Buffer.from(id.derivationHash.digest).toString('hex')}!out' because it lacks a signature by a trusted key`;
  return {
    'a path without a signature': [() => connection.add(offer, { repair: false, checkSignatures: true }), untrusted],
    'or without a look at it': [() => connection.add(offer, { repair: false, checkSignatures: false }), untrusted],
    'repairing by building': [() => connection.realise([built], 'repair'), repairing],
    'repairing the store': [
      ask('VerifyStore', writer => {
        writer.boolean(false);
        writer.boolean(true);
      }),
      'you are not privileged to repair paths',
    ],
    'what is known by its inputs': [
      () => connection.build({ path: drv, derivation, mode: 'normal', limits }, silentReporter),
      'you are not privileged to build input-addressed derivations',
    ],
    'a log': [() => connection.addBuildLog(drv, Buffer.from('x')), 'you are not privileged to add logs'],
    'a realisation': [() => connection.addRealisation({ id, path, signatures: [] }), noSignature],
    'collecting what is needed': [
      ask('CollectGarbage', writer => {
        writer.number(3);
        writer.list([print], each => writer.string(text(each)));
        writer.boolean(true);
        for (let at = 0; at < 4; at++) writer.number(0);
      }),
      'you are not allowed to ignore liveness',
    ],
  };
}

test('those who are not trusted are told what Nix tells them, and change nothing', async () => {
  await using daemon = await new Daemon(['--force-untrusted']).whenListening();
  const storeDir = parseStoreDir(join(daemon.folder, 'store'));
  const { reporter, reports } = recordReports();
  await using connection = await connectTo(daemon, storeDir, reporter);
  assert.equal(connection.keeper.trustsUs, false);
  const offered = offerTree({ type: 'symlink', target: text('x') }, { storeDir });
  for (const [what, [attempt, message]] of Object.entries(restricted(connection, storeDir, offered))) {
    const said = await attempt().then(
      () => 'nothing',
      (error: Error) => error.message,
    );
    assert.equal(said, message, what);
  }
  const options = {
    keepFailed: false,
    keepGoing: false,
    tryFallback: false,
    verbosity: 3,
    maxBuildJobs: 1,
    maxSilentTime: 0,
    verboseBuild: false,
    buildCores: 1,
    useSubstitutes: false,
  };
  const overrides = Object.entries({
    sandbox: 'true',
    'trusted-users': '*',
    'build-hook': '/bin/sh',
    'post-build-hook': '/bin/sh',
    'allowed-impure-host-deps': '/',
    'pre-build-hook': '/bin/sh',
    'require-sigs': 'false',
    'trusted-public-keys': 'x',
    substituters: 'https://evil.example.org',
    timeout: '10',
  });
  await connection.setOptions({
    ...options,
    overrides: new Map(overrides.map(([name, value]) => [text(name), text(value)])),
  });
  const warnings = reports.map(report => JSON.stringify(report)).join('\n');
  for (const [name] of overrides.slice(0, -2)) {
    const warning = `ignoring the client-specified setting '${name}', because it is a restricted setting and you are not a trusted user`;
    assert.ok(warnings.includes(warning), name);
  }
  assert.match(warnings, /ignoring untrusted substituter 'https:..evil.example.org', you are not a trusted user/);
  assert.doesNotMatch(warnings, /'timeout'/);
  await assert.rejects(
    connection.add(offered.offers[0], { repair: false, checkSignatures: false }),
    /lacks a signature/,
  );
  assert.equal((await connection.validPaths(new Set([offered.path]), false)).size, 0);
});

test('builds of clients that are gone are given up, and those who say too much are not waited for', async () => {
  await using daemon = await new Daemon(['--force-trusted']).whenListening();
  const storeDir = parseStoreDir(join(daemon.folder, 'store'));
  const mark = uniqueName();
  writeFileSync(
    join(daemon.folder, 'slow.nix'),
    `derivation { name = "slow"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "while :; do echo ${mark}; done" ]; }`,
  );
  const drv = parseStorePath(
    daemon.client('nix-instantiate', [join(daemon.folder, 'slow.nix')]).slice(storeDir.length + 1),
  );
  const wanted = [parseDerivingPath(storeDir, text(`${storeDir}/${drv}!out`), '!')];
  for (let round = 0; round < 3; round++) {
    const connection = await connectTo(daemon, storeDir);
    const failed = assert.rejects(connection.realise(wanted, 'normal'));
    while (countProcesses(mark) === 0) await delay(20);
    connection.destroy();
    await failed;
    while (countProcesses(mark) > 0) await delay(20);
  }
  // One that does not read its build's log, which has no end.
  const deaf = await connectWhenHeard(daemon.socket);
  const [request] = await readSentRequests('worker');
  deaf.pause();
  deaf.write(request?.bytes.subarray(0, request.start) ?? '');
  deaf.write(buildRequest(`${storeDir}/${drv}!out`));
  while (countProcesses(mark) === 0) await delay(20);
  const before = memoryOf(daemon.pid);
  await delay(1500);
  // Many that begin a request, and keep it all in the daemon's memory.
  const greedy = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const socket = await connectWhenHeard(daemon.socket);
      let answer = '';
      socket.on('data', chunk => (answer += chunk.toString('latin1')));
      socket.write(request?.bytes.subarray(0, request.start) ?? '');
      socket.write(hugeRequest());
      return { socket, answer: () => answer };
    }),
  );
  while (!greedy.some(({ answer }) => answer().includes('too large while others are received'))) await delay(20);
  const more = memoryOf(daemon.pid) - before;
  assert.ok(more < 1024 * 2 ** 20, `${Math.round(more / 2 ** 20)} MiB more`);
  for (const { socket } of greedy) socket.destroy();
  deaf.destroy();
  while (countProcesses(mark) > 0) await delay(20);
  assert.match(daemon.client('nix', ['store', 'info', '--json']), /"trusted":true/);
});

/** BuildPaths of one deriving path. */
function buildRequest(path: string): Buffer {
  return Buffer.concat([word(9), word(1), word(path.length), padded(path), word(0)]);
}

/** QueryValidPaths of paths that never end: 48 MiB of one. */
function hugeRequest(): Buffer {
  const size = 48 * 2 ** 20;
  return Buffer.concat([word(31), word(2), word(size), Buffer.alloc(size - 8, 'x')]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value);
  return bytes;
}

function padded(value: string): Buffer {
  const bytes = Buffer.alloc(Math.ceil(value.length / 8) * 8);
  bytes.write(value, 'latin1');
  return bytes;
}
