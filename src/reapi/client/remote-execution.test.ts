import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { EmptySchema, anyPack } from '@bufbuild/protobuf/wkt';
import { digestOf } from '../../castore/index.ts';
import { GrpcServer, GrpcStatus, type StatusName, serverStreaming, unary } from '../../grpc/index.ts';
import {
  ExecuteOperationMetadataSchema,
  ExecuteResponseSchema,
  ExecutionStage_Value,
  type Operation,
  OperationSchema,
  executionMethods,
  operationsMethods,
} from '../../proto/index.ts';
import { ReapiServer } from './reapi-server.ts';
import { executeRemotely } from './remote-execution.ts';

const action = digestOf(Buffer.from('an action'));

function executing(name: string): Operation {
  const metadata = create(ExecuteOperationMetadataSchema, { stage: ExecutionStage_Value.EXECUTING });
  return create(OperationSchema, { name, metadata: anyPack(ExecuteOperationMetadataSchema, metadata) });
}

function done(name: string, exitCode: number): Operation {
  const response = create(ExecuteResponseSchema, { result: { exitCode } });
  const value = anyPack(ExecuteResponseSchema, response);
  return create(OperationSchema, { name, done: true, result: { case: 'response', value } });
}

type Script = AsyncGenerator<Operation, void>;

/** A server whose n-th stream of operations is the n-th script's. */
async function open(...scripts: readonly ((called: string) => Script)[]) {
  const calls: string[] = [];
  let next = 0;
  const run = (called: string) => {
    calls.push(called);
    const script = scripts[next++];
    if (script === undefined) throw new GrpcStatus('internal', 'nothing more was expected');
    return script(called);
  };
  const grpc = new GrpcServer([
    serverStreaming(executionMethods.execute, () => run('execute')),
    serverStreaming(executionMethods.waitExecution, ({ name }) => run(`wait ${name}`)),
    unary(operationsMethods.cancelOperation, ({ name }) => {
      calls.push(`cancel ${name}`);
      return create(EmptySchema);
    }),
  ]);
  const { port } = await grpc.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
  const address = { transport: 'tcp', host: '127.0.0.1', port } as const;
  const server = new ReapiServer({ address, retries: { attempts: 3, delay: 1, maxDelay: 2 } });
  return {
    server,
    calls,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await grpc[Symbol.asyncDispose]();
    },
  };
}

describe('executeRemotely', () => {
  test('waits for the response and tells how far it is', async () => {
    await using opened = await open(async function* () {
      yield executing('a');
      yield done('a', 3);
    });
    const stages: unknown[] = [];
    const response = await executeRemotely(
      opened.server,
      { action },
      { progress: (name, metadata) => stages.push([name, metadata?.stage]) },
    );
    assert.equal(response.result?.exitCode, 3);
    assert.deepEqual(stages, [
      ['a', ExecutionStage_Value.EXECUTING],
      ['a', undefined],
    ]);
  });

  test('takes a stream up that broke or ended early', async () => {
    await using opened = await open(
      async function* () {
        yield executing('a');
        throw new GrpcStatus('unavailable', 'going');
      },
      async function* () {
        yield executing('a');
      },
      async function* () {
        yield done('a', 0);
      },
    );
    const response = await executeRemotely(opened.server, { action });
    assert.equal(response.result?.exitCode, 0);
    assert.deepEqual(opened.calls, ['execute', 'wait a', 'wait a']);
  });

  test('begins anew where the server has forgotten the execution', async () => {
    await using opened = await open(
      async function* () {
        yield executing('a');
        throw new GrpcStatus('unavailable', 'going');
      },
      // oxlint-disable-next-line require-yield -- it fails first
      async function* () {
        throw new GrpcStatus('notFound', 'no such operation');
      },
      async function* () {
        yield done('b', 0);
      },
    );
    await executeRemotely(opened.server, { action });
    assert.deepEqual(opened.calls, ['execute', 'wait a', 'execute']);
  });

  test('begins anew where the server comes back at the last attempt', async () => {
    const fails = (code: StatusName) =>
      // oxlint-disable-next-line require-yield -- it fails first
      async function* () {
        throw new GrpcStatus(code, 'going, or gone');
      };
    await using opened = await open(
      async function* () {
        yield executing('a');
        throw new GrpcStatus('unavailable', 'going');
      },
      fails('unavailable'),
      fails('notFound'),
      async function* () {
        yield done('b', 0);
      },
    );
    await executeRemotely(opened.server, { action });
    assert.deepEqual(opened.calls, ['execute', 'wait a', 'wait a', 'execute']);
  });

  test('passes on what is wrong with the action', async () => {
    await using opened = await open(async function* () {
      yield create(OperationSchema, {
        name: 'a',
        done: true,
        result: { case: 'error', value: { code: 9, message: 'blobs are missing' } },
      });
    });
    await assert.rejects(
      () => executeRemotely(opened.server, { action }),
      (error: unknown) => error instanceof GrpcStatus && error.code === 'failedPrecondition',
    );
  });

  test('cancels what is not wanted any more', async () => {
    const stop = new AbortController();
    await using opened = await open(async function* () {
      yield executing('a');
      await new Promise(() => {});
    });
    await assert.rejects(
      () =>
        executeRemotely(
          opened.server,
          { action },
          { signal: stop.signal, progress: () => stop.abort(new Error('enough')) },
        ),
      /enough/,
    );
    assert.deepEqual(opened.calls, ['execute', 'cancel a']);
  });
});
