import {
  type ByteString,
  byteStringFromLatin1,
  byteStringFromText,
  bytesOf,
  displayBytes,
  unreachable,
} from '../../base/index.ts';
import {
  type Package,
  type Word,
  autoCall,
  findPackages,
  printAmbiguous,
  select,
  siblingsAfter,
  toJson,
  toXml,
} from '../../eval/index.ts';
import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { switchFlag } from '../args/flag.ts';
import type { CommandContext, LegacyCommand } from '../command.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { parseFile, parseInput, parseText } from '../evaluation/source-expression.ts';
import { type DerivationOutput, derivationOutputOf, isDerivationOutput } from '../installables/derivation-output.ts';
import { absolutePath } from '../paths.ts';
import { parseOnly } from './parse-only.ts';

type Output = 'plain' | 'raw' | 'xml' | 'json';

/** What the command line asks for. */
interface Request {
  parses: boolean;
  evaluates: boolean;
  /** Whether operands are expressions, not files. */
  isText: boolean;
  readsInput: boolean;
  finds: boolean;
  strict: boolean;
  locations: boolean;
  writes: boolean;
  isDry: boolean;
  output: Output;
  /** Where links to derivations are made that keep them. */
  link: ByteString | undefined;
  readonly attributePaths: ByteString[];
  readonly operands: ByteString[];
}

/** `nix-instantiate` */
export function nixInstantiate(context: CommandContext): LegacyCommand {
  const request: Request = {
    parses: false,
    evaluates: false,
    isText: false,
    readsInput: false,
    finds: false,
    strict: false,
    locations: true,
    writes: false,
    isDry: false,
    output: 'plain',
    link: undefined,
    attributePaths: [],
    operands: [],
  };
  const from = noArguments();
  return {
    summary: 'Makes store derivations of Nix expressions.',
    flags: [
      switchFlag('parse', 'Parse, and print what was understood.', () => (request.parses = true), {
        aliases: ['parse-only'],
      }),
      switchFlag('eval', 'Print values instead of making derivations.', () => (request.evaluates = true), {
        aliases: ['eval-only'],
      }),
      switchFlag('expr', 'Take arguments for expressions instead of files.', () => (request.isText = true), {
        short: 'E',
      }),
      switchFlag('find-file', 'Look arguments up on the search path.', () => (request.finds = true)),
      switchFlag('strict', 'Evaluate all that a value contains.', () => (request.strict = true)),
      switchFlag('json', 'Print values as JSON.', () => (request.output = 'json')),
      switchFlag('xml', 'Print values as XML.', () => (request.output = 'xml')),
      switchFlag('raw', 'Print strings as they are.', () => (request.output = 'raw')),
      switchFlag('no-location', 'Leave positions out of XML.', () => (request.locations = false)),
      switchFlag('read-write-mode', 'Write to the store while evaluating.', () => (request.writes = true)),
      switchFlag('dry-run', 'Write nothing to the store.', () => (request.isDry = true)),
      switchFlag('indirect', 'Has no effect.', () => undefined),
      {
        long: 'add-root',
        labels: ['path'],
        summary: 'Keep derivations by links at the path.',
        apply: path => (request.link = absolutePath(path)),
      },
      {
        long: 'attr',
        short: 'A',
        labels: ['path'],
        summary: 'Select this attribute.',
        apply: (path: ByteString) => request.attributePaths.push(path),
      },
      ...evaluationFlags(from),
    ],
    otherFlag: text => {
      request.readsInput ||= text === '-';
      return text === '-';
    },
    argument: text => request.operands.push(text),
    run: async () => {
      const { operands, readsInput, isText } = request;
      if (!readsInput && operands.length === 0 && !isText) operands.push(byteStringFromLatin1('./default.nix'));
      if (request.parses) return parseOnly(context, request);
      await using evaluation = new Evaluation(context, from, { writes: writesOf(request) });
      await instantiate(context, request, evaluation);
    },
  };
}

/** Whether what the evaluation wants in the store is written. */
function writesOf(request: Request): boolean {
  return request.evaluates ? request.writes : !request.isDry;
}

async function instantiate(context: CommandContext, request: Request, evaluation: Evaluation): Promise<void> {
  const print = (text: ByteString) => context.out.write(bytesOf(text));
  if (request.finds) {
    for (const operand of request.operands) print(asLine(evaluation.evaluator.findOnSearchPath(operand)));
    return;
  }
  const roots = new DerivationRoots(context, request, evaluation);
  const show = async (result: Result) => print(typeof result === 'string' ? result : await roots.keep(result));
  const shown: Result[] = [];
  const work = async (): Promise<readonly Result[]> => {
    try {
      for await (const tree of trees(request, evaluation)) {
        for await (const result of evaluate(request, evaluation, tree)) {
          // What is named is there.
          await evaluation.commit();
          await show(result);
          shown.push(result);
        }
      }
    } catch (error) {
      if (shown.length > 0) evaluation.forget();
      throw error;
    }
    return shown;
  };
  const results = request.readsInput
    ? await work()
    : await evaluation.recall({ question: questionOf(request), isAnswer: areResults, work });
  for (const result of results.slice(shown.length)) await show(result);
}

