import { create } from '@bufbuild/protobuf';
import { type Duration, type Timestamp, anyPack } from '@bufbuild/protobuf/wkt';
import type { Usage } from '../../exec/index.ts';
import {
  type ExecutedActionMetadata,
  ExecutedActionMetadataSchema,
  POSIXResourceUsageSchema,
} from '../../proto/index.ts';
import { currentTime, durationOf, timestampOf } from './timestamps.ts';

/** What an executor does for an action, one after the other. */
type Phase = 'inputFetch' | 'execution' | 'outputUpload';

/** Notes when an execution did what. */
export class ExecutionClock {
  readonly #worker: string;
  readonly #queuedAt: number;
  readonly #startedAt = currentTime();
  readonly #begun = new Map<Phase, number>();
  readonly #ended = new Map<Phase, number>();

  /** `queuedAt` in milliseconds since the epoch. It is begun now. */
  constructor(worker: string, queuedAt: number) {
    this.#worker = worker;
    this.#queuedAt = queuedAt;
  }

  begin(phase: Phase): void {
    this.#begun.set(phase, currentTime());
  }

  end(phase: Phase): void {
    this.#ended.set(phase, currentTime());
  }

  /** What there is to tell, now that it has ended. */
  finish(usage: Usage): ExecutedActionMetadata {
    const [from, to] = [this.#begun.get('execution'), this.#ended.get('execution')];
    return create(ExecutedActionMetadataSchema, {
      worker: this.#worker,
      queuedTimestamp: timestampOf(this.#queuedAt),
      workerStartTimestamp: timestampOf(this.#startedAt),
      inputFetchStartTimestamp: moment(this.#begun, 'inputFetch'),
      inputFetchCompletedTimestamp: moment(this.#ended, 'inputFetch'),
      executionStartTimestamp: moment(this.#begun, 'execution'),
      executionCompletedTimestamp: moment(this.#ended, 'execution'),
      outputUploadStartTimestamp: moment(this.#begun, 'outputUpload'),
      outputUploadCompletedTimestamp: moment(this.#ended, 'outputUpload'),
      workerCompletedTimestamp: timestampOf(currentTime()),
      virtualExecutionDuration: from === undefined || to === undefined ? undefined : durationOf(to - from),
      auxiliaryMetadata: [anyPack(POSIXResourceUsageSchema, usageMessage(usage))],
    });
  }
}

function moment(times: ReadonlyMap<Phase, number>, phase: Phase): Timestamp | undefined {
  const time = times.get(phase);
  return time === undefined ? undefined : timestampOf(time);
}

function usageMessage({ cpuUser, cpuSystem, peakMemory }: Usage) {
  return create(POSIXResourceUsageSchema, {
    userTime: durationOfMicroseconds(cpuUser),
    systemTime: durationOfMicroseconds(cpuSystem),
    maximumResidentSetSize: peakMemory ?? 0n,
  });
}

function durationOfMicroseconds(microseconds: bigint | undefined): Duration | undefined {
  return microseconds === undefined ? undefined : durationOf(Number(microseconds) / 1000);
}
