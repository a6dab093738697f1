/** `builtins.genericClosure` */
import { callFunction1 } from '../call.ts';
import { forceAttrs, forceFunction, forceList } from '../coerce.ts';
import { pushText } from '../error.ts';
import { force } from '../force.ts';
import { appendWord, appendWords, growingAt, listOfGrowing, newGrowingList } from '../growing-list.ts';
import { keySymbol, operatorSymbol, startSetSymbol } from '../known-symbols.ts';
import { pop } from '../log.ts';
import { type Word, listCount, listHeader } from '../value.ts';
import { first } from './arguments.ts';
import { addKey, newKeySet } from './key-set.ts';
import { listWord } from './lists.ts';
import { requireAttr } from './sets.ts';

export function genericClosure(args: usize): Word {
  const attrs = forceAttrs(first(args), 0, 'while evaluating the first argument passed to builtins.genericClosure');
  const where = 'in the attrset passed as argument to builtins.genericClosure';
  const startText = "while evaluating the 'startSet' attribute passed as argument to builtins.genericClosure";
  const start = forceList(requireAttr(attrs, startSetSymbol, where), 0, startText);
  if (listCount(start) == 0) return listWord(start);
  const operatorText = "while evaluating the 'operator' attribute passed as argument to builtins.genericClosure";
  const operator = forceFunction(requireAttr(attrs, operatorSymbol, where), 0, operatorText);
  const keys = newKeySet();
  const queue = newGrowingList(listCount(start) * 2 + 16);
  const found = newGrowingList(16);
  appendWords(queue, start + listHeader, listCount(start));
  for (let at: u32 = 0; at < queue.count; at++) {
    const element = growingAt(queue, at);
    if (!addKey(keys, keyOf(element), element)) continue;
    appendWord(found, element);
    const more = nextOf(operator, element);
    appendWords(queue, more + listHeader, listCount(more));
  }
  return listWord(listOfGrowing(found));
}

function keyOf(element: Word): Word {
  pushText(0, 'in genericClosure element %w1', <u32>element);
  const key = requireAttr(forceAttrs(element, 0, ''), keySymbol, '');
  pop();
  return force(key, 0);
}

/** What `operator` makes of `element`: a list whose elements are evaluated. */
function nextOf(operator: Word, element: Word): usize {
  pushText(0, 'while calling operator on genericClosure element %w1', <u32>element);
  const text = 'while evaluating the return value of the `operator` passed to builtins.genericClosure';
  const list = forceList(callFunction1(operator, element, 0), 0, text);
  for (let i: u32 = 0; i < listCount(list); i++) force(load<u64>(list + listHeader + ((<usize>i) << 3)), 0);
  pop();
  return list;
}
