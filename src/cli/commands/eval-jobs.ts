import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { byteStringFromText, displayBytes, silentReporter } from '../../base/index.ts';
import { findFlakeWithFragment } from '../../engine/index.ts';
import { formatFlakeRef } from '../../eval/index.ts';
import { type JsonObject, type StorePath, formatJson, jsonObject } from '../../nix-compat/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Command, CommandContext } from '../command.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import type { EvaluationStores } from '../evaluation/evaluation-stores.ts';
import { largestSource } from '../evaluation/read-arguments.ts';
import { evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { FlakeArguments } from '../installables/flake-arguments.ts';
import { AggregateJobs } from '../jobs/aggregate-jobs.ts';
import { cacheFields } from '../jobs/cache-fields.ts';
import { type DerivationJob, type EndedJob, type JobPath, areEndedJobs, fieldsOfPath } from '../jobs/job.ts';
import { JobRequest } from '../jobs/job-request.ts';
import { JobThreads } from '../jobs/job-threads.ts';
import { leaveSnapshot } from '../leave-snapshot.ts';
import { readStandardInput } from '../read-input.ts';

/** `firn eval-jobs`: what nix-eval-jobs does, in threads. */
export function evalJobs(context: CommandContext): Command {
  const request = new JobRequest();
  const from = noArguments();
  const flakes = new FlakeArguments(context, { flake: completePath, input: () => {} });
  return {
    summary:
      'Evaluates the derivations of a tree of attributes, in several threads, and prints a line of JSON for each.',
    isStable: true,
    flags: [...evaluationFlags(from), ...flakes.flags, ...request.flags],
    positionals: [
      {
        label: 'expr',
        arity: 1,
        optional: true,
        complete: completePath,
        apply: text => (request.source = text),
      },
    ],
    run: async () => {
      request.requireSource();
      // Only flakes are pure unless somebody says otherwise.
      if (!request.isFlake) from.isImpure = true;
      if (!isMainThread) {
        const { serveJobs } = await import('../jobs/serve-jobs.ts');
        return serveJobs(context, { request, from, flakes });
      }
      leaveSnapshot(context);
      const readsInput = [...from.args.values()].some(({ kind }) => kind === 'input');
      const input = readsInput ? readStandardInput(largestSource).toString('latin1') : undefined;
      await using evaluation = new Evaluation(context, from, { writes: request.writes });
      const { stores, remembers } = evaluation;
      const printer = new JobPrinter(context, request, stores);
      if (remembers) printer.isRemembered = true;
      const work = async (): Promise<readonly EndedJob[]> => {
        if (remembers) printer.isRemembered = false;
        const ended: EndedJob[] = [];
        const threads = new JobThreads({
          count: request.threads,
          setup: { argv: process.argv.slice(2), input, records: remembers },
          realising: () => stores.realising(),
          onResult: job => {
            ended.push(job);
            return printer.print(job);
          },
          onMessage: message => evaluation.tell(message),
          onPart: part => evaluation.absorb(part),
          signal: context.signal,
        });
        await threads.run();
        return ended;
      };
      const question = ['jobs', request.asData, flakeOf(request, context), flakes.asData];
      const ended = await evaluation.recall({ question, isAnswer: areEndedJobs, work });
      if (printer.isRemembered === true) for (const job of ended) await printer.repeat(job);
      await printer.finish();
    },
  };
}

/** The flake that is meant, which depends on the folders around. */
function flakeOf(request: JobRequest, context: CommandContext): readonly string[] {
  if (!request.isFlake) return [];
  const baseFolder = displayBytes(context.baseFolder);
  // The threads say what there is to say of that.
  const options = { baseFolder, reporter: silentReporter };
  const { flake, fragment } = findFlakeWithFragment(displayBytes(request.requireSource()), options);
  return [formatFlakeRef(flake), fragment];
}

const noFields: JsonObject = new Map();

/** Prints what became of jobs, as soon as that is known. */
class JobPrinter {
  readonly #context: CommandContext;
  readonly #request: JobRequest;
  readonly #stores: EvaluationStores;
  readonly #aggregates: AggregateJobs | undefined;
  /** Whether what is printed is known from another time; undefined where nothing is remembered. */
  isRemembered: boolean | undefined;

  constructor(context: CommandContext, request: JobRequest, stores: EvaluationStores) {
    this.#context = context;
    this.#request = request;
    this.#stores = stores;
    this.#aggregates = request.wantsConstituents ? new AggregateJobs() : undefined;
  }

  /** As `print`, with the error that the thread has shown that time. */
  async repeat(job: EndedJob): Promise<void> {
    if (job.result.kind === 'failed') this.#context.log.log('error', job.result.message);
    await this.print(job);
  }

  async print({ path, result, imports }: EndedJob): Promise<void> {
    const more = this.#importFields(imports);
    if (result.kind === 'failed') {
      const fields = jsonObject({ ...fieldsOfPath(path), error: byteStringFromText(result.message) });
      this.#aggregates?.note(path, fields);
      this.#line(fields, more);
    } else if (result.kind === 'derivation') await this.#printDerivation(path, result, more);
  }

  async #printDerivation(path: JobPath, job: DerivationJob, more: JsonObject): Promise<void> {
    this.#aggregates?.note(path, job.fields, job);
    // Aggregates are made of others: they come last.
    if (this.#aggregates !== undefined && job.named.length > 0) return;
    await this.#keep(job.derivation);
    const { wantsCacheStatus } = this.#request;
    const cached = wantsCacheStatus ? await cacheFields(job.derivation, await this.#planning()) : noFields;
    this.#line(job.fields, new Map([...more, ...cached]));
  }

  /** Prints what had to wait for all others. */
  async finish(): Promise<void> {
    if (this.#aggregates === undefined) return;
    const { log, signal } = this.#context;
    const store = await this.#stores.evalStore();
    const { writes, wantsCacheStatus } = this.#request;
    for await (const { fields, derivation } of this.#aggregates.complete(store, { log, signal, writes })) {
      if (derivation !== undefined) await this.#keep(derivation);
      const isCheckable = wantsCacheStatus && derivation !== undefined;
      const cached = isCheckable ? await cacheFields(derivation, await this.#planning()) : noFields;
      this.#line(fields, cached);
    }
  }

  async #planning() {
    return { store: await this.#stores.store(), realising: await this.#stores.realising() };
  }

  #importFields(imports: readonly string[]): JsonObject {
    if (!this.#request.wantsImports || imports.length === 0) return noFields;
    const list = imports.toSorted().map(each => byteStringFromText(each));
    return new Map([[byteStringFromText('importsFromDerivation'), list]]);
  }

  #line(fields: JsonObject, more: JsonObject): void {
    const { out } = this.#context;
    const cached = this.isRemembered;
    out.byteLine(formatJson(new Map([...fields, ...more, ...jsonObject({ cached })])));
    // Somebody may be waiting for it.
    out.flush();
  }

  /** Links to a derivation, where somebody wants these. */
  async #keep(derivation: StorePath): Promise<void> {
    const { rootsFolder, writes } = this.#request;
    if (rootsFolder === undefined || !writes) return;
    const store = await this.#stores.evalStore();
    mkdirSync(rootsFolder, { recursive: true });
    await store.collector?.addIndirectRoot(join(rootsFolder, derivation), derivation);
  }
}
