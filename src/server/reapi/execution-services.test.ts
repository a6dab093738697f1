import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { type MessageInitShape, create, toBinary } from '@bufbuild/protobuf';
import { anyUnpack, durationFromMs } from '@bufbuild/protobuf/wkt';
import { type ForeignDigest, DiskBlobStore, Leases, foreignDigestOf } from '../../castore/index.ts';
import { LocalExecutor } from '../../exec/index.ts';
import { GrpcClient, GrpcServer, type GrpcStatus } from '../../grpc/index.ts';
import {
  type ActionResult,
  ActionResultSchema,
  ActionSchema,
  CancelOperationRequestSchema,
  CommandSchema,
  DeleteOperationRequestSchema,
  DigestFunction_Value,
  ExecuteOperationMetadataSchema,
  type ExecuteRequest,
  ExecuteRequestSchema,
  type ExecuteResponse,
  ExecuteResponseSchema,
  ExecutionStage_Value,
  type GetActionResultRequest,
  GetActionResultRequestSchema,
  GetOperationRequestSchema,
  ListOperationsRequestSchema,
  type Operation,
  PreconditionFailureSchema,
  ReadRequestSchema,
  UpdateActionResultRequestSchema,
  WaitExecutionRequestSchema,
  WaitOperationRequestSchema,
  actionCacheMethods,
  byteStreamMethods,
  executionMethods,
  operationsMethods,
} from '../../proto/index.ts';
import {
  ActionCache,
  ActionChannels,
  ExecutionQueue,
  LocalActionExecutor,
  type ServedDigestFunction,
  defaultActionSettings,
  digestFunctionNumbers,
  messageOfDigest,
} from '../../reapi/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { Access, type Right } from '../access.ts';
import { statusOfError } from '../status-of-error.ts';
import { defaultReapiLimits } from './reapi-place.ts';
import { type ReapiServices, blobServices, executionServices } from './reapi-services.ts';
import { ServedBlobs } from './served-blobs.ts';

const executor = new LocalExecutor();
after(() => executor[Symbol.asyncDispose]());

interface RigOptions {
  readonly rights?: readonly Right[];
  readonly executes?: boolean;
  readonly digestFunction?: ServedDigestFunction;
}

