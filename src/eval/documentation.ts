import { type ByteString, displayBytes } from '../base/index.ts';
import { parseNix } from '../syntax/index.ts';
import { within } from './builtins/arguments.ts';
import { findBuiltinDoc } from './builtin-docs.ts';
import type { Evaluator } from './evaluator.ts';
import { lambdaNameOffset } from './value-printer.ts';
import { type Word, addressOf, kindOf } from './word.ts';

/** Where a LambdaNode has the position of its documentation comment (src/core/ast.ts). */
const lambdaDocumentationOffset = 32;

/**
 * What is known of a value for its users, in Markdown: of a builtin its arguments and what it does, of a function where
 * it is and its comment. Undefined of values that are neither. Sets that can be called count as what they return when
 * they are called with themselves; errors of that are thrown.
 */
export function documentationOf(evaluator: Evaluator, value: Word): string | undefined {
  const { core } = evaluator;
  const { memory } = core;
  const kind = kindOf(memory, value);
  if (kind === 'builtin') return documentBuiltin(evaluator.errors.world.builtinName(memory.u32(addressOf(value) + 4)));
  if (kind === 'lambda') return documentLambda(evaluator, memory.u32(addressOf(value) + 4));
  return kind === 'set' ? documentFunctor(evaluator, value) : undefined;
}

function documentBuiltin(name: string): string | undefined {
  const found = findBuiltinDoc(name);
  if (found === undefined) return undefined;
  const args = found.args.map(arg => `*${arg}*`).join(' ');
  return `**Synopsis:** \`builtins.${name}\` ${args}\n\n${found.text}`;
}

function documentLambda({ core, positions }: Evaluator, node: number): string {
  const symbol = core.memory.u32(node + lambdaNameOffset);
  const place = positions.format(core.memory.u32(node + 4));
  const comment = commentAt({ positions }, core.memory.u32(node + lambdaDocumentationOffset));
  const name = symbol === 0 ? 'Function ' : `Function \`${displayBytes(core.nameOf(symbol))}\`\\\n  … `;
  return stripIndentation(`${name}defined at ${place}${comment === '' ? '' : `\n\n${comment}`}`);
}

function documentFunctor(evaluator: Evaluator, value: Word): string | undefined {
  const { core } = evaluator;
  const functor = core.lookup(addressOf(value), core.internText('__functor'));
  if (functor === undefined) return undefined;
  return evaluator.run(() =>
    within(evaluator, "while partially calling '__functor' to retrieve documentation", () => {
      const called = core.call(functor.word, [value]);
      core.exports.enter(0);
      const found = documentationOf(evaluator, called);
      core.exports.leave();
      return found;
    }),
  );
}

/** Kind of a SelectNode, and where it has its subject (src/core/ast.ts). */
const selectKind = 6;
const subjectOffset = 8;

/**
 * The attribute that a tree selects, if a selection is what it is; undefined also where there is no such attribute.
 * `evaluate` is asked for the value that is selected from.
 */
export function selectedAttribute(
  evaluator: Evaluator,
  tree: number,
  evaluate: (tree: number) => Word,
): { readonly name: ByteString; readonly position: number } | undefined {
  const { core } = evaluator;
  if (core.memory.u32(tree) !== selectKind) return undefined;
  let value = evaluate(core.memory.u32(tree + subjectOffset));
  const path = core.attributePath(tree);
  for (const [index, { symbol }] of path.entries()) {
    if (symbol === 0 || kindOf(core.memory, value) !== 'set') return undefined;
    const found = core.lookup(addressOf(value), symbol);
    if (found === undefined) return undefined;
    if (index === path.length - 1) return { name: core.nameOf(symbol), position: found.position };
    value = evaluator.run(() => core.force(found.word, found.position));
  }
  return undefined;
}

/** The text of the documentation comment before an attribute, which is at `position`; empty where there is none. */
export function attributeComment({ positions }: Pick<Evaluator, 'positions'>, position: number): string {
  const source = positions.textAround(position);
  if (source === undefined) return '';
  const { text, offset } = source;
  const { comments } = parseNix(text);
  const before = comments.filter(({ end }) => end <= offset);
  let from = offset;
  for (const { kind, start, end } of before.toReversed()) {
    // Only comments and blanks may be in between.
    if (!/^\s*$/.test(Buffer.from(text.subarray(end, from)).toString('latin1'))) break;
    if (kind === 'documentation') return innerText(Buffer.from(text.subarray(start, end)).toString());
    from = start;
  }
  return '';
}

function commentAt({ positions }: Pick<Evaluator, 'positions'>, position: number): string {
  const source = positions.textAround(position);
  if (source === undefined) return '';
  const rest = Buffer.from(source.text).subarray(source.offset);
  const end = rest.indexOf('*/');
  return end < 0 ? '' : innerText(rest.subarray(0, end + 2).toString());
}

/** What a documentation comment says, without the indentation that all its lines share. */
function innerText(comment: string): string {
  const inner = comment.replaceAll(/\r\n?/g, '\n').slice('/**'.length, -'*/'.length);
  // The comment's beginning counts as indentation of the first line.
  return inner === '' ? '' : stripIndentation(`   ${inner}`);
}

/** Without the blanks that all lines begin with, and with a line's end at the end of each. */
function stripIndentation(text: string): string {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const widths = lines.filter(line => /[^ ]/.test(line)).map(line => /^ */.exec(line)?.[0].length ?? 0);
  const width = Math.min(...widths);
  return lines.map(line => `${line.slice(width)}\n`).join('');
}
