import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { type ByteString, byteStringFromLatin1, byteStringFromText, bytesOf, displayBytes } from '../../base/index.ts';
import {
  type Word,
  addressOf,
  evalError,
  indentJson,
  kindOf,
  printEvaluated,
  toJson,
  within,
} from '../../eval/index.ts';
import { switchFlag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import { SourceArguments } from '../installables/source-arguments.ts';
import { absolutePath, fsPathOf } from '../paths.ts';
import { parseText } from '../evaluation/source-expression.ts';
import { jsonFlags } from './json-flags.ts';

interface Request {
  path: ByteString;
  apply: ByteString | undefined;
  writeTo: ByteString | undefined;
  isRaw: boolean;
  isJson: boolean;
  pretty: boolean | undefined;
  readsOnly: boolean;
}

/** `nix eval` */
export function evaluate(context: CommandContext): Command {
  const source = new SourceArguments(context);
  const request: Request = {
    path: byteStringFromText('.'),
    apply: undefined,
    writeTo: undefined,
    isRaw: false,
    isJson: false,
    pretty: undefined,
    readsOnly: false,
  };
  source.namedTexts = () => [request.path];
  return {
    summary: 'Evaluates an expression and prints its value.',
    flags: [
      ...source.flags,
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
      switchFlag('raw', 'Print a string as it is.', () => (request.isRaw = true)),
      switchFlag('json', 'Print the value as JSON.', () => (request.isJson = true)),
      ...jsonFlags(pretty => (request.pretty = pretty)),
      switchFlag('read-only', 'Write nothing to the store.', () => (request.readsOnly = true)),
    ],
    positionals: [
      {
        label: 'installable',
        arity: 1,
        optional: true,
        complete: source.complete,
        apply: given => (request.path = given),
      },
    ],
    run: async () => {
      if (request.isRaw && request.isJson) {
        throw new CliError('usage/useless-flag', '--raw and --json are mutually exclusive');
      }
      const result = await source.evaluateOne(
        request.path,
        (evaluation, value) => render(context, request, { evaluation, value: applied(evaluation, value, request) }),
        { writes: !request.readsOnly, ...memoryOf(context, request) },
      );
      if (result instanceof Tree) result.write();
      else context.out.write(bytesOf(result));
    },
  };
}

/** Results are remembered, files are written each time. */
function memoryOf(context: CommandContext, { path, apply, writeTo, isRaw, isJson, pretty }: Request) {
  if (writeTo !== undefined) return {};
  const question = ['eval', { path, apply, isRaw, isJson, pretty }, context.out.isTerminal];
  return { memory: { question, isAnswer: isByteString } };
}

function isByteString(value: unknown): value is ByteString {
  return typeof value === 'string';
}

function applied(evaluation: Evaluation, value: Word, { apply }: Request): Word {
  if (apply === undefined) return value;
  const { evaluator } = evaluation;
  const result = evaluator.keep(() => {
    const callee = evaluator.delay(parseText(evaluation, apply));
    return evaluator.core.delayCall(callee, value);
  });
  return evaluator.force(result);
}

interface Result {
  readonly evaluation: Evaluation;
  readonly value: Word;
}

/** What is to be printed, or written to files. */
function render(context: CommandContext, request: Request, { evaluation, value }: Result): ByteString | Tree {
  const { evaluator } = evaluation;
  if (request.writeTo !== undefined) {
    const path = absolutePath(request.writeTo);
    if (existsSync(fsPathOf(path))) {
      throw new CliError('output/exists', `path '${displayBytes(request.writeTo)}' already exists`);
    }
    const tree = new Tree();
    evaluator.run(() => collectTree(evaluation, tree, { value, position: 0, path }));
    return tree;
  }
  if (request.isRaw) {
    return evaluator.run(() => evaluator.coerceWithin(value, 'while generating the eval command output')).text;
  }
  if (request.isJson) {
    const json = evaluator.run(() => toJson(evaluator, value, { copies: false }).text);
    const isPretty = request.pretty ?? context.out.isTerminal;
    return byteStringFromLatin1(`${isPretty ? indentJson(json) : json}\n`);
  }
  return byteStringFromText(`${printEvaluated(evaluator, value, {})}\n`);
}

/** Files and folders that are to be made, each folder before what is in it. */
class Tree {
  readonly #entries: { readonly path: ByteString; readonly contents: ByteString | undefined }[] = [];

  /** A folder where there are no contents. */
  add(path: ByteString, contents?: ByteString): void {
    this.#entries.push({ path, contents });
  }

  write(): void {
    for (const { path, contents } of this.#entries) {
      if (contents === undefined) mkdirSync(fsPathOf(path));
      else writeFileSync(fsPathOf(path), bytesOf(contents));
    }
  }
}

interface Branch {
  readonly value: Word;
  readonly position: number;
  readonly path: ByteString;
}

/** Strings are files and sets are folders. */
function collectTree(evaluation: Evaluation, into: Tree, { value, position, path }: Branch): void {
  const { evaluator } = evaluation;
  const { core } = evaluator;
  const forced = core.force(value, position);
  const kind = kindOf(core.memory, forced);
  if (kind === 'string') {
    into.add(path, core.memory.string(addressOf(forced)));
    return;
  }
  if (kind !== 'set') {
    throw evalError`value at '${evaluator.positions.format(position)}' is not a string or an attribute set`;
  }
  into.add(path);
  for (const { symbol, position: at, word } of core.attributes(addressOf(forced))) {
    const name = core.nameOf(symbol);
    const doing = `while evaluating the attribute '${displayBytes(name)}'`;
    const inner = { value: word, position: at, path: byteStringFromLatin1(`${path}/${name}`) };
    within(
      evaluator,
      doing,
      () => {
        if (name === '.' || name === '..') throw evalError`invalid file name '${name}'`;
        collectTree(evaluation, into, inner);
      },
      at,
    );
  }
}
