import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { FirnError, byteStringFromText, silentReporter } from '../base/index.ts';
import { type ProtocolVersion, WireReader, openWorkerConnection, readLogMessage } from '../nix-compat/index.ts';
import { LocalStore } from '../store/index.ts';
import {
  MemoryChannel,
  type RequestField,
  type SentRequest,
  TestServedStore,
  keepRootsIn,
  fieldMutations,
  readRecordedSessions,
  readSentRequests,
  temporaryFolder,
  truncations,
} from '../testing/index.ts';
import { serveStore } from './serve-service.ts';
import { serveWorker } from './worker-service.ts';

/** A store of its own, served to clients that say what was recorded, or something like it. */
class HostileRig implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly store = new LocalStore({
    dataFolder: `${this.#folder.path}/data`,
    realStoreDir: `${this.#folder.path}/store`,
  });
  readonly served = new TestServedStore(this.store);
  /** What went wrong that nobody thought of. */
  readonly faults: unknown[] = [];

  constructor() {
    keepRootsIn(this.#folder.path, this.store);
    const message = byteStringFromText('nothing can be built here');
    this.served.result = {
      outcome: { status: 'MiscFailure', message, nonDeterministic: false },
      timesBuilt: 0,
      startTime: 0,
      stopTime: 0,
      cpuUser: undefined,
      cpuSystem: undefined,
    };
  }

  /** What a client gets that says `bytes` and is gone, and what the service ends with. */
  async worker(bytes: Buffer, isTrusted = true) {
    const channel = new MemoryChannel([bytes]);
    const { signal } = new AbortController();
    const onFault = (error: unknown) => void this.faults.push(error);
    const end = await serveWorker(channel, this.served, { isTrusted, signal, onFault }).catch(
      (error: unknown) => error,
    );
    return { answer: channel.written, end };
  }

  async serve(bytes: Buffer, mayWrite = true) {
    const channel = new MemoryChannel([bytes]);
    const { signal } = new AbortController();
    const end = await serveStore(channel, this.served, { mayWrite, reporter: silentReporter, signal }).catch(
      (error: unknown) => error,
    );
    return { answer: channel.written, end };
  }

  /** All that is to stay the same where a request comes to nothing. */
  async state(): Promise<string> {
    const paths = await this.store.index.allPaths();
    const infos = await Promise.all(paths.map(path => this.store.pathInfo(path)));
    // Without what is made when it is first needed: locks, and the folders that temporary files are spread over.
    const files = readdirSync(this.#folder.path, { recursive: true, encoding: 'utf8' })
      .filter(name => !/temproots|\/db\/|\/log\/|\/gc\.|\/tmp\/[^/]+\/[0-9]+$/.test(name))
      .toSorted();
    return JSON.stringify({ infos, files });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

function requireForeseen(error: unknown, what: string): void {
  if (error === undefined || error instanceof FirnError) return;
  assert.fail(`${what}: ${error instanceof Error ? error.stack : 'no error'}`);
}

/** What a client makes of an answer: how often it was told that all is well, and at last of what error. */
async function readWorkerAnswer(answer: Buffer, version: ProtocolVersion) {
  const reader = new WireReader([answer]);
  const offered = { version, features: new Set<never>() };
  const { protocol } = await openWorkerConnection({ reader, send: () => {} }, offered);
  let successes = 0;
  while (!(await reader.atEnd())) {
    const message = await readLogMessage(reader, protocol.version);
    if (message.kind === 'last') successes++;
    // What follows is the answer to a request, which is read elsewhere.
    if (successes > 1) return { successes, error: undefined };
    if (message.kind === 'error') return { successes, error: message.error.message, isOver: await reader.atEnd() };
  }
  return { successes, error: undefined, isOver: true };
}

describe('clients of the worker protocol', () => {
  let rig: HostileRig;
  let requests: SentRequest[];
  before(async () => {
    rig = new HostileRig();
    requests = await readSentRequests('worker');
  });
  after(() => rig[Symbol.asyncDispose]());

  test('what was recorded of C++ Nix and of ours is all understood', async () => {
    for (const session of readRecordedSessions('worker')) {
      const { answer, end } = await rig.worker(session.sent);
      assert.equal(end, undefined, `${session.client}: ${session.name}`);
      assert.equal((await readWorkerAnswer(answer, session.version)).successes > 0, true);
    }
    assert.deepEqual(rig.faults, []);
  });

  test('who breaks off anywhere is told so, and nothing of the request stays', async () => {
    const state = await rig.state();
    for (const request of shortestOfEach(requests)) {
      for (const { what, bytes } of truncations(request.bytes, request.start)) {
        const { answer, end } = await rig.worker(bytes);
        const name = `${request.name} of ${request.session.version}, ${what}`;
        requireForeseen(end, name);
        const { error, isOver } = await readWorkerAnswer(answer, request.session.version);
        assert.equal(isOver, true, name);
        assert.equal(error !== undefined, bytes.length > request.start, name);
      }
    }
    const [first] = requests;
    assert.ok(first !== undefined);
    for (const { what, bytes } of truncations(first.bytes.subarray(0, first.start), 0)) {
      const { answer, end } = await rig.worker(bytes);
      assert.ok(end instanceof FirnError, what);
      assert.ok(answer.length <= first.start, what);
    }
    assert.deepEqual(rig.faults, []);
    assert.equal(await rig.state(), state);
  });

  test('who says what cannot be is refused, or does what it may', async () => {
    for (const [index, request] of shortestOfEach(requests).entries()) {
      // Any number is a yes or a no to it.
      if (request.name === 'VerifyStore') continue;
      for (const { what, bytes } of fieldMutations(request.bytes, request.fields)) {
        const { answer, end } = await rig.worker(bytes, index % 2 === 0);
        const name = `${request.name} of ${request.session.version}, ${what}`;
        requireForeseen(end, name);
        for (const fault of rig.faults) requireForeseen(fault, name);
        await readWorkerAnswer(answer, request.session.version);
      }
    }
    assert.equal(await rig.store.upkeep.verify({ checkContents: true }), false);
  });

  test('greetings that are none, of long ago or of times to come', async () => {
    const [first] = requests;
    assert.ok(first !== undefined);
    for (const { what, bytes } of fieldMutations(first.bytes, greetingOf(first))) {
      const { answer, end } = await rig.worker(bytes);
      requireForeseen(end, what);
      if (end === undefined) assert.ok((await readWorkerAnswer(answer, first.session.version)).successes > 0, what);
    }
    const future = Buffer.from(first.bytes);
    future.writeUInt32LE(0x0203, 8);
    assert.equal((await rig.worker(future)).end, undefined, 'a client that can do more');
  });
});

describe('clients of the serve protocol', () => {
  let rig: HostileRig;
  let requests: SentRequest[];
  before(async () => {
    rig = new HostileRig();
    requests = await readSentRequests('serve');
  });
  after(() => rig[Symbol.asyncDispose]());

  test('what was recorded of C++ Nix and of ours is all understood', async () => {
    for (const session of readRecordedSessions('serve')) {
      const { answer, end } = await rig.serve(session.sent);
      // Nothing is built here that could be fetched then.
      if (session.name === 'delegate') assert.match(String(end), /-served' is not valid/);
      else assert.equal(end, undefined, `${session.client}: ${session.name}`);
      assert.ok(answer.length > 16, session.name);
    }
  });

  test('who breaks off anywhere, or says what cannot be, leaves nothing', async () => {
    const state = await rig.state();
    for (const request of shortestOfEach(requests)) {
      // An export whose end alone is missing has all its paths.
      const most = request.bytes.length - (request.name === 'ImportPaths' ? 8 : 1);
      for (const { what, bytes } of truncations(request.bytes, request.start)) {
        if (bytes.length > most) break;
        const { answer, end } = await rig.serve(bytes);
        requireForeseen(end, `${request.name}, ${what}`);
        assert.equal(end === undefined, bytes.length === request.start, `${request.name}, ${what}`);
        assert.equal(answer.length, 16, `${request.name}, ${what}`);
      }
      for (const { what, bytes } of fieldMutations(request.bytes, request.fields))
        requireForeseen((await rig.serve(bytes, false)).end, `${request.name}, ${what}`);
    }
    assert.equal(await rig.state(), state);
    for (const request of shortestOfEach(requests))
      for (const { what, bytes } of fieldMutations(request.bytes, request.fields))
        requireForeseen((await rig.serve(bytes)).end, `${request.name}, ${what}`);
    assert.equal(await rig.store.upkeep.verify({ checkContents: true }), false);
  });
});

/** Of each operation one: others differ in what does not matter here, and the fuzzer tries them. */
function shortestOfEach(requests: readonly SentRequest[]): SentRequest[] {
  const found = new Map<string, SentRequest>();
  for (const request of requests) {
    const known = found.get(request.name);
    if (known === undefined || request.bytes.length < known.bytes.length) found.set(request.name, request);
  }
  return [...found.values()];
}

function greetingOf({ start }: SentRequest): RequestField[] {
  return Array.from({ length: start / 8 }, (_, at) => ({ kind: 'number', start: at * 8, end: at * 8 + 8 }));
}
