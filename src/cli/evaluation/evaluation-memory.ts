import {
  type EvaluationRecord,
  type Flake,
  EvaluationCache,
  EvaluationRecording,
  areInputsSame,
  errorOf,
  gistOf,
} from '../../engine/index.ts';
import { type EvalMessage, type EvalNeed, type NeedAnswer, keyOfNeed } from '../../eval/index.ts';
import type { StoreDir, StorePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { evaluationQuestion } from './evaluation-question.ts';

/** What an evaluation is to be remembered by, and how it sees the world. */
export interface RememberedEvaluation {
  /** All but the question that its outcome follows from, as data. */
  readonly given: readonly unknown[];
  readonly storeDir: StoreDir;
  readonly variable: (name: string) => string | undefined;
  readonly say: (message: EvalMessage) => void;
  /** Has settings of a flake come into force. */
  readonly configure: (config: Flake['config']) => void;
  /** As the evaluation would have its needs answered. */
  readonly answer: (needs: readonly EvalNeed[]) => Promise<Iterable<readonly [EvalNeed, NeedAnswer]>>;
  readonly evalStore: () => Promise<Store>;
}

/** A question, and who answers it. */
export interface AnswerableQuestion<T> {
  /** Data that says, with what is given, what is evaluated. */
  readonly question: readonly unknown[];
  readonly isAnswer: (value: unknown) => value is T;
  /** Evaluates; what it wants in the store is there then. */
  readonly work: () => Promise<T>;
}

/** Evaluations that are remembered with what they came of (engine's `evaluation-cache/`). */
export class EvaluationMemory {
  readonly #context: CommandContext;
  readonly #of: RememberedEvaluation;
  /** Of the evaluation that goes on. */
  #recording: EvaluationRecording | undefined;

  constructor(context: CommandContext, of: RememberedEvaluation) {
    this.#context = context;
    this.#of = of;
  }

  /** Hears of what an evaluation reads, if that is going to be remembered. */
  get recording(): EvaluationRecording | undefined {
    return this.#recording;
  }

  /**
   * As the question was answered before, where nothing that the answer came of has changed, with its messages and errors; else
   * what `work` says, which is remembered.
   */
  async recall<T>({ question: asked, isAnswer, work }: AnswerableQuestion<T>): Promise<T> {
    const question = evaluationQuestion([asked, ...this.#of.given]);
    const { log, environment } = this.#context;
    const cache = new EvaluationCache(`${environment.cacheFolder}/firn-evaluations-v2`);
    const record = cache.find(question);
    if (record !== undefined && (await this.#isTrue(record))) {
      const { outcome, configs, messages } = record;
      log.log('talkative', 'nothing has changed since this was evaluated');
      configs.forEach(this.#of.configure);
      messages.forEach(this.#of.say);
      if (outcome.kind === 'failed') throw errorOf(outcome.error);
      const { value } = outcome;
      if (isAnswer(value)) return value;
      throw new TypeError('a record of an evaluation has no answer to its question');
    }
    const recording = (this.#recording = new EvaluationRecording());
    const keep = (outcome: Parameters<EvaluationRecording['finish']>[1]): void => {
      const made = recording.finish(question, outcome);
      if (made !== undefined) cache.keep(made);
    };
    let value: T;
    try {
      value = await work();
    } catch (error) {
      keep({ error });
      throw error;
    }
    keep({ value });
    return value;
  }

  /** Whether what a record came of is as it was. */
  async #isTrue({ inputs, needs, wanted }: EvaluationRecord): Promise<boolean> {
    return (
      inputs.every(part => areInputsSame(part, this.#of.variable)) &&
      (await this.#areAnswersSame(needs)) &&
      (await this.#areValid(wanted))
    );
  }

  async #areAnswersSame(needs: EvaluationRecord['needs']): Promise<boolean> {
    if (needs.length === 0) return true;
    const keyOf = (need: EvalNeed) => keyOfNeed(this.#of.storeDir, need);
    const answers = await this.#of.answer(needs.map(([need]) => need));
    const gists = new Map(Array.from(answers, ([need, answer]) => [keyOf(need), gistOf(answer)]));
    return needs.every(([need, gist]) => gists.get(keyOf(need)) === gist);
  }

  async #areValid(wanted: readonly StorePath[]): Promise<boolean> {
    if (wanted.length === 0) return true;
    const store = await this.#of.evalStore();
    return (await store.validPaths(wanted, { signal: this.#context.signal })).size === wanted.length;
  }
}
