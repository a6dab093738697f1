/** Positions as values: `{ column, file, line }`. */
import { attrsOfEntries, attrsWord, newEntries, setEntry, setEntryWord } from './attrs.ts';
import { resolvePosition, resolvedColumn, resolvedLine } from './host.ts';
import { columnSymbol, fileSymbol, lineSymbol } from './known-symbols.ts';
import { stringWord } from './string.ts';
import { type Word, intWord, nullWord } from './value.ts';

/** null where the position is nowhere, or in no file. */
export function positionSet(pos: u32): Word {
  const file: usize = pos == 0 ? 0 : resolvePosition(pos);
  if (file == 0) return nullWord;
  const entries = newEntries(3);
  setEntry(entries, 0, fileSymbol, 0);
  setEntryWord(entries, 0, stringWord(file));
  setEntry(entries, 1, lineSymbol, 0);
  setEntryWord(entries, 1, intWord(resolvedLine()));
  setEntry(entries, 2, columnSymbol, 0);
  setEntryWord(entries, 2, intWord(resolvedColumn()));
  return attrsWord(attrsOfEntries(entries, 3));
}