/** What is to be printed, or the derivation that is to be. */
type Result = ByteString | DerivationOutput;

function questionOf(request: Request): readonly unknown[] {
  const { evaluates, isText, strict, locations, output, attributePaths, operands } = request;
  return ['nix-instantiate', { evaluates, isText, strict, locations, output, attributePaths, operands }];
}

function areResults(value: unknown): value is readonly Result[] {
  return Array.isArray(value) && value.every(each => typeof each === 'string' || isDerivationOutput(each));
}

async function* trees(request: Request, evaluation: Evaluation): AsyncGenerator<number> {
  if (request.readsInput) yield parseInput(evaluation);
  for (const operand of request.operands) {
    if (request.isText) yield parseText(evaluation, operand);
    else yield evaluation.perform(() => parseFile(evaluation, operand));
  }
}

/** What is to be printed for a tree: a value or a derivation at a time. */
async function* evaluate(request: Request, evaluation: Evaluation, tree: number): AsyncGenerator<Result> {
  const { evaluator, args } = evaluation;
  const root = evaluator.delay(tree);
  await evaluation.perform(() => evaluator.force(root));
  const paths = request.attributePaths.length === 0 ? [byteStringFromText('')] : request.attributePaths;
  for (const path of paths) {
    const value = await evaluation.perform(() => select(evaluator, path, args, root));
    if (request.evaluates) {
      yield evaluation.perform(() => {
        return formatValue(request, evaluation, args.size === 0 ? value : autoCall(evaluator, args, value));
      });
    } else yield* derivationsOf(evaluation, value);
  }
}

function formatValue(request: Request, { evaluator }: Evaluation, value: Word): ByteString {
  switch (request.output) {
    case 'raw':
      return evaluator.run(() => evaluator.coerceWithin(value, 'while generating the nix-instantiate output')).text;
    case 'xml': {
      const options = { strict: request.strict, locations: request.locations };
      return evaluator.run(() => toXml(evaluator, value, options)).text;
    }
    case 'json':
      return asLine(evaluator.run(() => toJson(evaluator, value, { strict: request.strict })).text);
    case 'plain':
      if (request.strict) evaluator.forceDeep(value);
      return asLine(printAmbiguous(evaluator, value));
    default:
      return unreachable(request.output);
  }
}

function asLine(text: ByteString): ByteString {
  return byteStringFromLatin1(`${text}\n`);
}

async function* derivationsOf(evaluation: Evaluation, value: Word): AsyncGenerator<DerivationOutput> {
  const { evaluator, args } = evaluation;
  const packages = await evaluation.perform(() => findPackages(evaluator, value, args));
  const outputOf = (found: Package) => derivationOutputOf(evaluator, found);
  for (const [index, found] of packages.entries()) {
    yield evaluation.perform(() =>
      evaluator.followedBy(siblingsAfter(packages, index, outputOf), () => outputOf(found)),
    );
  }
}

/** Prints derivations, or the links that from now on keep them from being collected. */
class DerivationRoots {
  readonly #context: CommandContext;
  readonly #link: ByteString | undefined;
  readonly #evaluation: Evaluation;
  #count = 0;

  constructor(context: CommandContext, { link }: Request, evaluation: Evaluation) {
    this.#context = context;
    this.#link = link;
    this.#evaluation = evaluation;
  }

  /** The line that says what was made. */
  async keep({ path, output }: DerivationOutput): Promise<ByteString> {
    const suffix = output === 'out' ? '' : `!${output}`;
    return byteStringFromLatin1(`${await this.#name(path)}${suffix}\n`);
  }

  async #name(path: StorePath): Promise<ByteString> {
    if (this.#link === undefined) this.#context.modes.warnOfGarbage();
    else {
      const { collector } = await this.#evaluation.evalStore();
      this.#count++;
      const link = this.#count === 1 ? this.#link : byteStringFromLatin1(`${this.#link}-${this.#count}`);
      if (collector !== undefined) {
        await collector.addIndirectRoot(displayBytes(link), path);
        return link;
      }
    }
    return printStorePath(this.#evaluation.evaluator.io.storeDir, path);
  }
}
