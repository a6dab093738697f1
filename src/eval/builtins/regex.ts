import type { ByteString } from '../../base/index.ts';
import { evalError } from './arguments.ts';

const classes: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '\\x21-\\x7e',
  lower: 'a-z',
  print: '\\x20-\\x7e',
  punct: '!-\\/:-@\\[-`{-~',
  space: ' \\t\\n\\r\\f\\v',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

const compiled = new Map<string, RegExp>();

/** A POSIX extended regular expression. */
export function compileRegex(pattern: ByteString, use: 'whole' | 'parts'): RegExp {
  const key = `${use}${pattern}`;
  let regex = compiled.get(key);
  if (regex === undefined) {
    const source = translate(pattern);
    try {
      regex = use === 'whole' ? new RegExp(`^(?:${source})$`, 's') : new RegExp(source, 'gs');
    } catch {
      throw evalError(`invalid regular expression '${pattern}'`);
    }
    compiled.set(key, regex);
  }
  regex.lastIndex = 0;
  return regex;
}

function translate(pattern: string): string {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i] ?? '';
    if (char === '[') {
      const { text, end } = translateBracket(pattern, i);
      source += text;
      i = end;
    } else if (char === '\\') {
      i++;
      source += `\\${pattern[i] ?? ''}`;
    } else source += char === '/' ? '\\/' : char;
  }
  return source;
}

function translateBracket(pattern: string, start: number): { readonly text: string; readonly end: number } {
  let i = start + 1;
  let text = '[';
  if (pattern[i] === '^') {
    text += '^';
    i++;
  }
  for (let first = true; i < pattern.length && (first || pattern[i] !== ']'); first = false, i++) {
    const named = /^\[:([a-z]+):\]/.exec(pattern.slice(i));
    if (named !== null) {
      text += classes[named[1] ?? ''] ?? '';
      i += named[0].length - 1;
    } else {
      const char = pattern[i] ?? '';
      text += '\\[]^'.includes(char) ? `\\${char}` : char;
    }
  }
  return { text: `${text}]`, end: i };
}
