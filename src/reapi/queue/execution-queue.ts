import { randomUUID } from 'node:crypto';
import { messageOf } from '../../base/index.ts';
import { formatForeignDigest } from '../../castore/index.ts';
import type { ActionResult } from '../../proto/index.ts';
import type { ActionCache, ActionKey, CachedResult } from '../action-cache/action-cache.ts';
import { ReapiError } from '../error.ts';
import type { ActionExecutor, Executed } from '../execution/action-executor.ts';
import type { ActionPlan } from '../execution/action-plan.ts';
import { requireOffered } from '../execution/platform.ts';
import { currentTime } from '../execution/timestamps.ts';
import { FinishedOperations } from './finished-operations.ts';
import { Job } from './job.ts';
import { type ActionLogs, LiveLogs } from './live-logs.ts';
import { type ExecutionOutcome, Operation } from './operation.ts';
import { WaitingJobs } from './waiting-jobs.ts';

export interface ExecutionRequest {
  readonly key: ActionKey;
  readonly plan: ActionPlan;
  /** The lower the sooner. */
  readonly priority: number;
  /** Whether it is executed although there is a result: that is replaced. */
  readonly skipsCache: boolean;
}

export interface QueueOptions {
  readonly cache: ActionCache;
  readonly executor: ActionExecutor;
  /** How many actions may wait; 100,000 unless given. */
  readonly maxWaiting?: number;
  /** How many that are executed may have lent their slots at a time, since they wait; 1,000 unless given. The others keep theirs. */
  readonly maxLent?: number;
  /** How long one can ask for what has ended, in milliseconds, and for how many; a quarter of an hour, and 10,000, unless given. */
  readonly keepsFor?: number;
  readonly keepsCount?: number;
  /** Told of what is wrong with us, and of no action. */
  readonly onFault?: (error: unknown) => void;
}

/**
 * What is to be executed: each action once however many ask for it meanwhile, the urgent ones first, as many at a time as
 * the executor has slots. A client that leaves cancels nothing: operations go on, and stay for a while when they have
 * ended, until somebody cancels them.
 */
