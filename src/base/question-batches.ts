/** Questions that are asked together at most, unless the owner says otherwise: an answer for each is held in memory. */
const defaultMaxBatch = 10_000;

export interface QuestionBatchesOptions {
  readonly maxBatch?: number;
  /**
   * Whether an answer takes long, so that more questions come in while it is waited for: the first is then asked with what
   * comes up at once, not at the end of the turn.
   */
  readonly isSlow?: boolean;
}

/**
 * Gathers questions that are asked for themselves, to answer them many at a time: those of one turn of the event loop
 * together, and those that come while others are being answered. What is asked twice meanwhile is asked once.
 *
 *     const valid = new QuestionBatches(async (paths: ReadonlySet<StorePath>) => validOf(paths));
 *     await valid.find(path);
 */
export class QuestionBatches<Question, Answer> {
  readonly #ask: (questions: ReadonlySet<Question>) => Promise<ReadonlyMap<Question, Answer>>;
  readonly #maxBatch: number;
  readonly #isSlow: boolean;
  readonly #waiting = new Map<Question, PromiseWithResolvers<Answer | undefined>>();
  #isAsking = false;

  /** `ask` answers those of the questions to which there is an answer; what it throws, all that were asked together get. */
  constructor(
    ask: (questions: ReadonlySet<Question>) => Promise<ReadonlyMap<Question, Answer>>,
    { maxBatch = defaultMaxBatch, isSlow = false }: QuestionBatchesOptions = {},
  ) {
    this.#ask = ask;
    this.#maxBatch = maxBatch;
    this.#isSlow = isSlow;
  }

  /** Undefined where there is no answer. Questions are the same if they are equal, or the same object. */
  find(question: Question): Promise<Answer | undefined> {
    let waiting = this.#waiting.get(question);
    if (waiting === undefined) {
      waiting = Promise.withResolvers();
      this.#waiting.set(question, waiting);
    }
    if (!this.#isAsking) {
      this.#isAsking = true;
      const run = () => void this.#run();
      if (this.#isSlow) queueMicrotask(run);
      else setImmediate(run);
    }
    return waiting.promise;
  }

  async #run(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = this.#take();
      try {
        const answers = await this.#ask(new Set(batch.keys()));
        for (const [question, { resolve }] of batch) resolve(answers.get(question));
      } catch (error) {
        for (const { reject } of batch.values()) reject(error);
      }
      // What the answers lead to is asked together.
      if (!this.#isSlow) await new Promise(setImmediate);
    }
    this.#isAsking = false;
  }

  #take(): Map<Question, PromiseWithResolvers<Answer | undefined>> {
    if (this.#waiting.size <= this.#maxBatch) {
      const all = new Map(this.#waiting);
      this.#waiting.clear();
      return all;
    }
    const batch = new Map([...this.#waiting].slice(0, this.#maxBatch));
    for (const question of batch.keys()) this.#waiting.delete(question);
    return batch;
  }
}
