import { StoreError } from '../error.ts';

/** What quotes keep together and backslashes keep as it is: one word, or the blanks between two. */
const piece = /[ \t\n\r\f\v]+|'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([^])/y;

/** Splits a text into words as a shell does that substitutes nothing. Throws `store-uri/malformed` for open quotes. */
export function splitShellWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  piece.lastIndex = 0;
  for (let match = piece.exec(text); match !== null; match = piece.exec(text)) {
    const [whole, single, double, escaped, plain] = match;
    const taken = single ?? double?.replace(/\\([$`"\\])/g, '$1') ?? escaped ?? plain;
    if (plain === "'" || plain === '"') {
      const kind = plain === "'" ? 'single' : 'double';
      throw new StoreError('store-uri/malformed', `unterminated ${kind} quote in '${text}'`);
    }
    if (taken !== undefined) word = `${word ?? ''}${taken}`;
    else if (word !== undefined && whole !== '') {
      words.push(word);
      word = undefined;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}
