import { type ByteString, displayBytes } from '../base/index.ts';
import type { EvalErrorCode } from './eval-error.ts';

/** By number (src/core/error.ts, ErrorKind). */
export const errorCodesByKind: readonly (EvalErrorCode | undefined)[] = [
  undefined,
  'eval/throw',
  'eval/assertion',
  'eval/error',
  'eval/type',
  'eval/undefined-variable',
  'eval/missing-argument',
  'eval/infinite-recursion',
  'eval/abort',
  'eval/error',
  'eval/type',
];

export const missingAttributeKind = 9;
export const unexpectedArgumentKind = 10;

/** What a template of the core's (src/core/error.ts) mentions, by the letter that stands for it. */
export interface TemplateWords {
  type(word: bigint): string;
  value(word: bigint): string;
  name(symbol: number): string;
  string(address: number): ByteString;
  int(word: bigint): string;
  float(word: bigint): string;
  expression(node: number): string;
  place(position: number): string;
  contextElement(string: number): string;
  lambda(node: number): string;
}

const magenta = '\u001B[35;1m';
const normal = '\u001B[0m';

/** The text of a template, with what it mentions in colour, as Nix has it. */
export function formatTemplate(template: string, a: bigint, b: bigint, words: TemplateWords): string {
  // What a user's program says is the whole text, and no value that is mentioned.
  if (template === '%s1') return `${normal}${displayBytes(words.string(Number(a)))}`;
  return template.replaceAll(/%([a-z])([12])/g, (_, letter: string, which: string) => {
    const word = which === '1' ? a : b;
    if (letter === 'v' || letter === 'w') return words.value(word);
    return `${magenta}${mention(letter, word, words)}${normal}`;
  });
}

function mention(letter: string, word: bigint, words: TemplateWords): string {
  switch (letter) {
    case 't':
      return words.type(word);
    case 'n':
      return words.name(Number(word));
    case 's':
      return displayBytes(words.string(Number(word)));
    case 'i':
      return words.int(word);
    case 'f':
      return words.float(word);
    case 'e':
      return words.expression(Number(word));
    case 'p':
      return words.place(Number(word));
    case 'c':
      return words.contextElement(Number(word));
    case 'l':
      return words.lambda(Number(word));
    default:
      return String(word);
  }
}
