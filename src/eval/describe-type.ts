import type { CoreMemory } from './core-memory.ts';
import { type Word, addressOf, kindOf, resolved } from './word.ts';

/** What messages call the type of a value, with its article. */
export function describeType(memory: CoreMemory, unresolved: Word, builtinName: (id: number) => string): string {
  const word = resolved(memory, unresolved);
  const kind = kindOf(memory, word);
  switch (kind) {
    case 'string':
      return memory.contextOf(addressOf(word)) === 0 ? 'a string' : 'a string with context';
    case 'builtin':
      return `the built-in function '${builtinName(memory.u32(addressOf(word) + 4))}'`;
    case 'partial':
      return `the partially applied built-in function '${builtinName(memory.u32(memory.u32(addressOf(word) + 4) + 4))}'`;
    default:
      return descriptions[kind];
  }
}

const descriptions = {
  thunk: 'a thunk',
  'black-hole': 'a black hole',
  int: 'an integer',
  float: 'a float',
  bool: 'a Boolean',
  null: 'null',
  path: 'a path',
  list: 'a list',
  set: 'a set',
  lambda: 'a function',
  external: 'an external value',
} as const;
