import type { CoreMemory } from './core-memory.ts';
import { type ValueKind, type Word, addressOf, kindOf, resolved } from './word.ts';

export interface ShownValues {
  readonly values: readonly [string, string];
  readonly types: readonly [string, string];
}

/** In what two values differ that an assertion says are equal; of lists and sets their sizes. */
export function describeDifference(
  memory: CoreMemory,
  words: readonly [Word, Word],
  { values: [x, y], types: [typeX, typeY] }: ShownValues,
): string {
  const [a, b] = [resolved(memory, words[0]), resolved(memory, words[1])];
  const [kindA, kindB] = [kindOf(memory, a), kindOf(memory, b)];
  if (isNumber(kindA) && isNumber(kindB))
    return `${typeX} with value '${x}' is not equal to ${typeY} with value '${y}'`;
  if (kindA !== kindB) return `${typeX} of value '${x}' is not equal to ${typeY} of value '${y}'`;
  switch (kindA) {
    case 'bool':
      return `boolean '${x}' is not equal to boolean '${y}'`;
    case 'string':
      return `string '${x}' is not equal to string '${y}'`;
    case 'path':
      return `path '${x}' is not equal to path '${y}'`;
    case 'list': {
      const sizes = [memory.u32(addressOf(a)), memory.u32(addressOf(b))];
      const sides = `left hand side is '${x}', right hand side is '${y}'`;
      return `list of size '${sizes[0]}' is not equal to list of size '${sizes[1]}', ${sides}`;
    }
    default:
      return 'distinct functions and immediate comparisons of identical functions compare as unequal';
  }
}

function isNumber(kind: ValueKind): boolean {
  return kind === 'int' || kind === 'float';
}
