import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { type ByteString, byteStringFromLatin1, errnoOf } from '../../base/index.ts';
import { parentOf } from '../../eval/index.ts';
import { CliError } from '../error.ts';
import { absolutePath, fsPathOf } from '../paths.ts';

/** A command line that a script has in it. */
export interface NixScript {
  /** Its arguments, the script, and what the script was called with. */
  readonly args: readonly ByteString[];
  /** Where the script is: relative paths of its arguments start there. */
  readonly folder: ByteString;
}

/**
 * The arguments of `nix` that the script has in it which is the first of `args`, in lines `#! nix ARGUMENTS` after its first,
 * which may have comments between them; undefined where that is no script. Throws `usage/bad-script`.
 */
export function readNixScript([script, ...others]: readonly ByteString[]): NixScript | undefined {
  if (script === undefined || !isScript(script)) return undefined;
  const words = splitScriptWords(argumentLines(readFileSync(fsPathOf(script), 'latin1')));
  return { args: [...words, script, ...others], folder: parentOf(absolutePath(script)) };
}

/** Most first arguments name no file. */
function isScript(path: ByteString): boolean {
  try {
    const file = openSync(fsPathOf(path), 'r');
    try {
      const start = Buffer.alloc(2);
      return readSync(file, start) === 2 && start.toString('latin1') === '#!';
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/** What follows `#! nix ` in the lines that begin as comments do, in one language or another, with line feeds. */
function argumentLines(text: string): string {
  const [, ...lines] = text.split('\n');
  const end = lines.findIndex(line => !/^[#/\\%@*(-]/.test(line));
  const found = (end < 0 ? lines : lines.slice(0, end)).flatMap(line => {
    const rest = /^#!\s*nix(?::? |$)(.*)$/s.exec(line.trimEnd())?.[1];
    return rest === undefined ? [] : [`${rest}\n`];
  });
  return found.join('');
}

const reserved = '$*~<>|;()[]{}\'"\\';

/**
 * Words between blanks. From two backticks to the next two all stands for itself, but for a blank before the latter, and
 * of three and more backticks one is left out.
 */
export function splitScriptWords(text: string): ByteString[] {
  const words: string[] = [];
  let word = '';
  for (let at = 0; at < text.length;) {
    const char = text.charAt(at);
    if (char === '`') {
      if (text.charAt(at + 1) !== '`') refuse('single backtick is not a supported syntax in the nix shebang.');
      const quoted = readQuoted(text, at + 2);
      words.push(quoted.word);
      // What stands before it is a part of no word.
      word = '';
      at = quoted.end;
      continue;
    }
    at++;
    if (' \t\n\r'.includes(char)) {
      if (word !== '') words.push(word);
      word = '';
    } else if (reserved.includes(char)) {
      refuse(`unsupported unquoted character in nix shebang: ${char}. Use double backticks to escape?`);
    } else if (char === '#' && word === '') {
      refuse('unquoted nix shebang argument cannot start with #. Use double backticks to escape?');
    } else word += char;
  }
  return [...words, ...(word === '' ? [] : [word])].map(byteStringFromLatin1);
}

function readQuoted(text: string, start: number): { readonly word: string; readonly end: number } {
  let word = '';
  for (let at = start; at < text.length;) {
    const ending = /^ ?``(?!`)/.exec(text.slice(at, at + 4))?.[0];
    if (ending !== undefined) return { word, end: at + ending.length };
    const ticks = /^```+/.exec(text.slice(at))?.[0] ?? '';
    word += ticks === '' ? text.charAt(at) : ticks.slice(1);
    at += Math.max(ticks.length, 1);
  }
  return refuse('unterminated quoted string in nix shebang');
}

function refuse(message: string): never {
  throw new CliError('usage/bad-script', message);
}
