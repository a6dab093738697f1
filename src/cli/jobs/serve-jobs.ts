import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { byteStringFromLatin1, byteStringFromText, displayBytes } from '../../base/index.ts';
import { EvaluationRecording, answerAll, findFlakeWithFragment } from '../../engine/index.ts';
import {
  EvalError,
  type EvalNeed,
  type NeedAnswer,
  Suspension,
  type Word,
  WorkState,
  autoCall,
  select,
} from '../../eval/index.ts';
import { formatSingleDerivingPath } from '../../nix-compat/index.ts';
import type { CommandContext } from '../command.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import type { EvaluationArguments } from '../evaluation/evaluation-arguments.ts';
import { delaySource, parseText } from '../evaluation/source-expression.ts';
import type { FlakeArguments } from '../installables/flake-arguments.ts';
import { FlakeRoots, outputsOf } from '../installables/flake-roots.ts';
import { formatError } from '../render/format-error.ts';
import type { JobPath, JobResult } from './job.ts';
import type { JobOrder, JobReport, JobThreadSetup } from './job-messages.ts';
import type { JobRequest } from './job-request.ts';
import { JobReader } from './job-reader.ts';
import { RemoteRealising } from './remote-realising.ts';

/** Jobs that a thread has at a time: most of them wait for what evaluation needs. */
const maxJobs = 64;

export interface JobSource {
  readonly request: JobRequest;
  readonly from: EvaluationArguments;
  readonly flakes: FlakeArguments;
}

/** Evaluates jobs for the main thread until that has no more. Throws what keeps it from that. */
export async function serveJobs(context: CommandContext, source: JobSource): Promise<void> {
  const port = parentPort;
  if (port === null) throw new TypeError('jobs are served by threads');
  // The main thread shows what is to be shown as long as it goes on.
  context.log.format = 'raw';
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what JobThreads starts this thread with
  const { input, records } = workerData as JobThreadSetup;
  takeInput(source.from, input);
  const realising = new RemoteRealising((request, call) => post(port, { kind: 'realise', request, call }));
  const recording = records ? new EvaluationRecording() : undefined;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const orders: JobOrder[] = [];
  let take = (order: JobOrder): void => void orders.push(order);
  port.on('message', (order: JobOrder) => {
    if (order.kind === 'realised') realising.settle(order.request, order.reply);
    else if (order.kind === 'end') end();
    else take(order);
  });
  await using evaluation = new Evaluation(context, source.from, {
    writes: source.request.writes,
    realising,
    recording,
    say: message => post(port, { kind: 'said', message }),
  });
  try {
    const root = await openRoot(evaluation, source);
    const reader = new JobReader(evaluation, source.request, root);
    const server = new JobServer(evaluation, { source, port, reader, recording });
    take = order => server.take(order);
    for (const order of orders.splice(0)) take(order);
    server.ask();
  } catch (error) {
    post(port, { kind: 'failed', text: formatError(error, context.log.showTrace).text });
  }
  await ended;
  post(port, { kind: 'ended', part: recording?.toPart() });
}

function post(port: MessagePort, report: JobReport): void {
  port.postMessage(report);
}

/** What standard input said, which the main thread has read. */
function takeInput({ args }: EvaluationArguments, input: string | undefined): void {
  for (const [name, { kind }] of args) {
    if (kind === 'input') args.set(name, { kind: 'text', text: byteStringFromLatin1(input ?? '') });
  }
}

/** The value whose attributes are looked at. */
async function openRoot(evaluation: Evaluation, { request, flakes }: JobSource): Promise<Word> {
  const { evaluator, args } = evaluation;
  const word = request.isFlake ? await openFlake(evaluation, request, flakes) : openText(evaluation, request);
  const { select: chosen } = request;
  const chooser = chosen === undefined ? undefined : evaluator.delay(parseText(evaluation, chosen));
  return evaluation.perform(() => {
    const root = autoCall(evaluator, args, word);
    if (chooser === undefined) return root;
    return autoCall(
      evaluator,
      args,
      evaluator.keep(() => evaluator.core.delayCall(chooser, root)),
    );
  });
}

function openText(evaluation: Evaluation, request: JobRequest): Word {
  return delaySource(evaluation, { kind: request.isText ? 'expression' : 'file', text: request.requireSource() });
}

async function openFlake(evaluation: Evaluation, request: JobRequest, flags: FlakeArguments): Promise<Word> {
  const { evaluator, args, context } = evaluation;
  const text = displayBytes(request.requireSource());
  const baseFolder = displayBytes(context.baseFolder);
  const { flake: reference, fragment } = findFlakeWithFragment(text, { baseFolder, reporter: context.log });
  const { root } = await new FlakeRoots(evaluation, flags).of(reference);
  const path = byteStringFromText(fragment);
  return evaluation.perform(() => select(evaluator, path, args, outputsOf(evaluator, root)));
}

interface JobServerOptions {
  readonly source: JobSource;
  readonly port: MessagePort;
  readonly reader: JobReader;
  readonly recording: EvaluationRecording | undefined;
}

