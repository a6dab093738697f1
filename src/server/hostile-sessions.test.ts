import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { FirnError, byteStringFromText, silentReporter } from '../base/index.ts';
import {
  type ProtocolVersion,
  WireReader,
  openWorkerConnection,
  readLogMessage,
} from '../nix-compat/index.ts';
import { LocalStore } from '../store/index.ts';
import {
  MemoryChannel,
  type SentRequest,
  TestServedStore,
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
    const files = readdirSync(this.#folder.path, { recursive: true, encoding: 'utf8' })
      .filter(name => !/temproots|\.sqlite|db\/|log\//.test(name))
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
  assert.fail(`${what}: ${error instanceof Error ? error.stack : String(error)}`);
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
    let count = 0;
    for (const request of requests) {
      for (const { what, bytes } of truncations(request.bytes, request.start)) {
        count++;
        const { answer, end } = await rig.worker(bytes);
        const name = `${request.name} of ${request.session.version}, ${what}`;
        requireForeseen(end, name);
        const { error, isOver } = await readWorkerAnswer(answer, request.session.version);
        assert.equal(isOver, true, name);
        assert.equal(error !== undefined, bytes.length > request.start, `${name}: ${error}`);
      }
    }
    console.log(count);
    assert.deepEqual(rig.faults, []);
    assert.equal(await rig.state(), state);
  });

  test('who says what cannot be is refused, or does what it may', async () => {
    let count = 0;
    for (const [index, request] of requests.entries()) {
      for (const { what, bytes } of fieldMutations(request.bytes, request.fields)) {
        count++;
        const { answer, end } = await rig.worker(bytes, index % 2 === 0);
        const name = `${request.name} of ${request.session.version}, ${what}`;
        requireForeseen(end, name);
        for (const fault of rig.faults) requireForeseen(fault, name);
        await readWorkerAnswer(answer, request.session.version);
      }
    }
    console.log(count);
    assert.equal(await rig.store.upkeep.verify({ checkContents: true }), false);
  });
});
