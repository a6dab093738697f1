import { getHeapStatistics } from 'node:v8';
import { type Finding, judge } from './judge.ts';
import { minimise } from './minimise.ts';
import { Mutator } from './mutate.ts';
import { Random } from './random.ts';
import type { Target } from './target.ts';

/** In milliseconds, of one case. */
const slowAfter = 250;
/** In bytes, that one case may take outside the heap. The heap's limit is the worker's. */
const maxExternal = 96 * 1024 * 1024;

const maxCorpus = 1500;
/** Bytes of an input that is worth keeping to make others from. */
const maxKept = 16 * 1024;
const minimiseFor = 4000;

export interface Progress {
  readonly target: string;
  readonly executions: number;
  /** Kinds of acceptance and refusal. */
  readonly behaviours: number;
  readonly accepted: number;
  /** In milliseconds. */
  readonly slowest: number;
}

export interface Sample {
  readonly input: Uint8Array;
  readonly outcome: string;
}

export interface Report {
  readonly finding: Finding;
  readonly input: Uint8Array;
}

/**
 * Fuzzes one target. What it tries follows from `seed` alone. An input is kept, to make others from, if it comes to
 * something new: another shape of value, another refusal or place of one. (To ask V8 which blocks a case ran costs 6 ms,
 * fifteen times what the case itself does.)
 */
export class Fuzzer {
  readonly #target: Target;
  readonly #random: Random;
  readonly #mutator: Mutator;
  readonly #corpus: Uint8Array[];
  /** Seeds that were not run yet. */
  readonly #pending: Uint8Array[];
  readonly #announce: (input: Uint8Array) => void;
  readonly #seen = new Set<string>();
  readonly #reported = new Set<string>();
  /** The shortest input for each outcome and kind of refusal. */
  readonly #samples = new Map<string, Sample>();
  #executions = 0;
  #accepted = 0;
  #slowest = 0;

  /** `announce` is told of each input before it is tried, so that it is known even if this process does not survive. */
  constructor(target: Target, seed: string, announce: (input: Uint8Array) => void) {
    this.#target = target;
    this.#random = new Random(`${seed}/${target.name}`);
    this.#mutator = new Mutator(target);
    this.#pending = target.seeds().map(bytes => Uint8Array.from(bytes));
    this.#corpus = [...this.#pending];
    this.#announce = announce;
  }

  get progress(): Progress {
    return {
      target: this.#target.name,
      executions: this.#executions,
      behaviours: this.#seen.size,
      accepted: this.#accepted,
      slowest: Math.round(this.#slowest),
    };
  }

  get samples(): Sample[] {
    return [...this.#samples.values()];
  }

  /** Tries inputs for about so many milliseconds; yields what is wrong, each kind once. */
  async *fuzz(milliseconds: number): AsyncGenerator<Report, void, undefined> {
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      const input = this.#pending.pop() ?? this.#mutator.mutate(this.#choose(), this.#choose(), this.#random);
      const finding = await this.#try(input);
      if (finding === undefined || this.#reported.has(finding.key)) continue;
      this.#reported.add(finding.key);
      const smaller = await minimise(
        input,
        async other => (await this.#check(other))?.key === finding.key,
        minimiseFor,
      );
      const { why } = (await this.#check(smaller)) ?? finding;
      yield { finding: { ...finding, why }, input: smaller };
    }
  }

  /** Newer inputs more often. */
  #choose(): Uint8Array {
    const size = this.#corpus.length;
    const from = this.#random.oneIn(2) ? Math.floor(size * 0.8) : 0;
    return this.#corpus[from + this.#random.below(size - from)] ?? new Uint8Array(0);
  }

  async #try(input: Uint8Array): Promise<Finding | undefined> {
    this.#executions++;
    this.#announce(input);
    const external = getHeapStatistics().external_memory;
    const start = performance.now();
    const verdict = await judge(this.#target, input);
    const took = performance.now() - start;
    if (took > this.#slowest) this.#slowest = took;
    if (verdict.finding !== undefined) return verdict.finding;
    if (took > slowAfter && (await this.#isSlow(input))) return slow(took, input);
    const more = getHeapStatistics().external_memory - external;
    if (more > maxExternal) return memory(more, input);
    if (verdict.outcome === 'accepted') this.#accepted++;
    this.#note(input, verdict.behaviour, verdict.outcome);
    return undefined;
  }

  /** What is wrong with `input`, slowness and memory included. */
  async #check(input: Uint8Array): Promise<Finding | undefined> {
    this.#announce(input);
    const external = getHeapStatistics().external_memory;
    const start = performance.now();
    const verdict = await judge(this.#target, input);
    const took = performance.now() - start;
    if (verdict.finding !== undefined) return verdict.finding;
    if (took > slowAfter) return slow(took, input);
    const more = getHeapStatistics().external_memory - external;
    return more > maxExternal ? memory(more, input) : undefined;
  }

  /** Whether it always is: another program may have had the processor. */
  async #isSlow(input: Uint8Array): Promise<boolean> {
    for (let again = 0; again < 4; again++) if ((await this.#check(input)) === undefined) return false;
    return true;
  }

  #note(input: Uint8Array, behaviour: string, outcome: string): void {
    const kind = outcome === 'accepted' ? behaviour.slice(0, 24) : outcome;
    const sample = this.#samples.get(kind);
    if (sample === undefined || input.length < sample.input.length) this.#samples.set(kind, { input, outcome });
    if (this.#seen.has(behaviour)) return;
    this.#seen.add(behaviour);
    if (input.length > maxKept) return;
    if (this.#corpus.length < maxCorpus) this.#corpus.push(input);
    else this.#corpus[this.#random.below(maxCorpus)] = input;
  }
}

function slow(milliseconds: number, input: Uint8Array): Finding {
  return { problem: 'slow', key: 'slow', why: `${Math.round(milliseconds)} ms for ${input.length} bytes` };
}

function memory(size: number, input: Uint8Array): Finding {
  return { problem: 'memory', key: 'memory', why: `${size} bytes outside the heap for ${input.length} bytes` };
}
