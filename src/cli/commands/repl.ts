import { statSync } from 'node:fs';
import { type ByteString, byteStringFromLatin1, byteStringFromText, displayBytes } from '../../base/index.ts';
import { autoCall, select, type Word } from '../../eval/index.ts';
import { answerAll } from '../../engine/index.ts';
import type { Flag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { type EvaluationArguments, evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { type SourceExpression, SourceExpressionFlags, delaySource } from '../evaluation/source-expression.ts';
import { absolutePath, fsPathOf, quotePath } from '../paths.ts';
import { type Work, converse } from '../repl/converse.ts';
import { debuggerFlag } from '../repl/debugger-flag.ts';
import { greet } from '../repl/greet.ts';
import type { Lines } from '../repl/lines.ts';
import { openLines, prepareLines } from '../repl/open-lines.ts';
import { type Departure, Repl } from '../repl/repl.ts';

/** `nix repl` */
export function repl(context: CommandContext): Command {
  const from = noArguments();
  const lines = openLines(context);
  const expression = new SourceExpressionFlags();
  let paths: readonly ByteString[] = [];
  context.settings.presume('pure-eval', 'false');
  const flags: Flag[] = [...evaluationFlags(from), ...expression.flags, debuggerFlag(context, from, lines)];
  return {
    summary: 'Evaluates expressions that are typed.',
    isStable: true,
    flags,
    positionals: [{ label: 'installables', arity: 'any', apply: (...given) => (paths = given) }],
    run: async () => {
      prepareLines(context);
      const { source } = expression;
      const [first] = paths;
      if (source === undefined && first !== undefined) throw refuseFlake(first);
      await start(context, { from, sources: sourcesOf(source, paths), lines });
    },
  };
}

function refuseFlake(given: ByteString): CliError {
  const path = absolutePath(given);
  const isFile = statSync(fsPathOf(path), { throwIfNoEntry: false })?.isFile() === true;
  const message = isFile
    ? `path ${quotePath(path)} is not a flake`
    : `cannot load '${displayBytes(given)}': use --file or --expr, flakes come later`;
  return new CliError('installable/needs-evaluation', message);
}

/** What to load besides. */
interface NamedSource extends SourceExpression {
  readonly path: ByteString;
}

function sourcesOf(source: SourceExpression | undefined, paths: readonly ByteString[]): NamedSource[] {
  if (source === undefined) return [];
  const wanted = paths.length === 0 ? [byteStringFromText('')] : paths;
  const { kind, text } = source;
  return wanted.map(path => ({ kind, text, path: byteStringFromLatin1(path === '.' ? '' : path) }));
}

interface Start {
  readonly from: EvaluationArguments;
  readonly sources: readonly NamedSource[];
  readonly lines: () => Lines;
}

async function start(context: CommandContext, { from, sources, lines }: Start): Promise<void> {
  await using evaluation = new Evaluation(context, from);
  const { evaluator, args } = evaluation;
  const session = new Repl({
    context,
    evaluator,
    args,
    sources: sources.map(source => ({ name: source.path, evaluate: () => evaluateSource(evaluation, source) })),
  });
  greet(context, from.debugPrompt !== undefined);
  await evaluation.perform(() => session.loadAll());
  using asked = lines();
  const conversation = converse(session, asked, needs => answerAll(evaluator, needs, open => evaluation.answer(open)));
  for (let step = conversation.next(); step.done !== true;) {
    const work = step.value;
    step = await perform(conversation, async () => {
      // Store paths that were shown are there.
      await evaluation.commit();
      await work();
    });
  }
}

async function perform(conversation: Generator<Work, Departure>, work: Work): Promise<IteratorResult<Work, Departure>> {
  try {
    await work();
  } catch (error) {
    return conversation.throw(error);
  }
  return conversation.next();
}

function evaluateSource(evaluation: Evaluation, { path, ...source }: NamedSource): Word {
  const { evaluator, args } = evaluation;
  const root = evaluator.keep(() => delaySource(evaluation, source));
  return autoCall(evaluator, args, select(evaluator, path, args, root));
}
