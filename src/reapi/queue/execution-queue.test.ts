import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { DiskBlobStore, foreignDigestOf, putBlob } from '../../castore/index.ts';
import { ActionResultSchema, ActionSchema, CommandSchema } from '../../proto/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { ActionCache, type ActionKey } from '../action-cache/action-cache.ts';
import { messageOfDigest } from '../digests/digest-message.ts';
import { ReapiError } from '../error.ts';
import type { ActionExecutor, ActionJob, Executed, ExecutionOptions } from '../execution/action-executor.ts';
import { planAction } from '../execution/action-plan.ts';
import { hostPlatform } from '../execution/platform.ts';
import { ExecutionQueue, type ExecutionRequest, type QueueOptions } from './execution-queue.ts';
import type { Operation, OperationState } from './operation.ts';

/** Executes what the test says, when it says so. */
class ScriptedExecutor implements ActionExecutor {
  readonly name = 'scripted';
  readonly offer = hostPlatform();
  readonly slots: number;
  readonly begun: string[] = [];
  readonly #ends = new Map<string, PromiseWithResolvers<number | Error>>();
  readonly #waits = new Map<string, ExecutionOptions['waits']>();

  constructor(slots: number) {
    this.slots = slots;
  }

  async execute({ key }: ActionJob, { signal, record, output, waits }: ExecutionOptions): Promise<Executed> {
    const name = key.action.hash;
    this.#waits.set(name, waits);
    this.begun.push(nameOf(key));
    const end = Promise.withResolvers<number | Error>();
    this.#ends.set(name, end);
    signal.addEventListener('abort', () => end.resolve(new Error('ended')));
    const how = await end.promise;
    if (how instanceof Error) throw how;
    output?.(Buffer.from('x'), 'stdout');
    const result = create(ActionResultSchema, { exitCode: how, stdoutRaw: Uint8Array.of(this.begun.length) });
    await record(result);
    return { kind: 'ended', result };
  }

