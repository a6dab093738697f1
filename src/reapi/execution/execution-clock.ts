import { create, fromJson } from '@bufbuild/protobuf';
import { type Struct, StructSchema, type Timestamp, anyPack } from '@bufbuild/protobuf/wkt';
import type { Usage } from '../../exec/index.ts';
import { type ExecutedActionMetadata, ExecutedActionMetadataSchema } from '../../proto/index.ts';
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
      auxiliaryMetadata: [anyPack(StructSchema, usageMessage(usage))],
    });
  }
}

function moment(times: ReadonlyMap<Phase, number>, phase: Phase): Timestamp | undefined {
  const time = times.get(phase);
  return time === undefined ? undefined : timestampOf(time);
}

/**
 * As JSON that says its units: clients that show metadata know the type of it, and of hardly another one (trexe gives up
 * where there is one that it does not).
 */
function usageMessage({ cpuUser, cpuSystem, peakMemory }: Usage): Struct {
  return fromJson(StructSchema, {
    ...(cpuUser === undefined ? {} : { cpu_user_seconds: Number(cpuUser) / 1e6 }),
    ...(cpuSystem === undefined ? {} : { cpu_system_seconds: Number(cpuSystem) / 1e6 }),
    ...(peakMemory === undefined ? {} : { peak_memory_bytes: Number(peakMemory) }),
  });
}
