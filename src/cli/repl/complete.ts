import { readdirSync } from 'node:fs';
import { type ByteString, byteStringFromLatin1 } from '../../base/index.ts';
import { addressOf, kindOf } from '../../eval/index.ts';
import { fsPathOf } from '../paths.ts';
import type { Completions } from './lines.ts';
import type { Repl } from './repl.ts';

/** What completing asks of a prompt. */
type CompletedPrompt = Pick<Repl, 'evaluate' | 'evaluator' | 'scope'>;

/** What could follow what is typed: entries of a folder, attributes of a set, or variables. Errors mean that nothing could. */
export function complete(prompt: CompletedPrompt, typed: ByteString): Completions {
  const word = byteStringFromLatin1(/[^ \n\r\t(){}[\]]*$/.exec(typed)?.[0] ?? '');
  try {
    return { words: findWords(prompt, word).toSorted(), length: word.length };
  } catch {
    return { words: [], length: word.length };
  }
}

function findWords(prompt: CompletedPrompt, word: ByteString): ByteString[] {
  const slash = word.lastIndexOf('/');
  if (slash >= 0) return entriesIn(word.slice(0, slash), word.slice(slash + 1));
  const dot = word.lastIndexOf('.');
  if (dot >= 0) return attributesOf(prompt, word.slice(0, dot), word.slice(dot + 1));
  return [...prompt.scope.names].filter(name => name.startsWith(word));
}

function entriesIn(folder: string, prefix: string): ByteString[] {
  const path = byteStringFromLatin1(folder === '' ? '/' : folder);
  return readdirSync(fsPathOf(path), 'latin1')
    .filter(name => !name.startsWith('.') && name.startsWith(prefix))
    .map(name => byteStringFromLatin1(`${folder}/${name}`));
}

function attributesOf(prompt: CompletedPrompt, expression: string, prefix: string): ByteString[] {
  const { core } = prompt.evaluator;
  const value = prompt.evaluate(byteStringFromLatin1(expression));
  if (kindOf(core.memory, value) !== 'set') return [];
  return core
    .attributes(addressOf(value))
    .map(({ symbol }) => core.nameOf(symbol))
    .filter(name => name.startsWith(prefix))
    .map(name => byteStringFromLatin1(`${expression}.${name}`));
}