type Answers = Promise<Iterable<readonly [EvalNeed, NeedAnswer]>>;

/**
 * The jobs of one thread. While one waits for what it needs, others are evaluated, unless that one has said something:
 * then they are only explored until it has ended, lest they say the same (`WorkState`).
 */
class JobServer {
  readonly #evaluation: Evaluation;
  readonly #options: JobServerOptions;
  readonly #jobs = new Map<number, JobPath>();
  #speaker: { readonly state: WorkState; readonly ended: Promise<void>; readonly end: () => void } | undefined;
  #taken = 0;
  /** Whether the main thread knows that there is time for a job. */
  #isFree = false;
  #isFull = false;
  readonly #undone: number[] = [];

  constructor(evaluation: Evaluation, options: JobServerOptions) {
    this.#evaluation = evaluation;
    this.#options = options;
  }

  take(order: JobOrder): void {
    if (order.kind !== 'evaluate') return;
    this.#isFree = false;
    this.#taken++;
    this.#jobs.set(order.job, order.path);
    void this.#serve(order.job, order.path);
  }

  /** Asks for a job if there is time for one, and says when there will not be any more. */
  ask(): void {
    const { port, recording, source } = this.#options;
    this.#isFull ||= this.#evaluation.evaluator.core.exports.memoryUsed() > source.request.maxMemory && this.#taken > 0;
    if (this.#isFull) {
      if (this.#jobs.size === 0) post(port, { kind: 'full', undone: this.#undone, part: recording?.toPart() });
    } else if (!this.#isFree && this.#jobs.size < maxJobs) {
      this.#isFree = true;
      post(port, { kind: 'free' });
    }
  }

  async #serve(job: number, path: JobPath): Promise<void> {
    const { port, reader } = this.#options;
    const imports = new Set<string>();
    let result: JobResult | undefined;
    try {
      result = await this.#evaluate(() => reader.read(path), imports);
      // What is in a set comes next, so the main thread hears of that first.
      if (result.kind !== 'set') this.ask();
      // What is named is there; what comes next may be evaluated meanwhile, and is added with it.
      await this.#evaluation.commit();
    } catch (error) {
      result = this.#isOutOfMemory(error) ? undefined : { kind: 'failed', message: this.#describe(error) };
    }
    this.#jobs.delete(job);
    if (result === undefined) this.#undone.push(job);
    else post(port, { kind: 'done', job, result, imports: [...imports] });
    this.ask();
  }

  /** Whether a job may still be evaluated by a thread that has evaluated nothing else. */
  #isOutOfMemory(error: unknown): boolean {
    if (!(error instanceof EvalError && error.code === 'eval/out-of-memory')) return false;
    this.#isFull = true;
    return this.#taken > 1;
  }

  /** Shows the error, too: whoever reads lines of JSON may not look for it there. */
  #describe(error: unknown): string {
    const { log } = this.#evaluation.context;
    log.logError(error);
    return formatError(error, log.showTrace).text.replaceAll(/\u001B\[[0-9;]*m/g, '');
  }

  async #evaluate(work: () => JobResult, imports: Set<string>): Promise<JobResult> {
    const { evaluator } = this.#evaluation;
    const state = new WorkState();
    const answer = (needs: readonly EvalNeed[]): Answers => {
      this.#noteImports(needs, imports);
      return this.#evaluation.answer(needs);
    };
    try {
      for (;;) {
        if (this.#speaker !== undefined && this.#speaker.state !== state) {
          await this.#explore(work, answer);
          continue;
        }
        const pass = evaluator.pass(work, state);
        if (pass.kind === 'done') return pass.value;
        if (state.hasSpoken) this.#speaker ??= { state, ...endable() };
        this.ask();
        await answerAll(evaluator, pass.needs, answer);
      }
    } finally {
      if (this.#speaker?.state === state) {
        this.#speaker.end();
        this.#speaker = undefined;
      }
      evaluator.finish(state);
    }
  }

  /** Finds what `work` needs, and sees to it; there is nothing left to do when it needs no more but to wait for its turn. */
  async #explore(work: () => JobResult, answer: (needs: readonly EvalNeed[]) => Answers): Promise<void> {
    const { evaluator } = this.#evaluation;
    const state = new WorkState();
    const pass = evaluator.pass(() => {
      evaluator.followedBy({ next: 0, count: 1, visit: () => void work() }, () => {
        throw new Suspension();
      });
    }, state);
    evaluator.finish(state);
    this.ask();
    if (pass.kind === 'suspended' && pass.needs.length > 0) await answerAll(evaluator, pass.needs, answer);
    else await this.#speaker?.ended;
  }

  #noteImports(needs: readonly EvalNeed[], imports: Set<string>): void {
    const { storeDir } = this.#evaluation.evaluator.io;
    for (const need of needs) {
      if (need.kind === 'output') imports.add(displayBytes(formatSingleDerivingPath(storeDir, need.path)));
    }
  }
}

function endable(): { readonly ended: Promise<void>; readonly end: () => void } {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  return { ended, end };
}
