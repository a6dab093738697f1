import type { Flag } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import type { EvaluationArguments } from '../evaluation/evaluation-arguments.ts';
import { makeDebugPrompt } from './debug-prompt.ts';
import type { Lines } from './lines.ts';
import { openLines, prepareLines } from './open-lines.ts';

/** `--debugger`, for commands that evaluate. `lines` are those that a prompt of the command's own reads. */
export function debuggerFlag(
  context: CommandContext,
  into: EvaluationArguments,
  lines: () => Lines = openLines(context),
): Flag {
  return {
    long: 'debugger',
    labels: [],
    summary: 'Start a prompt where evaluation breaks or fails.',
    apply: () => {
      prepareLines(context);
      into.debugPrompt = evaluator => makeDebugPrompt({ context, evaluator, lines });
    },
  };
}