class Rig implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly store: DiskBlobStore;
  readonly #leases: Leases;
  readonly blobs: ServedBlobs;
  readonly #queue: ExecutionQueue | undefined;
  readonly #server: GrpcServer;
  readonly #blobServices: ReapiServices;
  readonly #function: ServedDigestFunction;
  #client: GrpcClient | undefined;

  private constructor({
    rights = ['read', 'write', 'execute'],
    executes = true,
    digestFunction = 'sha256',
  }: RigOptions) {
    chmodSync(this.#folder.path, 0o755);
    this.#function = digestFunction;
    this.store = new DiskBlobStore(`${this.#folder.path}/data`);
    this.#leases = new Leases(this.store.folder, { duration: 600 });
    this.blobs = new ServedBlobs(this.store, this.#leases);
    const cache = new ActionCache(this.store);
    const local = new LocalActionExecutor(this.store, executor, defaultActionSettings('here', 2));
    this.#queue = executes ? new ExecutionQueue({ cache, executor: local }) : undefined;
    const access = new Access({
      instances: ['', 'other'],
      anonymous: { instances: [''], rights },
      tokens: [],
      certificates: [],
    });
    const logs = this.#queue?.logs;
    const place = { blobs: this.blobs, access, limits: defaultReapiLimits, logs };
    this.#blobServices = blobServices(place, { execution: undefined, actionCache: true });
    const routes = [
      ...this.#blobServices.routes,
      ...executionServices({ ...place, cache, queue: this.#queue, channels: new ActionChannels() }),
    ];
    this.#server = new GrpcServer(routes, { statusOf: statusOfError });
  }

  static async open(options: RigOptions = {}): Promise<Rig> {
    const rig = new Rig(options);
    const { port } = await rig.#server.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
    rig.#client = new GrpcClient({ transport: 'tcp', host: '127.0.0.1', port });
    return rig;
  }

  get client(): GrpcClient {
    return this.#client ?? assert.fail('not open');
  }

  get digestFunction() {
    return digestFunctionNumbers[this.#function];
  }

  async upload(bytes: Uint8Array): Promise<ForeignDigest> {
    const expected = foreignDigestOf(bytes, this.#function);
    assert.deepEqual(await this.blobs.put([{ expected, bytes }]), [undefined]);
    return expected;
  }

  /** Uploads an action that runs `script`; its digest. */
  async action(
    script: string,
    {
      command = {},
      ...action
    }: MessageInitShape<typeof ActionSchema> & { command?: MessageInitShape<typeof CommandSchema> } = {},
  ): Promise<ForeignDigest> {
    const commandMessage = create(CommandSchema, { arguments: ['/bin/sh', '-c', script], ...command });
    const commandDigest = messageOfDigest(await this.upload(toBinary(CommandSchema, commandMessage)));
    const inputRootDigest = messageOfDigest(await this.upload(new Uint8Array(0)));
    const message = create(ActionSchema, { commandDigest, inputRootDigest, ...action });
    return this.upload(toBinary(ActionSchema, message));
  }

  execute(
    action: ForeignDigest,
    request: Partial<Omit<ExecuteRequest, '$typeName'>> = {},
    signal?: AbortSignal,
  ): AsyncIterable<Operation> {
    const message = create(ExecuteRequestSchema, {
      actionDigest: messageOfDigest(action),
      digestFunction: this.digestFunction,
      ...request,
    });
    return this.client.serverStreaming(executionMethods.execute, message, { signal });
  }

  /** The response, and the stages before it. */
  async executed(...args: Parameters<Rig['execute']>) {
    return answered(this.execute(...args));
  }

  getResult(action: ForeignDigest, request: Partial<Omit<GetActionResultRequest, '$typeName'>> = {}) {
    const message = create(GetActionResultRequestSchema, {
      actionDigest: messageOfDigest(action),
      digestFunction: this.digestFunction,
      ...request,
    });
    return this.client.unary(actionCacheMethods.getActionResult, message);
  }

  updateResult(action: ForeignDigest, actionResult: ActionResult, instanceName = '') {
    const message = create(UpdateActionResultRequestSchema, {
      instanceName,
      actionDigest: messageOfDigest(action),
      digestFunction: this.digestFunction,
      actionResult,
    });
    return this.client.unary(actionCacheMethods.updateActionResult, message);
  }

  async [Symbol.asyncDispose]() {
    await this.#client?.[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
    await this.#blobServices[Symbol.asyncDispose]();
    await this.#queue?.[Symbol.asyncDispose]();
    this.#leases[Symbol.dispose]();
    await this.store[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

function metadataOf({ metadata }: Operation) {
  return (
    anyUnpack(metadata ?? assert.fail('no metadata'), ExecuteOperationMetadataSchema) ?? assert.fail('other metadata')
  );
}

function responseOf({ done, result }: Operation): ExecuteResponse {
  assert.ok(done && result.case === 'response');
  return anyUnpack(result.value, ExecuteResponseSchema) ?? assert.fail('another response');
}

async function answered(operations: AsyncIterable<Operation>) {
  const all = await Array.fromAsync(operations);
  const last = all.at(-1) ?? assert.fail('no operation');
  return { name: last.name, stages: all.map(operation => metadataOf(operation).stage), response: responseOf(last) };
}

/** The first operation that has come to `stage`. */
async function reaching(operations: AsyncIterable<Operation>, stage: number): Promise<Operation> {
  for await (const operation of operations) if (metadataOf(operation).stage === stage) return operation;
  return assert.fail('never there');
}

const refused = (code: GrpcStatus['code'], message = /./) => ({ code, message });

for (const digestFunction of ['sha256', 'blake3'] as const)
  test(`an action is executed, then found: ${digestFunction}`, async () => {
    await using rig = await Rig.open({ digestFunction });
    const action = await rig.action('echo out; echo err >&2; echo file >f', { command: { outputPaths: ['f'] } });
    await assert.rejects(rig.getResult(action), refused('notFound'));
    const first = await rig.executed(action, { inlineStdout: true, inlineOutputFiles: ['f'] });
    assert.equal(first.stages.at(-1), ExecutionStage_Value.COMPLETED);
    assert.ok(!first.response.cachedResult && first.response.status?.code === 0);
    const { result } = first.response;
    assert.equal(Buffer.from(result?.stdoutRaw ?? []).toString(), 'out\n');
    assert.equal(result?.stderrRaw.byteLength, 0);
    assert.equal(Buffer.from(result?.outputFiles[0]?.contents ?? []).toString(), 'file\n');
    assert.deepEqual(
      result?.outputFiles[0]?.digest,
      messageOfDigest(foreignDigestOf(Buffer.from('file\n'), digestFunction)),
    );
    const second = await rig.executed(action);
    assert.ok(second.response.cachedResult);
    assert.equal(second.response.result?.stdoutRaw.byteLength, 0);
    const found = await rig.getResult(action, { inlineStderr: true });
    assert.equal(Buffer.from(found.stderrRaw).toString(), 'err\n');
    assert.deepEqual(found.executionMetadata, result?.executionMetadata);
    const third = await rig.executed(action, { skipCacheLookup: true });
    assert.ok(!third.response.cachedResult);
  });

describe('executions', () => {
  test('go on when the client leaves, and are waited for by name', async () => {
    await using rig = await Rig.open();
    const action = await rig.action('read x </dev/null; sleep 0.2; echo done');
    const leave = new AbortController();
    const begun = await reaching(rig.execute(action, {}, leave.signal), ExecutionStage_Value.EXECUTING);
    leave.abort();
    const wait = create(WaitExecutionRequestSchema, { name: begun.name });
    const { response, name } = await answered(rig.client.serverStreaming(executionMethods.waitExecution, wait));
    assert.equal(name, begun.name);
    assert.ok(response.result?.stdoutDigest && !response.cachedResult);
    assert.equal(metadataOf(begun).actionDigest?.hash, action.hash);
  });

  test('are listed, looked at, cancelled and forgotten', async () => {
    await using rig = await Rig.open();
    const { client } = rig;
    const action = await rig.action('sleep 1000');
    const running = rig.execute(action)[Symbol.asyncIterator]();
    const first = await running.next();
    assert.ok(first.done !== true);
    const { name } = first.value;
    const get = () => client.unary(operationsMethods.getOperation, create(GetOperationRequestSchema, { name }));
    assert.equal((await get()).done, false);
    const list = async (request: MessageInitShape<typeof ListOperationsRequestSchema>) =>
      client.unary(operationsMethods.listOperations, create(ListOperationsRequestSchema, request));
    const listed = await list({ name: 'operations' });
    assert.deepEqual(
      listed.operations.map(operation => operation.name),
      [name],
    );
    assert.equal(listed.nextPageToken, '');
    const waited = await client.unary(
      operationsMethods.waitOperation,
      create(WaitOperationRequestSchema, { name, timeout: durationFromMs(20) }),
    );
    assert.equal(waited.done, false);
    await client.unary(operationsMethods.cancelOperation, create(CancelOperationRequestSchema, { name }));
    let last = first.value;
    for (let next = await running.next(); next.done !== true; next = await running.next()) last = next.value;
    assert.equal(responseOf(last).status?.code, 1);
    assert.equal(responseOf(await get()).status?.message, `the operation '${name}' was cancelled`);
    await client.unary(operationsMethods.deleteOperation, create(DeleteOperationRequestSchema, { name }));
    await assert.rejects(get(), refused('notFound', /there is no operation/));
    await assert.rejects(list({ name: 'other/operations' }), refused('unauthenticated'));
  });

  test('tell what is missing so that clients upload it', async () => {
    await using rig = await Rig.open();
    const lost = foreignDigestOf(Buffer.from('lost'), 'sha256');
    const failure = (error: { details?: Uint8Array | undefined }) => {
      assert.ok(Buffer.from(error.details ?? []).includes(`blobs/${lost.hash}/4`));
      return true;
    };
    await assert.rejects(rig.executed(lost), failure);
    const noCommand = create(ActionSchema, {
      commandDigest: messageOfDigest(lost),
      inputRootDigest: messageOfDigest(lost),
    });
    await assert.rejects(rig.executed(await rig.upload(toBinary(ActionSchema, noCommand))), failure);
    const { response } = await rig.executed(await rig.action('true', { inputRootDigest: messageOfDigest(lost) }));
    assert.equal(response.status?.code, 9);
    const detail = anyUnpack(response.status.details[0] ?? assert.fail(), PreconditionFailureSchema);
    assert.deepEqual(
      detail?.violations.map(({ type, subject }) => [type, subject]),
      [['MISSING', `blobs/${lost.hash}/4`]],
    );
  });

  test('can be watched: what they write is read while they run', async () => {
    await using rig = await Rig.open();
    // It goes on when it has been read what it wrote.
    const action = await rig.action('echo begun; echo apart >&2; sleep 1000');
    const running = rig.execute(action)[Symbol.asyncIterator]();
    let operation: Operation | undefined;
    for (let next = await running.next(); next.done !== true; next = await running.next()) {
      operation = next.value;
      if (metadataOf(operation).stage === ExecutionStage_Value.EXECUTING) break;
    }
    const { name } = operation ?? assert.fail('nothing runs');
    const { stdoutStreamName, stderrStreamName } = metadataOf(operation ?? assert.fail());
    const readLog = (resourceName: string, readOffset = 0n) =>
      rig.client.serverStreaming(byteStreamMethods.read, create(ReadRequestSchema, { resourceName, readOffset }));
    for await (const { data } of readLog(stdoutStreamName)) {
      assert.equal(Buffer.from(data).toString(), 'begun\n');
      break;
    }
    for await (const { data } of readLog(stderrStreamName, 2n)) {
      assert.equal(Buffer.from(data).toString(), 'art\n');
      break;
    }
    const whole = Array.fromAsync(readLog(stdoutStreamName));
    await rig.client.unary(operationsMethods.cancelOperation, create(CancelOperationRequestSchema, { name }));
    assert.equal(Buffer.concat((await whole).map(({ data }) => data)).toString(), 'begun\n');
    await assert.rejects(Array.fromAsync(readLog('logstreams/none/stdout')), refused('invalidArgument'));
  });

  test('that fail say so, and are not cached', async () => {
    await using rig = await Rig.open();
    const failing = await rig.action('echo why >&2; exit 7');
    for (const _ of [1, 2]) {
      const { response } = await rig.executed(failing, { inlineStderr: true });
      assert.equal(response.result?.exitCode, 7);
      assert.ok(!response.cachedResult && response.status?.code === 0);
      assert.equal(Buffer.from(response.result.stderrRaw).toString(), 'why\n');
    }
    await assert.rejects(rig.getResult(failing), refused('notFound'));
    const slow = await rig.executed(await rig.action('echo begun; sleep 1000', { timeout: durationFromMs(100) }), {
      inlineStdout: true,
    });
    assert.equal(slow.response.status?.code, 4);
    assert.equal(Buffer.from(slow.response.result?.stdoutRaw ?? []).toString(), 'begun\n');
    const platform = { properties: [{ name: 'container-image', value: 'docker://x' }] };
    await assert.rejects(
      rig.executed(await rig.action('true', { platform })),
      refused('failedPrecondition', /offered: OSFamily/),
    );
    await assert.rejects(rig.executed(await rig.upload(Buffer.from('\u0001junk'))), refused('invalidArgument'));
  });

  test('of one action are one', async () => {
    await using rig = await Rig.open();
    const action = await rig.action('date +%N; sleep 0.1');
    const all = await Promise.all(Array.from({ length: 5 }, () => rig.executed(action)));
    assert.equal(new Set(all.map(({ response }) => response.result?.stdoutDigest?.hash)).size, 1);
    assert.equal(new Set(all.map(({ name }) => name)).size, 5);
  });

  test('need the right to execute, and a server that does', async () => {
    await using reader = await Rig.open({ rights: ['read', 'write'] });
    const action = await reader.action('true');
    await assert.rejects(reader.executed(action), refused('unauthenticated'));
    await assert.rejects(reader.executed(action, { instanceName: 'none' }), refused('invalidArgument'));
    await using cache = await Rig.open({ executes: false });
    await assert.rejects(cache.executed(await cache.action('true')), refused('unimplemented'));
  });
});

describe('results of actions', () => {
  const digest = (text: string) => foreignDigestOf(Buffer.from(text), 'sha256');

  test('are taken from clients that may write, and whole', async () => {
    await using rig = await Rig.open();
    const file = await rig.upload(Buffer.from('contents'));
    const whole = create(ActionResultSchema, { outputFiles: [{ path: 'f', digest: messageOfDigest(file) }] });
    assert.deepEqual(await rig.updateResult(digest('a'), whole), whole);
    assert.deepEqual(await rig.getResult(digest('a')), whole);
    const partial = create(ActionResultSchema, { stdoutDigest: messageOfDigest(digest('absent')) });
    await assert.rejects(rig.updateResult(digest('a'), partial), refused('failedPrecondition'));
    assert.deepEqual(await rig.getResult(digest('a')), whole);
    await assert.rejects(rig.updateResult(digest('a'), whole, 'other'), refused('unauthenticated'));
    await using reader = await Rig.open({ rights: ['read'] });
    await assert.rejects(reader.updateResult(digest('a'), create(ActionResultSchema)), refused('unauthenticated'));
    await using stranger = await Rig.open({ rights: [] });
    await assert.rejects(stranger.getResult(digest('a')), refused('unauthenticated'));
  });

  test('of functions that nobody has are refused', async () => {
    await using rig = await Rig.open();
    const request = { digestFunction: DigestFunction_Value.VSO };
    await assert.rejects(rig.getResult(digest('a'), request), refused('invalidArgument'));
    await assert.rejects(rig.getResult({ function: 'sha256', hash: 'x', size: 1 }), refused('invalidArgument'));
  });
});
