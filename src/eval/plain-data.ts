import { type ByteString, brandAs, unreachable } from '../base/index.ts';
import { formatShortFloat } from '../syntax/index.ts';
import { EvalError } from './eval-error.ts';
import type { Evaluator } from './evaluator.ts';
import { quoteBytes, quoteNameBytes } from './value-printer.ts';
import { type Word, addressOf, floatOf, intOf, kindOf, listElements } from './word.ts';

/** A value that is made of numbers, strings and truths alone, so that it can be written down and read again. */
export type PlainData =
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: ByteString }
  | { readonly kind: 'list'; readonly items: readonly PlainData[] }
  /** In byte order of the names. */
  | { readonly kind: 'set'; readonly members: ReadonlyMap<ByteString, PlainData> };

export const plainString = (value: ByteString): PlainData => ({ kind: 'string', value });

export const plainList = (items: readonly PlainData[]): PlainData => ({ kind: 'list', items });

export function plainSet(entries: Iterable<readonly [ByteString, PlainData]>): PlainData {
  return { kind: 'set', members: new Map([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1))) };
}

/**
 * A value with all that it contains; undefined where some of it is null, a path, a function, or a set with an `outPath`.
 * To be called within `Evaluator.run`.
 */
export function plainDataOf(evaluator: Evaluator, word: Word): PlainData | undefined {
  return readPlainData(evaluator, word, 0);
}

function readPlainData(evaluator: Evaluator, word: Word, depth: number): PlainData | undefined {
  const { core } = evaluator;
  const { memory } = core;
  const value = core.force(word);
  const kind = kindOf(memory, value);
  if (depth > evaluator.maxCallDepth) {
    const position = evaluator.positions.resolve(kind === 'set' ? core.positionOfSet(addressOf(value)) : 0);
    throw new EvalError('eval/stack-overflow', 'stack overflow; max-call-depth exceeded', { position });
  }
  switch (kind) {
    case 'int':
      return { kind, value: intOf(memory, value) };
    case 'float':
      return { kind, value: floatOf(memory, value) };
    case 'bool':
      return { kind, value: value.low !== 15 };
    case 'string':
      return { kind, value: memory.string(addressOf(value)) };
    case 'list': {
      const items: PlainData[] = [];
      for (const element of listElements(memory, addressOf(value))) {
        const item = readPlainData(evaluator, element, depth + 1);
        if (item === undefined) return undefined;
        items.push(item);
      }
      return { kind, items };
    }
    case 'set': {
      const attrs = addressOf(value);
      if (core.lookup(attrs, evaluator.symbols.outPath) !== undefined) return undefined;
      const members = new Map<ByteString, PlainData>();
      for (const { symbol, word: inner } of core.sortedAttributes(attrs)) {
        const member = readPlainData(evaluator, inner, depth + 1);
        if (member === undefined) return undefined;
        members.set(core.nameOf(symbol), member);
      }
      return { kind, members };
    }
    default:
      return undefined;
  }
}

/** The expression that evaluates to it, as `nix-instantiate --eval` prints values. */
export function formatPlainData(data: PlainData): ByteString {
  return brandAs<ByteString>(format(data));
}

function format(data: PlainData): string {
  switch (data.kind) {
    case 'int':
    case 'bool':
      return String(data.value);
    case 'float':
      return formatShortFloat(data.value);
    case 'string':
      return quoteBytes(data.value);
    case 'list':
      return `[ ${data.items.map(item => `${format(item)} `).join('')}]`;
    case 'set': {
      const members = Array.from(data.members, ([name, member]) => `${quoteNameBytes(name)} = ${format(member)}; `);
      return `{ ${members.join('')}}`;
    }
    default:
      return unreachable(data);
  }
}
