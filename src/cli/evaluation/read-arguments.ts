import { readFileSync } from 'node:fs';
import {
  type ByteString,
  byteStringFromLatin1,
  byteStringFromText,
  bytesOf,
  systemErrorText,
  unreachable,
} from '../../base/index.ts';
import type { AutoArguments, Evaluator, Word } from '../../eval/index.ts';
import { CliError } from '../error.ts';
import { absolutePath, fsPathOf, quotePath } from '../paths.ts';
import { readStandardInput } from '../read-input.ts';
import type { ArgumentSource, EvaluationArguments } from './evaluation-arguments.ts';

/** Texts beyond it do not fit the evaluator's memory. */
export const largestSource = 1024 ** 3;

/** The values of `--arg` and its like. Throws `input/failed`, and what parsing throws. */
export function readArguments(evaluator: Evaluator, { args, baseFolder }: EvaluationArguments): AutoArguments {
  const folder = baseFolder ?? absolutePath(byteStringFromText('.'));
  return new Map(Array.from(args, ([name, source]) => [name, readArgument(evaluator, source, folder)] as const));
}

function readArgument(evaluator: Evaluator, source: ArgumentSource, folder: ByteString): Word {
  const { core } = evaluator;
  switch (source.kind) {
    case 'text':
      return core.string(source.text);
    case 'file':
      return bytesWord(evaluator, readArgumentFile(source.text));
    case 'input':
      return bytesWord(evaluator, readStandardInput(largestSource));
    case 'expression': {
      const origin = { kind: 'text', name: '«string»' } as const;
      return evaluator.delay(evaluator.parse(bytesOf(source.text), origin, folder));
    }
    default:
      return unreachable(source);
  }
}

function bytesWord({ core }: Evaluator, bytes: Buffer): Word {
  return core.string(byteStringFromLatin1(bytes.toString('latin1')));
}

function readArgumentFile(path: ByteString): Buffer {
  try {
    return readFileSync(fsPathOf(path));
  } catch (cause) {
    const message = `opening file ${quotePath(path)}: ${systemErrorText(cause)}`;
    throw new CliError('input/failed', message, { cause });
  }
}
