import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { type ByteString, byteStringFromLatin1, byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import {
  type Word,
  addressOf,
  evalError,
  formatJsonText,
  importFile,
  kindOf,
  printEvaluated,
  select,
  toJsonValue,
  within,
} from '../../eval/index.ts';
import type { Flag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { type EvaluationArguments, evaluationFlags } from '../evaluation/evaluation-arguments.ts';
import { absolutePath, fsPathOf } from '../paths.ts';
import { readStandardInput } from '../read-input.ts';
import { debuggerFlag } from '../repl/debugger-flag.ts';
import { jsonFlags } from './json-flags.ts';

/** Texts beyond it do not fit the evaluator's memory. */
const largestSource = 1024 ** 3;

interface Request {
  source: { readonly kind: 'file' | 'expression'; readonly text: ByteString } | undefined;
  path: ByteString | undefined;
  apply: ByteString | undefined;
  writeTo: ByteString | undefined;
  isRaw: boolean;
  isJson: boolean;
  pretty: boolean | undefined;
  readsOnly: boolean;
}

/** `nix eval` */
export function evaluate(context: CommandContext): Command {
  const from: EvaluationArguments = { searchPath: [], args: new Map() };
  const request: Request = {
    source: undefined,
    path: undefined,
    apply: undefined,
    writeTo: undefined,
    isRaw: false,
    isJson: false,
    pretty: undefined,
    readsOnly: false,
  };
  return {
    summary: 'Evaluates an expression and prints its value.',
    flags: [
      ...evaluationFlags(from),
      debuggerFlag(context, from),
      {
        long: 'file',
        short: 'f',
        labels: ['file'],
        summary: 'Take the installable for an attribute path of this file; - is standard input.',
        apply: text => (request.source = { kind: 'file', text }),
      },
      {
        long: 'expr',
        labels: ['expr'],
        summary: 'Take the installable for an attribute path of this expression.',
        apply: text => (request.source = { kind: 'expression', text }),
      },
      {
        long: 'apply',
        labels: ['expr'],
        summary: 'Call this function with the value.',
        apply: text => (request.apply = text),
      },
      {
        long: 'write-to',
        labels: ['path'],
        summary: 'Write a string to a file, or a set of strings to a folder.',
        apply: path => (request.writeTo = path),
      },
      flag('raw', 'Print a string as it is.', () => (request.isRaw = true)),
      flag('json', 'Print the value as JSON.', () => (request.isJson = true)),
      ...jsonFlags(pretty => (request.pretty = pretty)),
      flag('read-only', 'Write nothing to the store.', () => (request.readsOnly = true)),
    ],
    positionals: [{ label: 'installable', arity: 1, optional: true, apply: given => (request.path = given) }],
    run: async () => {
      if (request.isRaw && request.isJson) {
        throw new CliError('usage/useless-flag', '--raw and --json are mutually exclusive');
      }
      // Files were never pure.
      if (request.source?.kind === 'file') from.isImpure = true;
      await using evaluation = new Evaluation(context, from, { writes: !request.readsOnly });
      const value = await valueOf(evaluation, request);
      await print(context, request, { evaluation, value });
      await evaluation.commit();
    },
  };
}

function flag(long: string, summary: string, apply: () => void): Flag {
  return { long, labels: [], summary, apply };
}

async function valueOf(evaluation: Evaluation, { source, path, apply }: Request): Promise<Word> {
  const { evaluator, args } = evaluation;
  if (source === undefined) {
    const asked = path === undefined ? 'the flake of this folder' : `'${displayBytes(path)}'`;
    throw new CliError(
      'installable/needs-evaluation',
      `cannot evaluate ${asked}: use --file or --expr, flakes come later`,
    );
  }
  const root = source.kind === 'file' ? fileWord(evaluation, source.text) : textWord(evaluation, source.text);
  const wanted = path === undefined || path === '.' ? byteStringFromText('') : path;
  const value = await evaluation.perform(() => select(evaluator, wanted, args, evaluator.force(root)));
  if (apply === undefined) return value;
  const callee = textWord(evaluation, apply);
  const result = evaluator.core.delayCall(callee, value);
  return evaluation.perform(() => evaluator.force(result));
}

/** Names of files may be given as `<name>`, which is looked up on the search path. */
function fileWord({ evaluator }: Evaluation, file: ByteString): Word {
  if (file === '-') {
    const text = readStandardInput(largestSource);
    return evaluator.delay(evaluator.parse(text, { kind: 'text', name: '«stdin»' }, workingFolder()));
  }
  const isLookup = /^<.+>$/s.test(file);
  const path = isLookup ? evaluator.findOnSearchPath(byteStringFromLatin1(file.slice(1, -1))) : absolutePath(file);
  return evaluator.run(() => importFile(evaluator, path));
}

function textWord({ evaluator }: Evaluation, text: ByteString): Word {
  return evaluator.delay(evaluator.parse(bytesOf(text), { kind: 'text', name: '«string»' }, workingFolder()));
}

function workingFolder(): ByteString {
  return absolutePath(byteStringFromLatin1('.'));
}

interface Result {
  readonly evaluation: Evaluation;
  readonly value: Word;
}

async function print(context: CommandContext, request: Request, { evaluation, value }: Result): Promise<void> {
  const { evaluator } = evaluation;
  const write = (text: ByteString) => context.out.write(bytesOf(text));
  if (request.writeTo !== undefined) {
    const path = absolutePath(request.writeTo);
    if (existsSync(fsPathOf(path))) {
      throw new CliError('output/exists', `path '${displayBytes(request.writeTo)}' already exists`);
    }
    await evaluation.perform(() => writeTree(evaluation, { value, position: 0, path }));
  } else if (request.isRaw) {
    const doing = 'while generating the eval command output';
    write((await evaluation.perform(() => evaluator.coerceWithin(value, doing))).text);
  } else if (request.isJson) {
    const json = await evaluation.perform(() => toJsonValue(evaluator, value, { copies: false }).value);
    const isPretty = request.pretty ?? context.out.isTerminal;
    write(byteStringFromLatin1(`${formatJsonText(json, isPretty ? 2 : undefined)}\n`));
  } else {
    const text = await evaluation.perform(() => printEvaluated(evaluator, value, {}));
    write(byteStringFromText(`${text}\n`));
  }
}

interface Tree {
  readonly value: Word;
  readonly position: number;
  readonly path: ByteString;
}

/** Writes strings to files and sets to folders. */
function writeTree(evaluation: Evaluation, { value, position, path }: Tree): void {
  const { evaluator } = evaluation;
  const { core } = evaluator;
  const forced = core.force(value, position);
  const kind = kindOf(core.memory, forced);
  if (kind === 'string') {
    writeFileSync(fsPathOf(path), bytesOf(core.memory.string(addressOf(forced))));
    return;
  }
  if (kind !== 'set') {
    throw evalError`value at '${evaluator.positions.format(position)}' is not a string or an attribute set`;
  }
  mkdirSync(fsPathOf(path));
  for (const { symbol, position: at, word } of core.attributes(addressOf(forced))) {
    const name = core.nameOf(symbol);
    const doing = `while evaluating the attribute '${displayBytes(name)}'`;
    within(
      evaluator,
      doing,
      () => {
        if (name === '.' || name === '..') throw evalError`invalid file name '${name}'`;
        writeTree(evaluation, { value: word, position: at, path: byteStringFromLatin1(`${path}/${name}`) });
      },
      at,
    );
  }
}
