import { statSync } from 'node:fs';
import { type ByteString, byteStringFromLatin1, byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import { autoCall, importFile, select, type Word } from '../../eval/index.ts';
import { answerAll } from '../../engine/index.ts';
import type { Flag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { type EvaluationArguments, evaluationFlags } from '../evaluation/evaluation-arguments.ts';
import { absolutePath, fsPathOf, quotePath } from '../paths.ts';
import { type Work, converse } from '../repl/converse.ts';
import { debuggerFlag } from '../repl/debugger-flag.ts';
import { greet } from '../repl/greet.ts';
import type { Lines } from '../repl/lines.ts';
import { openLines } from '../repl/open-lines.ts';
import { type Departure, Repl } from '../repl/repl.ts';

/** What to load besides: a file's value, or an expression's. */
interface Source {
  readonly kind: 'file' | 'expression';
  readonly text: ByteString;
}

/** `nix repl` */
export function repl(context: CommandContext): Command {
  const from: EvaluationArguments = { searchPath: [], args: new Map() };
  const lines = openLines(context);
  let source: Source | undefined;
  let paths: readonly ByteString[] = [];
  context.settings.presume('pure-eval', 'false');
  const take = (kind: Source['kind']) => (text: ByteString) => {
    source = { kind, text };
  };
  const flags: Flag[] = [
    ...evaluationFlags(from),
    {
      long: 'file',
      short: 'f',
      labels: ['file'],
      summary: "Load the attributes of a file's value.",
      apply: take('file'),
    },
    {
      long: 'expr',
      labels: ['expr'],
      summary: "Load the attributes of an expression's value.",
      apply: take('expression'),
    },
    debuggerFlag(context, from, lines),
  ];
  return {
    summary: 'Evaluates expressions that are typed.',
    isStable: true,
    flags,
    positionals: [{ label: 'installables', arity: 'any', apply: (...given) => (paths = given) }],
    run: async () => {
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

interface NamedSource extends Source {
  readonly path: ByteString;
}

function sourcesOf(source: Source | undefined, paths: readonly ByteString[]): NamedSource[] {
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

function evaluateSource({ evaluator, args }: Evaluation, { kind, text, path }: NamedSource): Word {
  const root = kind === 'file' ? evaluateFile(evaluator, text) : evaluateText(evaluator, text);
  return autoCall(evaluator, args, select(evaluator, path, args, root));
}

/** Names of files may be given as `<name>`, which is looked up on the search path. */
function evaluateFile(evaluator: Evaluation['evaluator'], file: ByteString): Word {
  const isLookup = /^<.+>$/.test(file);
  const path = isLookup ? evaluator.findOnSearchPath(byteStringFromLatin1(file.slice(1, -1))) : absolutePath(file);
  return evaluator.run(() => importFile(evaluator, path));
}

function evaluateText(evaluator: Evaluation['evaluator'], text: ByteString): Word {
  const folder = absolutePath(byteStringFromLatin1('.'));
  return evaluator.keep(() =>
    evaluator.delay(evaluator.parse(bytesOf(text), { kind: 'text', name: '«string»' }, folder)),
  );
}