export class ExecutionQueue implements AsyncDisposable {
  /** What actions write while they are executed. */
  readonly logs = new LiveLogs();
  readonly #options: QueueOptions;
  readonly #jobs = new Map<string, Job>();
  readonly #jobOf = new Map<Operation, Job>();
  readonly #operations = new Map<string, Operation>();
  readonly #finished: FinishedOperations;
  readonly #waiting = new WaitingJobs();
  readonly #running = new Set<Promise<void>>();
  #executing = 0;
  #lent = 0;
  #serial = 0;
  #hasEnded = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    const { keepsFor = 15 * 60_000, keepsCount = 10_000 } = options;
    this.#finished = new FinishedOperations({ keepsFor, keepsCount, forget: name => this.#operations.delete(name) });
  }

  /** Of actions that wait and that are executed. */
  get counts(): { readonly waiting: number; readonly executing: number } {
    return { waiting: this.#waiting.size, executing: this.#executing };
  }

  /** Throws `action/unsatisfiable` and `queue/full`; all else the operation tells. */
  execute(request: ExecutionRequest): Operation {
    const { key, plan, priority } = request;
    if (this.#hasEnded) throw new ReapiError('executor/unavailable', 'the server is being shut down');
    const { maxWaiting = 100_000, executor } = this.#options;
    requireOffered(plan.platform, executor.offer);
    const name = jobName(key);
    const known = plan.doNotCache ? undefined : this.#jobs.get(name);
    if (known === undefined && this.#waiting.size >= maxWaiting)
      throw new ReapiError('queue/full', `${maxWaiting} actions wait to be executed: try again later`);
    const job = known ?? this.#newJob(request);
    if (priority < job.priority) this.#hurry(job, priority);
    const operation = this.#newOperation(key, job);
    if (known === undefined) this.#start(job, request);
    return operation;
  }

  #newJob({ key, plan, priority }: ExecutionRequest): Job {
    const job = new Job({ key, plan, queuedAt: currentTime() }, { serial: this.#serial++, priority });
    if (!plan.doNotCache) this.#jobs.set(jobName(key), job);
    return job;
  }

  #newOperation(key: ActionKey, job: Job): Operation {
    const { instance } = key;
    const name = `${instance === '' ? '' : `${instance}/`}operations/${randomUUID()}`;
    const operation = new Operation(name, key, job.state);
    this.#finished.forgetOld();
    this.#operations.set(name, operation);
    this.#jobOf.set(operation, job);
    job.add(operation);
    return operation;
  }

  #hurry(job: Job, priority: number): void {
    const wasWaiting = this.#waiting.remove(job);
    job.priority = priority;
    if (wasWaiting) this.#waiting.add(job);
  }

  #start(job: Job, { skipsCache, plan }: ExecutionRequest): void {
    if (skipsCache || plan.doNotCache) return this.#enqueue(job);
    this.#track(this.#lookUp(job));
  }

  async #lookUp(job: Job): Promise<void> {
    let found: CachedResult | undefined;
    try {
      found = await this.#options.cache.get(job.action.key, { signal: job.signal });
    } catch (error) {
      return this.#complete(job, this.#failure(job, error));
    }
    if (found === undefined) this.#enqueue(job);
    else this.#complete(job, { kind: 'ended', result: found.result, isCached: true });
  }

  #enqueue(job: Job): void {
    if (job.signal.aborted) return this.#complete(job, this.#failure(job, job.signal.reason));
    job.update({ stage: 'queued', queuedAt: job.action.queuedAt });
    this.#waiting.add(job);
    this.#pump();
  }

  /** Executes as many as there are slots for. */
  #pump(): void {
    while (this.#executing < this.#options.executor.slots) {
      const job = this.#waiting.take();
      if (job === undefined) return;
      this.#executing++;
      this.#track(this.#run(job));
    }
  }

  async #run(job: Job): Promise<void> {
    const { queuedAt, key } = job.action;
    const logs = this.logs.open(key.instance);
    job.update({ stage: 'executing', queuedAt, startedAt: currentTime(), logs: logs.names });
    let outcome: ExecutionOutcome;
    try {
      const executed = await this.#execute(job, logs);
      outcome = executed.kind === 'ended' ? { ...executed, isCached: false } : executed;
    } catch (error) {
      outcome = this.#failure(job, error);
    }
    logs.end();
    if (job.isWaiting) this.#lent--;
    else this.#executing--;
    this.#complete(job, outcome);
    this.#pump();
  }

  #execute(job: Job, logs: ActionLogs): Promise<Executed> {
    return this.#options.executor.execute(job.action, {
      signal: job.signal,
      output: (chunk, stream) => logs.write(chunk, stream),
      waits: isWaiting => this.#noteWait(job, isWaiting),
      record: result => this.#record(job, result),
    });
  }

  /** Others have its slot while it waits; when it goes on, one more is executed than there are slots until another ends. */
  #noteWait(job: Job, isWaiting: boolean): void {
    // Whether an action really waits only its client knows.
    const { maxLent = 1000 } = this.#options;
    if (job.isWaiting === isWaiting || (isWaiting && this.#lent >= maxLent)) return;
    job.isWaiting = isWaiting;
    this.#executing += isWaiting ? -1 : 1;
    this.#lent += isWaiting ? 1 : -1;
    this.#pump();
  }

  /** Only what ended well may be given to others; the rest stays until who asked for it has read it. */
  async #record(job: Job, result: ActionResult): Promise<void> {
    const { cache } = this.#options;
    const { key, plan } = job.action;
    if (result.exitCode === 0 && !plan.doNotCache) await cache.record(key, result, { origin: 'executed' });
    else await cache.retain(result, plan.digestFunction);
  }

  #failure(job: Job, error: unknown): ExecutionOutcome {
    if (error instanceof ReapiError) return { kind: 'failed', error };
    if (job.signal.aborted) {
      const reason: unknown = job.signal.reason;
      const cancelled = reason instanceof ReapiError ? reason : new ReapiError('action/cancelled', messageOf(reason));
      return { kind: 'failed', error: cancelled };
    }
    this.#options.onFault?.(error);
    const action = formatForeignDigest(job.action.key.action);
    const message = `the action ${action} could not be executed: ${messageOf(error)}`;
    return { kind: 'failed', error: new ReapiError('executor/failed', message, { cause: error }) };
  }

  #complete(job: Job, outcome: ExecutionOutcome): void {
    const name = jobName(job.action.key);
    if (this.#jobs.get(name) === job) this.#jobs.delete(name);
    job.update({ stage: 'completed', queuedAt: job.action.queuedAt, outcome });
    for (const operation of job.operations) this.#finish(operation);
  }

  #finish(operation: Operation): void {
    this.#jobOf.delete(operation);
    if (this.#operations.has(operation.name)) this.#finished.add(operation.name);
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** Undefined for one that there is not, or not any more. */
  find(name: string): Operation | undefined {
    this.#finished.forgetOld();
    return this.#operations.get(name);
  }

  /** Those that there are, in the order in which they were begun. */
  list(): Iterable<Operation> {
    this.#finished.forgetOld();
    return this.#operations.values();
  }

  /** Its action goes on if somebody else wants it too. What has ended stays as it is. */
  cancel(operation: Operation): void {
    const job = this.#jobOf.get(operation);
    if (job === undefined) return;
    const error = new ReapiError('action/cancelled', `the operation '${operation.name}' was cancelled`);
    operation.update({
      stage: 'completed',
      queuedAt: job.action.queuedAt,
      outcome: { kind: 'failed', error },
    });
    const isLast = job.leave(operation);
    this.#finish(operation);
    if (isLast) this.#abandon(job, error);
  }

  #abandon(job: Job, reason: ReapiError): void {
    // Who asks for it from now on gets another one.
    const name = jobName(job.action.key);
    if (this.#jobs.get(name) === job) this.#jobs.delete(name);
    job.end(reason);
    this.#waiting.remove(job);
  }

  /** Nobody can ask for it any more; its action goes on. */
  forget(operation: Operation): void {
    this.#operations.delete(operation.name);
  }

  /** Ends all that runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasEnded = true;
    const reason = new ReapiError('executor/unavailable', 'the server is being shut down');
    for (const job of new Set(this.#jobOf.values())) {
      job.end(reason);
      if (this.#waiting.remove(job)) this.#complete(job, { kind: 'failed', error: reason });
    }
    await Promise.allSettled(this.#running);
  }
}

function jobName({ instance, action }: ActionKey): string {
  return `${formatForeignDigest(action)} ${instance}`;
}
