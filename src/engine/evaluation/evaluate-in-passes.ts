import { type EvalNeed, type Evaluator, type NeedAnswer, WorkState } from '../../eval/index.ts';

/** Finds the answer to the first of `needs`, as far as it can to the others, and perhaps to what is going to be asked for. */
export type AnswerNeeds = (needs: readonly EvalNeed[]) => Promise<Iterable<readonly [EvalNeed, NeedAnswer]>>;

/**
 * Does `work` with an evaluator, which may need the store to go on: then `answer` is waited for and `work` begun anew,
 * as often as it takes. It must not mind that; what it evaluated is not evaluated again. Other work may be done meanwhile.
 */
export async function evaluateInPasses<T>(evaluator: Evaluator, work: () => T, answer: AnswerNeeds): Promise<T> {
  const state = new WorkState();
  try {
    for (;;) {
      const pass = evaluator.pass(work, state);
      if (pass.kind === 'done') return pass.value;
      await answerAll(evaluator, pass.needs, answer);
    }
  } finally {
    evaluator.finish(state);
  }
}

/** Has an evaluator know the answers to what a pass was suspended for. */
export async function answerAll(evaluator: Evaluator, needs: readonly EvalNeed[], answer: AnswerNeeds): Promise<void> {
  for (const [need, found] of await answer(needs)) evaluator.answer(need, found);
  // Else the next pass would come no further.
  const [open] = needs;
  if (open !== undefined && !evaluator.isAnswered(open))
    throw new TypeError(`nobody answered an evaluation's need of kind '${open.kind}'`);
}
