import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { type ByteString, byteStringFromLatin1, byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import { addWantedObjects } from '../../engine/index.ts';
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
import { type Evaluation, type EvaluationArguments, evaluationFlags, startEvaluation } from '../evaluation.ts';
import { openCommandStore } from '../open-store.ts';
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
      const evaluation = startEvaluation(context, from, { writes: !request.readsOnly });
      print(context, request, { evaluation, value: valueOf(evaluation, request) });
      if (request.readsOnly || evaluation.wanted.length === 0) return;
      await using store = await openCommandStore(context);
      await addWantedObjects(store, evaluation.wanted, context.signal);
    },
  };
}

function flag(long: string, summary: string, apply: () => void): Flag {
  return { long, labels: [], summary, apply };
}

function valueOf(evaluation: Evaluation, { source, path, apply }: Request): Word {
  const { evaluator, args } = evaluation;
  if (source === undefined) {
    const asked = path === undefined ? 'the flake of this folder' : `'${displayBytes(path)}'`;
    throw new CliError(
      'installable/needs-evaluation',
      `cannot evaluate ${asked}: use --file or --expr, flakes come later`,
    );
  }
  const root = source.kind === 'file' ? fileValue(evaluation, source.text) : textValue(evaluation, source.text);
  const wanted = path === undefined || path === '.' ? byteStringFromText('') : path;
  const value = select(evaluator, wanted, args, root);
  if (apply === undefined) return value;
  const callee = textValue(evaluation, apply);
  return evaluator.run(() => evaluator.core.call(callee, [value]));
}

/** Names of files may be given as `<name>`, which is looked up on the search path. */
function fileValue(evaluation: Evaluation, file: ByteString): Word {
  const { evaluator } = evaluation;
  if (file === '-') {
    const text = readStandardInput(largestSource);
    return evaluator.evaluate(evaluator.parse(text, { kind: 'text', name: '«stdin»' }, workingFolder()));
  }
  const isLookup = /^<.+>$/s.test(file);
  const path = isLookup ? evaluator.findOnSearchPath(byteStringFromLatin1(file.slice(1, -1))) : absolutePath(file);
  return evaluator.force(evaluator.run(() => importFile(evaluator, path)));
}

function textValue({ evaluator }: Evaluation, text: ByteString): Word {
  return evaluator.evaluate(evaluator.parse(bytesOf(text), { kind: 'text', name: '«string»' }, workingFolder()));
}

function workingFolder(): ByteString {
  return absolutePath(byteStringFromLatin1('.'));
}

interface Result {
  readonly evaluation: Evaluation;
  readonly value: Word;
}

function print(context: CommandContext, request: Request, { evaluation, value }: Result): void {
  const { evaluator } = evaluation;
  const write = (text: ByteString) => context.out.write(bytesOf(text));
  if (request.writeTo !== undefined) {
    const path = absolutePath(request.writeTo);
    if (existsSync(fsPathOf(path))) {
      throw new CliError('output/exists', `path '${displayBytes(request.writeTo)}' already exists`);
    }
    evaluator.run(() => writeTree(evaluation, { value, position: 0, path }));
  } else if (request.isRaw) {
    write(evaluator.run(() => evaluator.coerceWithin(value, 'while generating the eval command output')).text);
  } else if (request.isJson) {
    const json = evaluator.run(() => toJsonValue(evaluator, value, { copies: false }).value);
    const isPretty = request.pretty ?? context.out.isTerminal;
    write(byteStringFromLatin1(`${formatJsonText(json, isPretty ? 2 : undefined)}\n`));
  } else write(byteStringFromText(`${printEvaluated(evaluator, value, {})}\n`));
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
