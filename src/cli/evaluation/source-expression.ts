import { type ByteString, byteStringFromLatin1, bytesOf, displayBytes } from '../../base/index.ts';
import { type Word, importFile, isFetchedPlace, parentOf } from '../../eval/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Flag } from '../args/flag.ts';
import { CliError } from '../error.ts';
import type { Evaluation } from './evaluation.ts';
import { largestSource } from './read-arguments.ts';
import { absolutePath } from '../paths.ts';
import { readStandardInput } from '../read-input.ts';

/** What installables are attribute paths of. */
export interface SourceExpression {
  /** The name of a file (`-` is standard input, `<name>` is looked up on the search path), or an expression itself. */
  readonly kind: 'file' | 'expression';
  readonly text: ByteString;
}

/** `--file` and `--expr`, of which one may be given. */
export class SourceExpressionFlags {
  readonly flags: readonly Flag[];
  #file: ByteString | undefined;
  #expression: ByteString | undefined;

  constructor() {
    this.flags = [
      {
        long: 'file',
        short: 'f',
        labels: ['file'],
        summary: 'Take installables for attribute paths of this file; - is standard input.',
        complete: completePath,
        apply: text => (this.#file = text),
      },
      {
        long: 'expr',
        labels: ['expr'],
        summary: 'Take installables for attribute paths of this expression.',
        apply: text => (this.#expression = text),
      },
    ];
  }

  /** Undefined where neither was given. Throws `usage/useless-flag` where both were. */
  get source(): SourceExpression | undefined {
    if (this.#file === undefined) {
      return this.#expression === undefined ? undefined : { kind: 'expression', text: this.#expression };
    }
    if (this.#expression === undefined) return { kind: 'file', text: this.#file };
    throw new CliError('usage/useless-flag', "'--file' and '--expr' are exclusive");
  }
}

/**
 * The value of a source, evaluated when it is needed. What is typed or read from standard input is parsed now, a file is
 * imported. Throws what these throw.
 */
export function delaySource(evaluation: Evaluation, { kind, text }: SourceExpression): Word {
  const { evaluator } = evaluation;
  if (kind === 'expression') return evaluator.delay(parseText(evaluation, text));
  if (text === '-') return evaluator.delay(parseInput(evaluation));
  const path = locateFile(evaluation, text);
  return evaluator.run(() => importFile(evaluator, path));
}

/**
 * The path of a file that may be given as `<name>`, which is looked up on the search path, or as a URL or `flake:REFERENCE`,
 * which is fetched: to be called in a pass, then.
 */
export function locateFile({ evaluator, context }: Evaluation, file: ByteString): ByteString {
  if (isFetchedPlace(file)) return evaluator.fetchPlace(file);
  const isLookup = file.length > 2 && file.startsWith('<') && file.endsWith('>');
  if (isLookup) return evaluator.findOnSearchPath(byteStringFromLatin1(file.slice(1, -1)));
  return absolutePath(file.startsWith('/') ? file : byteStringFromLatin1(`${context.baseFolder}/${file}`));
}

/** The tree of a file, which may be given as `<name>`. */
export function parseFile(evaluation: Evaluation, file: ByteString): number {
  const { evaluator } = evaluation;
  const path = evaluator.files.resolveExpression(locateFile(evaluation, file));
  return evaluator.parse(evaluator.files.read(path), { kind: 'file', path: displayBytes(path) }, parentOf(path));
}

/** The tree of what standard input says. */
export function parseInput({ evaluator, context }: Evaluation): number {
  return evaluator.parse(readStandardInput(largestSource), { kind: 'text', name: '«stdin»' }, context.baseFolder);
}

/** The tree of an expression that was typed. Relative paths in it start at `folder`, else where those of the command line do. */
export function parseText({ evaluator, context }: Evaluation, text: ByteString, folder?: ByteString): number {
  return evaluator.parse(bytesOf(text), { kind: 'text', name: '«string»' }, folder ?? context.baseFolder);
}
