import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import {
  ExecuteOperationMetadataSchema,
  type ExecuteResponse,
  ExecuteResponseSchema,
  ExecutedActionMetadataSchema,
  ExecutionStage_Value,
  OperationSchema,
  StatusSchema,
} from '../../proto/index.ts';
import {
  type ExecutionOutcome,
  type Operation,
  type OperationState,
  digestFunctionNumbers,
  isServedDigestFunction,
  messageOfDigest,
  timestampOf,
} from '../../reapi/index.ts';
import { statusMessage, statusOfError } from '../status-of-error.ts';
import { type InlineOptions, type InlineRequest, inlineContents } from './inline-contents.ts';

const stages = {
  'cache-check': ExecutionStage_Value.CACHE_CHECK,
  queued: ExecutionStage_Value.QUEUED,
  executing: ExecutionStage_Value.EXECUTING,
  completed: ExecutionStage_Value.COMPLETED,
} as const satisfies Record<OperationState['stage'], number>;

export interface OperationView extends Pick<InlineOptions, 'blobs' | 'signal'> {
  /** What the client wants within the result. */
  readonly inline: InlineRequest;
}

export const nothingInline: InlineRequest = { inlineStdout: false, inlineStderr: false, inlineOutputFiles: [] };

/** What a client is told of an operation. */
export async function operationMessage({ name, key }: Operation, state: OperationState, view: OperationView) {
  const metadata = anyPack(
    ExecuteOperationMetadataSchema,
    create(ExecuteOperationMetadataSchema, {
      stage: stages[state.stage],
      actionDigest: messageOfDigest(key.action),
      digestFunction: isServedDigestFunction(key.action.function) ? digestFunctionNumbers[key.action.function] : 0,
      partialExecutionMetadata: partialMetadata(state),
      ...(state.stage === 'executing'
        ? { stdoutStreamName: state.logs.stdout, stderrStreamName: state.logs.stderr }
        : {}),
    }),
  );
  if (state.stage !== 'completed') return create(OperationSchema, { name, metadata });
  const response = await responseOf(state.outcome, { ...view, digestFunction: key.action.function });
  return create(OperationSchema, {
    name,
    metadata,
    done: true,
    result: { case: 'response', value: anyPack(ExecuteResponseSchema, response) },
  });
}

function partialMetadata(state: OperationState) {
  return create(ExecutedActionMetadataSchema, {
    queuedTimestamp: timestampOf(state.queuedAt),
    workerStartTimestamp: state.stage === 'executing' ? timestampOf(state.startedAt) : undefined,
  });
}

async function responseOf(
  outcome: ExecutionOutcome,
  { inline, ...options }: OperationView & InlineOptions,
): Promise<ExecuteResponse> {
  const { result } = outcome;
  const shown = result && (await inlineContents(result, inline, options));
  if (outcome.kind === 'ended') {
    const status = create(StatusSchema, {});
    return create(ExecuteResponseSchema, { result: shown, cachedResult: outcome.isCached, status });
  }
  const status = statusMessage(statusOfError(outcome.error));
  return create(ExecuteResponseSchema, { result: shown, status, message: outcome.error.message });
}
