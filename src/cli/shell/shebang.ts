import { readFileSync } from 'node:fs';
import { type ByteString, byteStringFromLatin1, errnoOf } from '../../base/index.ts';
import { CliError } from '../error.ts';
import { fsPathOf } from '../paths.ts';

/**
 * The arguments of `nix-shell` that a script has in it, in lines `#! nix-shell ARGUMENTS` after its first; undefined
 * where `file` is no script. Throws `shell/unterminated-quote`.
 */
export function readShebang(file: ByteString): ByteString[] | undefined {
  let text: string;
  try {
    text = readFileSync(fsPathOf(file), 'latin1');
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
  const [first = '', ...others] = text.split('\n').filter(line => line !== '');
  if (!first.startsWith('#!')) return undefined;
  return others.flatMap(line => {
    const [, words] = /^#!\s*nix-shell\s+(.*)$/s.exec(line.replace(/[\s]+$/, '')) ?? [];
    return words === undefined ? [] : splitWords(words);
  });
}

/**
 * Words as a shell has them: between blanks, but for those in quotes or after a backslash. In single quotes nothing has
 * a meaning but their end.
 */
export function splitWords(text: string): ByteString[] {
  const words: ByteString[] = [];
  let word = '';
  let quote: "'" | '"' | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (quote === undefined && /\s/.test(char)) {
      words.push(byteStringFromLatin1(word));
      word = '';
      while (/\s/.test(text.charAt(at + 1))) at++;
      if (at === text.length - 1) return words;
    } else if (char === '\\' && quote !== "'") {
      at++;
      word += text.charAt(at);
    } else if ((char === "'" || char === '"') && (quote === undefined || quote === char)) {
      quote = quote === undefined ? char : undefined;
    } else word += char;
  }
  if (quote !== undefined) throw new CliError('shell/unterminated-quote', 'unterminated quote in shebang line');
  return [...words, byteStringFromLatin1(word)];
}
