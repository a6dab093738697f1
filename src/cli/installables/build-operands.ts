import { type ByteString, brandAs, byteStringFromLatin1, byteStringFromText, displayBytes } from '../../base/index.ts';
import { type AutoArguments, type Word, findPackages, select } from '../../eval/index.ts';
import {
  NixCompatError,
  type OutputName,
  type StorePath,
  isDerivationPath,
  parseStorePathIn,
  printStorePath,
} from '../../nix-compat/index.ts';
import { type Store, readDerivation } from '../../store/index.ts';
import type { Flag } from '../args/flag.ts';
import { CliError } from '../error.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import { parseFile, parseInput, parseText } from '../evaluation/source-expression.ts';
import { type DerivationOutput, derivationOutputOf, isDerivationOutput } from './derivation-output.ts';
import { followLinksToStorePath } from './follow-links.ts';

export interface EvaluateOperandsOptions {
  /** What a function is called with; those of the command line unless given. */
  readonly argumentsFor?: (value: Word) => AutoArguments;
  /** The tree of the file that an operand means. */
  readonly parseFile?: (file: ByteString) => number;
  /** The tree of an operand that is an expression. */
  readonly parseText?: (text: ByteString) => number;
}

/** What `nix-build` and `nix-shell` are asked for: derivations, files, expressions, and attribute paths of these. */
export class BuildOperands {
  readonly flags: readonly Flag[];
  readonly attributePaths: ByteString[] = [];
  operands: ByteString[] = [];
  /** Whether operands are expressions, not files. */
  areTexts = false;
  readsInput = false;

  constructor() {
    this.flags = [
      {
        long: 'attr',
        short: 'A',
        labels: ['path'],
        summary: 'Select this attribute.',
        apply: path => this.attributePaths.push(path),
      },
      {
        long: 'expr',
        short: 'E',
        labels: [],
        summary: 'Take arguments for expressions instead of files.',
        apply: () => (this.areTexts = true),
      },
    ];
  }

  /** Takes the lone dash, which is standard input, for a flag. */
  readonly otherFlag = (text: ByteString): boolean => {
    this.readsInput ||= text === '-';
    return text === '-';
  };

  /**
   * The outputs that are meant: first of derivations that are named themselves, then of those that expressions evaluate
   * to. Everything is there then. Throws what parsing and evaluating throw, `installable/…`.
   */
  async evaluate(evaluation: Evaluation, options: EvaluateOperandsOptions = {}): Promise<DerivationOutput[]> {
    const found: DerivationOutput[] = [];
    const sources: ByteString[] = [];
    for (const operand of this.readsInput ? [] : this.operands) {
      const named = this.areTexts ? undefined : await findNamedDerivation(await evaluation.evalStore(), operand);
      if (named === undefined) sources.push(operand);
      else found.push(named);
    }
    const work = () => this.#evaluateSources(evaluation, sources, options);
    const isPlain = !this.readsInput && Object.keys(options).length === 0;
    const question = ['outputs', this.areTexts, sources, this.attributePaths];
    const evaluated = isPlain ? await evaluation.recall({ question, isAnswer: areOutputs, work }) : await work();
    return [...found, ...evaluated];
  }

  async #evaluateSources(
    evaluation: Evaluation,
    sources: readonly ByteString[],
    options: EvaluateOperandsOptions,
  ): Promise<readonly DerivationOutput[]> {
    const text = options.parseText ?? (operand => parseText(evaluation, operand));
    const file = options.parseFile ?? (operand => parseFile(evaluation, operand));
    const trees = this.readsInput ? [parseInput(evaluation)] : [];
    for (const source of sources) {
      trees.push(this.areTexts ? text(source) : await evaluation.perform(() => file(source)));
    }
    const found: DerivationOutput[] = [];
    for (const tree of trees) found.push(...(await this.#evaluateTree(evaluation, tree, options)));
    await evaluation.commit();
    return found;
  }

  async #evaluateTree(
    evaluation: Evaluation,
    tree: number,
    { argumentsFor = () => evaluation.args }: EvaluateOperandsOptions,
  ): Promise<DerivationOutput[]> {
    const { evaluator } = evaluation;
    const root = evaluator.delay(tree);
    await evaluation.perform(() => evaluator.force(root));
    const paths = this.attributePaths.length === 0 ? [byteStringFromText('')] : this.attributePaths;
    const found: DerivationOutput[] = [];
    for (const path of paths) {
      const packages = await evaluation.perform(() => {
        const value = select(evaluator, path, argumentsFor(root), root);
        return findPackages(evaluator, value, argumentsFor(value));
      });
      found.push(
        ...(await evaluation.perform(() => evaluator.mapEach(packages, each => derivationOutputOf(evaluator, each)))),
      );
    }
    return found;
  }
}

function areOutputs(value: unknown): value is readonly DerivationOutput[] {
  return Array.isArray(value) && value.every(isDerivationOutput);
}

/** The derivation that `operand` is the path of or leads to (`result.drv`, `….drv!dev`), if so. */
async function findNamedDerivation(evalStore: Store, operand: ByteString): Promise<DerivationOutput | undefined> {
  const mark = operand.indexOf('!');
  const path = derivationAt(evalStore, mark < 0 ? operand : byteStringFromLatin1(operand.slice(0, mark)));
  if (path === undefined) return undefined;
  const names = mark < 0 ? [] : [...new Set(operand.slice(mark + 1).split(','))].filter(name => name !== '');
  if (names.length > 1) {
    const message = `building more than one derivation output is not supported, in '${displayBytes(operand)}'`;
    throw new CliError('installable/bad-outputs', message);
  }
  const { outputs, env } = await readDerivation(evalStore, path);
  const output = brandAs<OutputName>(names[0] ?? env.get(byteStringFromText('outputName')) ?? 'out');
  if (outputs.has(output)) return { path, output };
  const printed = displayBytes(printStorePath(evalStore.storeDir, path));
  const message = `derivation '${printed}' does not have output '${displayBytes(output)}'`;
  throw new CliError('installable/no-such-output', message);
}

function derivationAt(store: Store, text: ByteString): StorePath | undefined {
  try {
    const path = text.startsWith(`${store.storeDir}/`)
      ? parseStorePathIn(store.storeDir, text)
      : followLinksToStorePath(store, text);
    return isDerivationPath(path) ? path : undefined;
  } catch (error) {
    if (error instanceof NixCompatError || (error instanceof CliError && error.code === 'input/symlink-cycle')) {
      return undefined;
    }
    throw error;
  }
}
