import { type ByteString, byteStringFromLatin1, byteStringFromText, displayBytes } from '../../base/index.ts';
import { type Word, autoCall, callFlake, evalError, isLockedInput, select } from '../../eval/index.ts';
import { answerAll, defaultLockFlags, findFlake } from '../../engine/index.ts';
import type { Flag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { type EvaluationArguments, evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { type SourceExpression, SourceExpressionFlags, delaySource } from '../evaluation/source-expression.ts';
import { completeFlake, completeInputsOf } from '../flakes/complete-flake.ts';
import { FlakeArguments } from '../installables/flake-arguments.ts';
import {
  type FlakeInstallable,
  findAttributes,
  packageAttributes,
  parseFlakeInstallable,
} from '../installables/flake-installable.ts';
import { FlakeRoots, outputsOf } from '../installables/flake-roots.ts';
import { parseInstallable } from '../installables/installable.ts';
import { type Work, converse } from '../repl/converse.ts';
import { debuggerFlag } from '../repl/debugger-flag.ts';
import { greet } from '../repl/greet.ts';
import type { Lines } from '../repl/lines.ts';
import { openLines, prepareLines } from '../repl/open-lines.ts';
import { type Departure, Repl, type ReplFlakes, type ReplSource } from '../repl/repl.ts';

/** `nix repl` */
export function repl(context: CommandContext): Command {
  const from = noArguments();
  const lines = openLines(context);
  const expression = new SourceExpressionFlags();
  let paths: readonly ByteString[] = [];
  const flakes = new FlakeArguments(context, {
    flake: completeFlake(context),
    input: completeInputsOf(context, () => paths),
  });
  context.settings.presume('pure-eval', 'false');
  const flags: Flag[] = [
    ...evaluationFlags(from),
    ...expression.flags,
    debuggerFlag(context, from, lines),
    ...flakes.flags,
  ];
  return {
    summary: 'Evaluates expressions that are typed.',
    isStable: true,
    flags,
    positionals: [{ label: 'installables', arity: 'any', apply: (...given) => (paths = given) }],
    run: async () => {
      prepareLines(context);
      const { source } = expression;
      await start(context, {
        from,
        sources: sourcesOf(source, paths),
        lines,
        flakes,
        texts: source === undefined ? paths : [],
      });
    },
  };
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
  readonly flakes: FlakeArguments;
  /** Attributes of flakes. */
  readonly texts: readonly ByteString[];
}

async function start(context: CommandContext, { from, sources, lines, flakes, texts }: Start): Promise<void> {
  await using evaluation = new Evaluation(context, from);
  const { evaluator, args } = evaluation;
  const named = new NamedFlakes(evaluation, flakes, await parseFlakes(evaluation, texts));
  const session = new Repl({
    context,
    evaluator,
    args,
    sources: [
      ...sources.map(source => ({ name: source.path, evaluate: () => evaluateSource(evaluation, source) })),
      ...named.sources,
    ],
    flakes: named,
  });
  await named.lock();
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

/** Throws `usage/not-a-value` for store paths. */
async function parseFlakes(evaluation: Evaluation, texts: readonly ByteString[]): Promise<FlakeInstallable[]> {
  const { context, args } = evaluation;
  if (texts.length === 0) return [];
  if (args.size > 0) throw new CliError('usage/useless-flag', "'--arg' and '--argstr' are incompatible with flakes");
  const store = await evaluation.store();
  const { prefixes } = packageAttributes(context.settings.get('system'));
  return texts.map(text => {
    const known = parseInstallable(store, text, context);
    if (known === undefined) return parseFlakeInstallable(text, { defaults: [''], prefixes }, context);
    throw new CliError('usage/not-a-value', `installable '${known.what}' does not correspond to a Nix language value`);
  });
}

/** The flakes that a command line has a prompt load, and those that are asked for later. */
class NamedFlakes implements ReplFlakes {
  readonly sources: readonly ReplSource[];
  readonly #evaluation: Evaluation;
  readonly #roots: FlakeRoots;
  readonly #installables: readonly FlakeInstallable[];
  #words: readonly Word[] = [];

  constructor(evaluation: Evaluation, flags: FlakeArguments, installables: readonly FlakeInstallable[]) {
    this.#evaluation = evaluation;
    this.#roots = new FlakeRoots(evaluation, flags);
    this.#installables = installables;
    this.sources = installables.map((installable, index) => ({
      name: installable.what,
      evaluate: () => this.#evaluate(installable, index),
    }));
  }

  async lock(): Promise<void> {
    const words: Word[] = [];
    for (const { reference } of this.#installables) words.push((await this.#roots.of(reference)).root);
    this.#words = words;
  }

  #evaluate(installable: FlakeInstallable, index: number): Word {
    const { evaluator } = this.#evaluation;
    const root = this.#words[index];
    const [found] = root === undefined ? [] : findAttributes(evaluator, outputsOf(evaluator, root), installable);
    if (found === undefined) throw new TypeError('a flake is evaluated before it is locked');
    return evaluator.force(found.value);
  }

  refresh(): Promise<void> {
    this.#roots.forget();
    return this.lock();
  }

  async load(text: string): Promise<Word> {
    const { flakes, evaluator, context } = this.#evaluation;
    const baseFolder = displayBytes(context.baseFolder);
    const reference = findFlake(text, { baseFolder, reporter: context.log, allowsMissing: true });
    const isPure = evaluator.access?.purity === 'pure';
    if (isPure && !isLockedInput(reference.input)) {
      throw evalError`cannot use ':load-flake' on unlocked flake reference '${text}' (use --impure to override)`;
    }
    const flags = { ...defaultLockFlags, updates: false, usesRegistries: !isPure, allowsUnlocked: !isPure };
    return callFlake(evaluator, flakes.toCall(await flakes.lock(reference, flags)));
  }

  perform<T>(work: () => T): Promise<T> {
    return this.#evaluation.perform(work);
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
