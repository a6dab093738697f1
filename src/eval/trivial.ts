import type { Evaluator } from './evaluator.ts';
import { type Word, kindOf, resolved, wordAt } from './word.ts';

/** Kinds of nodes (NodeKind of src/core/ast.ts) that are values as they are written. */
const attrsNode = 8;
const listNode = 9;
const lambdaNode = 10;

/** Offset of the number of names that are computed, in an AttrsNode. */
const dynamicCountOffset = 20;

/** Whether a tree is that of a set: `{ … }` or `rec { … }`. */
export function isSetTree({ core }: Evaluator, tree: number): boolean {
  return core.memory.u32(tree) === attrsNode;
}

/**
 * The value of a word that says it as it is written: a constant, a function, a list, or a set whose names are. Of others
 * nothing is evaluated; they stay thunks.
 */
export function forceTrivial(evaluator: Evaluator, word: Word): Word {
  const { memory } = evaluator.core;
  if (kindOf(memory, word) !== 'thunk') return resolved(memory, word);
  const node = wordAt(memory, word.low).low;
  const kind = memory.u32(node);
  const isSet = kind === attrsNode && memory.u32(node + dynamicCountOffset) === 0;
  return isSet || kind === listNode || kind === lambdaNode ? evaluator.force(word) : word;
}
