import type { EvalNeed } from '../../eval/index.ts';
import { ExitStatus } from '../exit-status.ts';
import { complete } from './complete.ts';
import type { Lines } from './lines.ts';
import type { Departure, Outcome, Repl } from './repl.ts';

const prompt = 'nix-repl> ';
const continuationPrompt = '        > ';

/** Whoever has the conversation go on says what went wrong with the work, if it was done and something did. */
export type Work = () => Promise<void>;

/**
 * Asks for inputs and does what they say until the user leaves. Work that takes its time is yielded; whatever the one
 * who does it throws into the conversation is shown as an error of the input.
 */
export function* converse(repl: Repl, lines: Lines, answer: AnswerNeeds): Generator<Work, Departure> {
  const { out, log } = repl.context;
  let input = '';
  for (;;) {
    out.flush();
    const typed = askQuietly(repl, lines, input === '' ? prompt : continuationPrompt);
    if (typed.kind === 'end') {
      out.line('');
      return 'quit';
    }
    input = typed.kind === 'interrupted' ? '' : `${input}${typed.text}\n`;
    try {
      const outcome = yield* processInPasses(repl, input, answer);
      if (outcome.kind === 'incomplete') continue;
      if (outcome.kind === 'leave') return outcome.how;
      yield outcome.kind === 'later' ? outcome.work : nothing;
    } catch (error) {
      if (error instanceof ExitStatus) throw error;
      log.logError(error);
    }
    input = '';
    out.line('');
  }
}

/** Has the evaluator know what a suspended evaluation needs. */
export type AnswerNeeds = (needs: readonly EvalNeed[]) => Promise<void>;

/** Evaluation cannot wait for what it needs of the store, so the input is begun anew when that is there. */
function* processInPasses(repl: Repl, input: string, answer: AnswerNeeds): Generator<Work, Outcome> {
  for (;;) {
    const pass = repl.evaluator.pass(() => repl.process(input));
    if (pass.kind === 'done') return pass.value;
    yield () => answer(pass.needs);
  }
}

/** What is yielded after inputs that leave nothing to do. */
export const nothing: Work = async () => {};

function askQuietly(repl: Repl, lines: Lines, text: string) {
  // Progress would be in the user's way.
  using _ = repl.context.log.suspend();
  return lines.ask(text, typed => complete(repl, typed));
}
