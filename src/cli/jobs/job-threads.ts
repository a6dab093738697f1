import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { entryFile, messageOf, startThread } from '../../base/index.ts';
import type { EvaluationPart } from '../../engine/index.ts';
import type { EvalMessage } from '../../eval/index.ts';
import { CliError } from '../error.ts';
import type { EvaluationRealising } from '../installables/realising.ts';
import type { EndedJob, JobPath, JobResult } from './job.ts';
import type { JobOrder, JobReport, JobThreadSetup } from './job-messages.ts';
import { answerCall } from './remote-realising.ts';
import { takeAway } from './take-away.ts';

/** Results that are not printed yet, beyond which no more jobs are begun. */
const maxUnprinted = 256;

/** Mebibytes: deep evaluations need a large stack, on threads, too. */
const stackSize = 250;

export interface JobThreadsOptions {
  /** How many threads there are at a time. */
  readonly count: number;
  readonly setup: Pick<JobThreadSetup, 'argv' | 'input' | 'records'>;
  readonly realising: () => Promise<EvaluationRealising>;
  /** Called for each job but sets, one after the other, in the order in which they end. */
  readonly onResult: (job: EndedJob) => Promise<void>;
  readonly onMessage: (message: EvalMessage) => void;
  /** Called with what each thread has recorded whose results count; undefined where something of it is not known. */
  readonly onPart: (part: EvaluationPart | undefined) => void;
  readonly signal: AbortSignal;
}

interface RunningJob {
  readonly path: JobPath;
  readonly thread: JobThread;
}

interface JobThread {
  readonly worker: Worker;
  /** What it is to do next: jobs beside each other, which are likely to have much in common. */
  readonly queue: JobPath[];
  /** How often it has said each text. */
  readonly said: Map<string, number>;
  /** Whether a result of it counts. */
  isOfUse: boolean;
  /** Resolved when it has told what it has recorded, or has ended. */
  readonly told: PromiseWithResolvers<void>;
}

/**
 * Evaluates all jobs from the root on, each in one of several threads. Nobody waits for a thread: it says when it has time.
 * One that has nothing to do takes of what another has before it (take-away.ts). One that has too many values is replaced, as is one
 * that breaks down, whose jobs are then given to others once.
 */
export class JobThreads {
  readonly #options: JobThreadsOptions;
  /** What no thread has before it. */
  readonly #queue: JobPath[] = [[]];
  readonly #jobs = new Map<number, RunningJob>();
  readonly #free: JobThread[] = [];
  readonly #threads = new Set<JobThread>();
  /** How often each text was shown: what another thread says, too, is shown once. */
  readonly #shown = new Map<string, number>();
  /** Jobs that a thread broke down with. */
  readonly #retried = new Set<JobPath>();
  readonly #ended = Promise.withResolvers<void>();
  #lastJob = 0;
  #unprinted = 0;
  #printing = Promise.resolve();

  constructor(options: JobThreadsOptions) {
    this.#options = options;
  }

  /** Resolves when all is printed and no thread is left. Throws what keeps evaluation from beginning, and the signal's reason. */
  async run(): Promise<void> {
    const { count, setup, signal } = this.#options;
    const abort = () => this.#ended.reject(signal.reason);
    signal.addEventListener('abort', abort);
    try {
      signal.throwIfAborted();
      for (let started = 0; started < count; started++) this.#start();
      await this.#ended.promise;
      await this.#printing;
      if (setup.records) await this.#collectParts();
    } finally {
      signal.removeEventListener('abort', abort);
      const left = [...this.#threads];
      this.#threads.clear();
      await Promise.all(left.map(({ worker }) => worker.terminate()));
    }
  }

  async #collectParts(): Promise<void> {
    const ofUse = [...this.#threads].filter(({ isOfUse }) => isOfUse);
    for (const thread of ofUse) post(thread, { kind: 'end' });
    await Promise.all(ofUse.map(({ told }) => told.promise));
  }

  #start(): void {
    const worker = startThread(import.meta.filename, 'job-thread-entry', {
      name: 'jobs',
      workerData: {
        ...this.#options.setup,
        compileCache: compileCacheFolder(),
        program: entryFile(import.meta.filename, 'job-thread'),
      } satisfies JobThreadSetup,
      resourceLimits: { stackSizeMb: stackSize, maxOldGenerationSizeMb: 4096 },
    });
    const told = Promise.withResolvers<void>();
    const thread: JobThread = { worker, queue: [], said: new Map(), isOfUse: false, told };
    this.#threads.add(thread);
    worker.on('message', (report: JobReport) => this.#take(thread, report));
    worker.on('error', error => this.#breakDown(thread, error));
    worker.on('exit', () => this.#breakDown(thread, new Error('the thread has ended')));
  }

  #take(thread: JobThread, report: JobReport): void {
    switch (report.kind) {
      case 'free':
        this.#free.push(thread);
        break;
      case 'done':
        this.#finish(report.job, report.result, report.imports);
        break;
      case 'full':
        this.#tell(thread, report.part);
        this.#replace(thread, report.undone);
        break;
      case 'ended':
        this.#tell(thread, report.part);
        return;
      case 'said':
        this.#say(thread, report.message);
        break;
      case 'realise':
        void this.#realise(thread, report);
        break;
      case 'failed':
        this.#ended.reject(new CliError('jobs/no-root', withoutPrefix(report.text)));
        break;
      default:
        throw new TypeError('a thread says what it cannot');
    }
    this.#deal();
  }

  #tell(thread: JobThread, part: EvaluationPart | undefined): void {
    if (thread.isOfUse) this.#options.onPart(part);
    thread.isOfUse = false;
    thread.told.resolve();
  }

  /** Gives jobs to threads that have time. */
  #deal(): void {
    const free = this.#unprinted < maxUnprinted ? this.#free.splice(0) : [];
    for (const thread of free) {
      const path = this.#next(thread);
      if (path === undefined) this.#free.push(thread);
      else {
        const job = this.#lastJob++;
        this.#jobs.set(job, { path, thread });
        post(thread, { kind: 'evaluate', job, path });
      }
    }
    if (this.#jobs.size === 0 && !this.#isAnyLeft) this.#ended.resolve();
  }

  get #isAnyLeft(): boolean {
    return this.#queue.length > 0 || [...this.#threads].some(({ queue }) => queue.length > 0);
  }

