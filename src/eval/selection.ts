import { type ByteString, brandAs, displayBytes, suggest } from '../base/index.ts';
import { mark } from './error-log.ts';
import { EvalError } from './eval-error.ts';
import type { Evaluator } from './evaluator.ts';
import { lambdaHasFormals } from './value-printer.ts';
import { type Word, addressOf, kindOf, listElements } from './word.ts';

/** Arguments that functions are called with which an expression turns out to be: `--arg`, `--argstr`. */
export type AutoArguments = ReadonlyMap<ByteString, Word>;

/** The parts of a selection path: names between dots, in quotes where they have some. Throws `eval/syntax`. */
export function parseSelectionPath(text: ByteString): ByteString[] {
  const parts: ByteString[] = [];
  let part = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? '';
    if (char === '.') {
      parts.push(brandAs<ByteString>(part));
      part = '';
    } else if (char === '"') {
      const end = text.indexOf('"', i + 1);
      if (end < 0) {
        throw new EvalError('eval/syntax', `missing closing quote in selection path '${mark(displayBytes(text))}'`);
      }
      part += text.slice(i + 1, end);
      i = end;
    } else part += char;
  }
  if (part !== '') parts.push(brandAs<ByteString>(part));
  return parts;
}

/** A value, and the position of the attribute that it is of; 0 for none. */
export interface Selected {
  readonly word: Word;
  readonly position: number;
}

/** What a selection path leads to, evaluated; functions on the way are called. */
export function select(evaluator: Evaluator, path: ByteString, args: AutoArguments, start: Word): Word {
  return selectWithPosition(evaluator, path, args, start).word;
}

/** As `select`, with the place of what is selected. */
export function selectWithPosition(evaluator: Evaluator, path: ByteString, args: AutoArguments, start: Word): Selected {
  let selected: Selected = { word: start, position: 0 };
  for (const part of parseSelectionPath(path)) {
    const value = autoCall(evaluator, args, selected.word);
    selected = /^[0-9]+$/.test(part)
      ? { word: elementAt(evaluator, value, part, path), position: 0 }
      : attributeOf(evaluator, value, part, path);
  }
  return { word: evaluator.force(selected.word, selected.position), position: selected.position };
}

function attributeOf(evaluator: Evaluator, value: Word, name: ByteString, path: ByteString): Selected {
  const { core } = evaluator;
  if (kindOf(core.memory, value) !== 'set') throw wrongType(evaluator, value, path, 'set');
  if (name === '')
    throw new EvalError('eval/error', `empty attribute name in selection path '${mark(displayBytes(path))}'`);
  const attrs = addressOf(value);
  const found = core.lookup(attrs, core.intern(name));
  if (found !== undefined) return found;
  const names = core.attributes(attrs).map(({ symbol }) => displayBytes(core.nameOf(symbol)));
  const message = `attribute '${mark(displayBytes(name))}' in selection path '${mark(displayBytes(path))}' not found`;
  throw new EvalError('eval/error', message, { suggestions: suggest(names, displayBytes(name)) });
}

function elementAt(evaluator: Evaluator, value: Word, index: string, path: ByteString): Word {
  const { memory } = evaluator.core;
  if (kindOf(memory, value) !== 'list') throw wrongType(evaluator, value, path, 'list');
  const element = listElements(memory, addressOf(value))[Number(index)];
  if (element !== undefined) return element;
  const message = `list index ${mark(index)} in selection path '${mark(displayBytes(path))}' is out of range`;
  throw new EvalError('eval/error', message);
}

function wrongType(evaluator: Evaluator, value: Word, path: ByteString, expected: string): EvalError {
  const selected = `the expression selected by the selection path '${mark(displayBytes(path))}'`;
  return new EvalError(
    'eval/type',
    `${selected} should be a ${expected} but is ${mark(evaluator.errors.describe(value))}`,
  );
}

/** Calls a function that takes named arguments with those of `args` that it takes; other values are what they are. */
export function autoCall(evaluator: Evaluator, args: AutoArguments, word: Word): Word {
  const { core } = evaluator;
  const value = evaluator.force(word);
  const kind = kindOf(core.memory, value);
  if (kind === 'set') {
    const functor = core.lookup(addressOf(value), core.internText('__functor'));
    if (functor === undefined) return value;
    return autoCall(
      evaluator,
      args,
      evaluator.keep(() => core.delayCall(functor.word, value)),
    );
  }
  const node = kind === 'lambda' ? core.memory.u32(addressOf(value) + 4) : 0;
  if (node === 0 || !lambdaHasFormals(core.memory, node)) return value;
  const passed = core.lambdaIsOpen(node) ? [...args] : matching(evaluator, args, node);
  const set = core.set(passed);
  return evaluator.force(evaluator.keep(() => core.delayCall(value, set)));
}

/** The arguments that a function names; none for one that takes any value, and for other values. */
export function argumentNames({ core }: Evaluator, value: Word): string[] {
  const node = kindOf(core.memory, value) === 'lambda' ? core.memory.u32(addressOf(value) + 4) : 0;
  if (node === 0 || !lambdaHasFormals(core.memory, node)) return [];
  return core.formalArguments(node).map(({ name }) => displayBytes(name));
}

/** What a function calls its argument, where that is all that it names. */
export function soleArgumentName({ core }: Evaluator, value: Word): string | undefined {
  const node = kindOf(core.memory, value) === 'lambda' ? core.memory.u32(addressOf(value) + 4) : 0;
  if (node === 0 || lambdaHasFormals(core.memory, node)) return undefined;
  return displayBytes(core.nameOf(core.memory.u32(node + lambdaArgumentOffset)));
}

/** In a LambdaNode (src/core/ast.ts). */
const lambdaArgumentOffset = 8;

/** Whether a function has an argument of that name. */
export function takesArgument(evaluator: Evaluator, word: Word, name: ByteString): boolean {
  const { core } = evaluator;
  const value = evaluator.force(word);
  const node = kindOf(core.memory, value) === 'lambda' ? core.memory.u32(addressOf(value) + 4) : 0;
  if (node === 0 || !lambdaHasFormals(core.memory, node)) return false;
  return core.formalArguments(node).some(formal => formal.name === name);
}

function matching(evaluator: Evaluator, args: AutoArguments, node: number): (readonly [ByteString, Word])[] {
  const passed: (readonly [ByteString, Word])[] = [];
  for (const { name, position, hasDefault } of evaluator.core.formalArguments(node)) {
    const word = args.get(name);
    if (word !== undefined) passed.push([name, word]);
    else if (!hasDefault) {
      throw new EvalError(
        'eval/missing-argument',
        `cannot evaluate a function that has an argument without a value ('${mark(displayBytes(name))}')\n` +
          'Nix attempted to evaluate a function as a top level expression; in\n' +
          'this case it must have its arguments supplied either by default\n' +
          "values, or passed explicitly with '--arg' or '--argstr'. See\n" +
          'https://nix.dev/manual/nix/stable/language/syntax.html#functions.',
        { position: evaluator.positions.resolve(position) },
      );
    }
  }
  return passed;
}