  /** With an exit code, or an exception. */
  end(action: string, how: number | Error): void {
    (this.#ends.get(hashOf(action)) ?? assert.fail(`${action} does not run`)).resolve(how);
  }

  /** That an action waits for its client, or does no more. */
  waits(action: string, isWaiting: boolean): void {
    const told = this.#waits.get(hashOf(action)) ?? assert.fail(`${action} does not run`);
    told(isWaiting);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const hashOf = (action: string) => foreignDigestOf(Buffer.from(action), 'sha256').hash;
const nameOf = ({ action }: ActionKey) => names.find(name => hashOf(name) === action.hash) ?? '?';
const never = new AbortController().signal;

class Rig implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly store = new DiskBlobStore(`${this.#folder.path}/data`);
  readonly cache = new ActionCache(this.store);
  readonly executor: ScriptedExecutor;
  readonly queue: ExecutionQueue;
  readonly faults: unknown[] = [];

  constructor(slots = 1, options: Partial<QueueOptions> = {}) {
    this.executor = new ScriptedExecutor(slots);
    const onFault = (error: unknown) => this.faults.push(error);
    this.queue = new ExecutionQueue({ cache: this.cache, executor: this.executor, onFault, ...options });
  }

  execute(
    action: string,
    {
      doNotCache = false,
      instance = '',
      ...changes
    }: Partial<ExecutionRequest> & { doNotCache?: boolean; instance?: string } = {},
  ): Operation {
    const inputRootDigest = messageOfDigest(foreignDigestOf(new Uint8Array(0), 'sha256'));
    const plan = planAction(
      create(ActionSchema, { inputRootDigest, doNotCache }),
      create(CommandSchema, { arguments: ['x'] }),
      'sha256',
    );
    const key = { instance, action: foreignDigestOf(Buffer.from(action), 'sha256') };
    return this.queue.execute({ key, plan, priority: 0, skipsCache: false, ...changes });
  }

  async [Symbol.asyncDispose]() {
    await this.queue[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

/** The state that it comes to. */
async function reached(operation: Operation, stage: OperationState['stage']): Promise<OperationState> {
  for await (const state of operation.watch(never)) if (state.stage === stage) return state;
  return assert.fail(`never ${stage}`);
}

async function ended(operation: Operation) {
  const state = await reached(operation, 'completed');
  assert.ok(state.stage === 'completed');
  const { outcome } = state;
  return outcome.kind === 'ended'
    ? { exitCode: outcome.result.exitCode, isCached: outcome.isCached, serial: outcome.result.stdoutRaw[0] }
    : outcome.error.code;
}

test('an action is executed once for all who want it meanwhile, and its result is found later', async () => {
  await using rig = new Rig();
  const [first, second] = [rig.execute('a'), rig.execute('a')];
  assert.notEqual(first.name, second.name);
  await reached(first, 'executing');
  const third = rig.execute('a', { skipsCache: true });
  rig.executor.end('a', 0);
  for (const operation of [first, second, third])
    assert.deepEqual(await ended(operation), { exitCode: 0, isCached: false, serial: 1 });
  assert.deepEqual(await ended(rig.execute('a')), { exitCode: 0, isCached: true, serial: 1 });
  const other = rig.execute('a', { instance: 'other' });
  await reached(other, 'executing');
  assert.equal(other.name.split('/').length, 3);
  rig.executor.end('a', 0);
  assert.deepEqual(await ended(other), { exitCode: 0, isCached: false, serial: 2 });
  assert.deepEqual(rig.executor.begun, ['a', 'a']);
});

test('a result is replaced if asked for; failures, and what is not to be cached, are not kept', async () => {
  await using rig = new Rig();
  const run = async (options: Parameters<Rig['execute']>[1], exitCode: number) => {
    const operation = rig.execute('a', options);
    await reached(operation, 'executing');
    rig.executor.end('a', exitCode);
    return ended(operation);
  };
  assert.deepEqual(await run({}, 1), { exitCode: 1, isCached: false, serial: 1 });
  assert.deepEqual(await run({}, 0), { exitCode: 0, isCached: false, serial: 2 });
  assert.deepEqual(await run({ skipsCache: true }, 0), { exitCode: 0, isCached: false, serial: 3 });
  assert.deepEqual(await ended(rig.execute('a')), { exitCode: 0, isCached: true, serial: 3 });
  assert.deepEqual(await run({ doNotCache: true }, 0), { exitCode: 0, isCached: false, serial: 4 });
  assert.deepEqual(await ended(rig.execute('a')), { exitCode: 0, isCached: true, serial: 3 });
});

test('what is not to be cached is executed for each who wants it', async () => {
  await using rig = new Rig(2);
  const operations = [rig.execute('a', { doNotCache: true }), rig.execute('b', { doNotCache: true })];
  for (const operation of operations) await reached(operation, 'executing');
  assert.deepEqual(rig.executor.begun, ['a', 'b']);
});

test('urgent actions come first, then those that came first, as many as there are slots', async () => {
  await using rig = new Rig(1);
  const running = rig.execute('f', { skipsCache: true });
  await reached(running, 'executing');
  const operations = [
    rig.execute('a', { skipsCache: true, priority: 5 }),
    rig.execute('b', { skipsCache: true }),
    rig.execute('c', { skipsCache: true, priority: -1 }),
    rig.execute('d', { skipsCache: true }),
    rig.execute('e', { skipsCache: true, priority: 7 }),
  ];
  assert.deepEqual(rig.queue.counts, { waiting: 5, executing: 1 });
  // Somebody else is in a hurry for it.
  rig.execute('e', { skipsCache: true, priority: -2 });
  rig.executor.end('f', 0);
  for (const action of ['e', 'c', 'b', 'd', 'a']) {
    await reached(operations['abcde'.indexOf(action)] ?? assert.fail(), 'executing');
    rig.executor.end(action, 0);
  }
  for (const operation of operations) await ended(operation);
  assert.deepEqual(rig.executor.begun, ['f', 'e', 'c', 'b', 'd', 'a']);
});

test('who leaves cancels nothing; who cancels does, unless others wait', async () => {
  await using rig = new Rig();
  const first = rig.execute('a');
  const leave = new AbortController();
  const states: string[] = [];
  await assert.rejects(async () => {
    for await (const { stage } of first.watch(leave.signal)) {
      states.push(stage);
      if (stage === 'executing') setImmediate(() => leave.abort(new Error('gone')));
    }
  }, /gone/);
  assert.equal(states.at(-1), 'executing');
  const second = rig.execute('a');
  rig.queue.cancel(first);
  assert.equal(await ended(first), 'action/cancelled');
  assert.equal(second.state.stage, 'executing');
  const waiting = rig.execute('b', { skipsCache: true });
  rig.queue.cancel(waiting);
  assert.equal(await ended(waiting), 'action/cancelled');
  assert.deepEqual(rig.queue.counts, { waiting: 0, executing: 1 });
  rig.queue.cancel(second);
  assert.equal(await ended(second), 'action/cancelled');
  // What comes now is not what was cancelled.
  const third = rig.execute('a');
  await reached(third, 'executing');
  rig.executor.end('a', 0);
  assert.deepEqual(await ended(third), { exitCode: 0, isCached: false, serial: 2 });
  rig.queue.cancel(third);
  assert.deepEqual(await ended(third), { exitCode: 0, isCached: false, serial: 2 });
  assert.equal(await rig.cache.get(third.key).then(found => found?.result.exitCode), 0);
});

test('an action that waits for its client gives its slot to others', async () => {
  await using rig = new Rig(1);
  const [a, b, c] = ['a', 'b', 'c'].map(action => rig.execute(action, { skipsCache: true }));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  await reached(a, 'executing');
  rig.executor.waits('a', true);
  rig.executor.waits('a', true);
  await reached(b, 'executing');
  assert.deepEqual(rig.queue.counts, { waiting: 1, executing: 1 });
  // It goes on at once: one more than there are slots, until another ends.
  rig.executor.waits('a', false);
  assert.deepEqual(rig.queue.counts, { waiting: 1, executing: 2 });
  rig.executor.end('b', 0);
  await ended(b);
  assert.deepEqual(rig.queue.counts, { waiting: 1, executing: 1 });
  rig.executor.end('a', 0);
  await reached(c, 'executing');
  rig.executor.end('c', 0);
  await ended(c);
  assert.deepEqual(rig.queue.counts, { waiting: 0, executing: 0 });
});

test('an action that ends or is cancelled while it waits has given its slot back once', async () => {
  await using rig = new Rig(1);
  const first = rig.execute('a', { skipsCache: true });
  await reached(first, 'executing');
  rig.executor.waits('a', true);
  const second = rig.execute('b', { skipsCache: true });
  await reached(second, 'executing');
  rig.executor.waits('b', true);
  assert.deepEqual(rig.queue.counts, { waiting: 0, executing: 0 });
  rig.executor.end('a', 1);
  await ended(first);
  rig.queue.cancel(second);
  await ended(second);
  const [third, fourth] = [rig.execute('c', { skipsCache: true }), rig.execute('d', { skipsCache: true })];
  await reached(third, 'executing');
  assert.deepEqual(rig.queue.counts, { waiting: 1, executing: 1 });
  rig.executor.end('c', 0);
  await reached(fourth, 'executing');
  rig.executor.end('d', 0);
  await ended(fourth);
});

test('actions that wait lend no more slots than they may', async () => {
  await using rig = new Rig(1, { maxLent: 1 });
  const [a, b, c] = ['a', 'b', 'c'].map(action => rig.execute(action, { skipsCache: true }));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  await reached(a, 'executing');
  rig.executor.waits('a', true);
  await reached(b, 'executing');
  rig.executor.waits('b', true);
  rig.executor.waits('b', false);
  assert.deepEqual(rig.queue.counts, { waiting: 1, executing: 1 });
  rig.executor.end('a', 0);
  await ended(a);
  rig.executor.waits('b', true);
  await reached(c, 'executing');
  for (const action of ['b', 'c']) rig.executor.end(action, 0);
  await Promise.all([ended(b), ended(c)]);
  assert.deepEqual(rig.queue.counts, { waiting: 0, executing: 0 });
});

test('failures are told, those of ours as such', async () => {
  await using rig = new Rig(2);
  const [refused, broken] = [rig.execute('a'), rig.execute('b')];
  await reached(refused, 'executing');
  await reached(broken, 'executing');
  rig.executor.end('a', new ReapiError('blobs/missing', 'none'));
  rig.executor.end('b', new TypeError('a bug'));
  assert.equal(await ended(refused), 'blobs/missing');
  assert.equal(await ended(broken), 'executor/failed');
  assert.equal(rig.faults.length, 1);
});

test('what nobody offers is refused, and what there is no room for', async () => {
  await using rig = new Rig(1, { maxWaiting: 2 });
  const inputRootDigest = messageOfDigest(foreignDigestOf(new Uint8Array(0), 'sha256'));
  const platform = { properties: [{ name: 'OSFamily', value: 'plan9' }] };
  const plan = planAction(
    create(ActionSchema, { inputRootDigest, platform }),
    create(CommandSchema, { arguments: ['x'] }),
    'sha256',
  );
  assert.throws(() => rig.execute('a', { plan }), { code: 'action/unsatisfiable' });
  await reached(rig.execute('a', { skipsCache: true }), 'executing');
  for (const action of ['b', 'c']) rig.execute(action, { skipsCache: true });
  assert.throws(() => rig.execute('d', { skipsCache: true }), { code: 'queue/full' });
  rig.execute('c', { skipsCache: true });
});

test('operations that have ended are known for a while', async () => {
  await using rig = new Rig(1, { keepsCount: 2 });
  await rig.cache.record(
    { instance: '', action: foreignDigestOf(Buffer.from('a'), 'sha256') },
    create(ActionResultSchema, {}),
    { origin: 'uploaded' },
  );
  const operations = Array.from({ length: 4 }, () => rig.execute('a'));
  for (const operation of operations) await ended(operation);
  assert.deepEqual(Array.from(rig.queue.list()), operations.slice(2));
  const [old, , , last] = operations;
  assert.equal(rig.queue.find(old?.name ?? ''), undefined);
  assert.equal(rig.queue.find(last?.name ?? ''), last);
  rig.queue.forget(last ?? assert.fail());
  assert.equal(rig.queue.find(last?.name ?? ''), undefined);
});

test('a result that cannot be cached keeps its blobs for who reads it', async () => {
  await using rig = new Rig();
  const log = await putBlob(rig.store, Buffer.from('log'));
  const result = create(ActionResultSchema, {
    exitCode: 1,
    stdoutDigest: messageOfDigest({ function: 'sha256', ...log }),
  });
  await rig.cache.retain(result, 'sha256');
  assert.equal(rig.store.holds.expire(), 0);
  const { hold } = rig.store.folder.database.get('SELECT id AS hold FROM holds') ?? {};
  assert.deepEqual(rig.store.holds.rootsOf(Number(hold)).blobs, [log]);
});

test('disposal ends what runs and what waits', async () => {
  const rig = new Rig();
  const [running, waiting] = [rig.execute('a', { skipsCache: true }), rig.execute('b', { skipsCache: true })];
  await reached(running, 'executing');
  await rig[Symbol.asyncDispose]();
  assert.equal(await ended(running), 'executor/unavailable');
  assert.equal(await ended(waiting), 'executor/unavailable');
});
