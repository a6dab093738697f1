/** The outermost environment and the set `builtins`, as they are put together before the first evaluation. */
import { attrsOfEntries, attrsWord, newEntries, setEntry, setEntryWord, setValueAt, shapeOf } from '../attrs.ts';
import { newEnv, setSlotAt } from '../env.ts';
import { builtinWord } from '../function.ts';
import { indexOf } from '../shape.ts';
import { bytesOf, lengthOf } from '../string.ts';
import { type Symbol, intern, internText, nameOf } from '../symbol.ts';
import type { Word } from '../value.ts';

const limit: u32 = 256;

/** By slot of the environment. */
const names = memory.data(<i32>limit * 4, 4);
const words = memory.data(<i32>limit * 8, 8);
/** By number of the core's builtins. */
const builtinSymbols = memory.data(<i32>limit * 4, 4);
let count: u32 = 1;

/** Declares something under its global name. In `builtins` it has the name without `__`. */
export function declareWord(symbol: Symbol, word: Word): void {
  store<u32>(names + ((<usize>count) << 2), symbol);
  store<u64>(words + ((<usize>count) << 3), word);
  count++;
}

export function declareBuiltin(name: string, id: u32, arity: u32): void {
  store<u32>(builtinSymbols + ((<usize>id) << 2), internText(name));
  declareWord(internText(name), builtinWord(id, arity));
}

export function baseCount(): u32 {
  return count;
}

/** The name in slot `index`; the first is `builtins`. */
export function baseName(index: u32): Symbol {
  return load<u32>(names + ((<usize>index) << 2));
}

/** The environment of all that was declared. */
export function makeBaseEnv(): usize {
  const env = newEnv(0, limit);
  const entries = newEntries(count);
  store<u32>(names, internText('builtins'));
  setEntry(entries, 0, internText('builtins'), 0);
  for (let i: u32 = 1; i < count; i++) {
    const word = load<u64>(words + ((<usize>i) << 3));
    setSlotAt(env, i, word);
    setEntry(entries, i, shortName(baseName(i)), 0);
    setEntryWord(entries, i, word);
  }
  const builtins = attrsOfEntries(entries, count);
  setSlotAt(env, 0, attrsWord(builtins));
  setValueAt(builtins, indexOf(shapeOf(builtins), internText('builtins')), attrsWord(builtins));
  return env;
}

/** Without `__` in front. */
function shortName(symbol: Symbol): Symbol {
  const name = nameOf(symbol);
  const bytes = bytesOf(name);
  const isLong = lengthOf(name) > 2 && load<u16>(bytes) == 0x5f5f;
  return isLong ? intern(bytes + 2, lengthOf(name) - 2) : symbol;
}

export function builtinSymbol(id: u32): Symbol {
  return load<u32>(builtinSymbols + ((<usize>id) << 2));
}