  #next({ queue }: JobThread): JobPath | undefined {
    if (queue.length === 0) queue.push(...this.#queue.splice(0));
    if (queue.length === 0) {
      const [longest] = Array.from(this.#threads, thread => thread.queue).toSorted((a, b) => b.length - a.length);
      if (longest !== undefined) queue.push(...takeAway(longest));
    }
    return queue.shift();
  }

  #finish(job: number, result: JobResult, imports: readonly string[]): void {
    const running = this.#jobs.get(job);
    if (running === undefined) return;
    this.#jobs.delete(job);
    const { path, thread } = running;
    thread.isOfUse = true;
    if (result.kind === 'set') {
      // Depth first, so that queues stay short.
      thread.queue.unshift(...result.names.map(name => [...path, name]));
      return;
    }
    this.#unprinted++;
    const before = this.#printing;
    this.#printing = this.#print(before, () => this.#options.onResult({ path, result, imports }));
  }

  async #print(before: Promise<void>, print: () => Promise<void>): Promise<void> {
    await before;
    try {
      await print();
    } catch (error) {
      this.#ended.reject(error);
    }
    this.#unprinted--;
    this.#deal();
  }

  #replace(thread: JobThread, undone: readonly number[]): void {
    for (const job of undone.toReversed()) this.#requeue(job);
    this.#remove(thread);
    if (this.#isAnyLeft || this.#jobs.size > 0) this.#start();
  }

  /** A thread that has ended by itself: after an error, or since it had not enough memory. */
  #breakDown(thread: JobThread, error: unknown): void {
    if (!this.#threads.has(thread)) return;
    // What it has read is lost with it.
    this.#tell(thread, undefined);
    this.#remove(thread);
    const own = [...this.#jobs].filter(([, job]) => job.thread === thread);
    if (own.length === 0) this.#ended.reject(error);
    for (const [job, { path }] of own.toReversed()) {
      if (this.#retried.has(path)) this.#finish(job, { kind: 'failed', message: `error: ${messageOf(error)}` }, []);
      else {
        this.#retried.add(path);
        this.#requeue(job);
      }
    }
    this.#start();
    this.#deal();
  }

  #requeue(job: number): void {
    const path = this.#jobs.get(job)?.path;
    this.#jobs.delete(job);
    if (path !== undefined) this.#queue.unshift(path);
  }

  #remove(thread: JobThread): void {
    this.#threads.delete(thread);
    this.#queue.push(...thread.queue.splice(0));
    const at = this.#free.indexOf(thread);
    if (at >= 0) this.#free.splice(at, 1);
    void thread.worker.terminate();
  }

  #say(thread: JobThread, message: EvalMessage): void {
    const key = `${message.kind} ${message.text}`;
    const times = (thread.said.get(key) ?? 0) + 1;
    thread.said.set(key, times);
    if (times <= (this.#shown.get(key) ?? 0)) return;
    this.#shown.set(key, times);
    this.#options.onMessage(message);
  }

  async #realise(
    thread: JobThread,
    { request, call }: Extract<JobReport, { readonly kind: 'realise' }>,
  ): Promise<void> {
    try {
      const reply = await answerCall(await this.#options.realising(), call);
      post(thread, { kind: 'realised', request, reply });
    } catch (error) {
      this.#ended.reject(error);
    }
  }
}

function compileCacheFolder(): string | undefined {
  // Within it there is a folder for each version of Node.
  const folder = getCompileCacheDir();
  return folder === undefined ? undefined : dirname(folder);
}

function post({ worker }: JobThread, order: JobOrder): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  worker.postMessage(order);
}

/** The message is shown after such a prefix again. */
function withoutPrefix(text: string): string {
  return text.replace(/^(?:\u001B\[[0-9;]*m)*error:(?:\u001B\[[0-9;]*m)* ?/, '').replaceAll('\n       ', '\n');
}
