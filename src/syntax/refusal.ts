import { type ByteString, displayBytes } from '../base/index.ts';
import type { SyntaxErrorCode } from './error.ts';

/** By number (src/core/token.ts, Refusal). */
const codes: readonly (SyntaxErrorCode | undefined)[] = [
  undefined,
  'syntax/unexpected-token',
  'syntax/invalid-integer',
  'syntax/invalid-float',
  'syntax/trailing-slash',
  'syntax/pipe-operators',
  'syntax/nul-byte',
  'syntax/duplicate-attribute',
  'syntax/duplicate-formal',
  'syntax/too-many-formals',
  'syntax/dynamic-inherit',
  'syntax/dynamic-let',
  'syntax/home-path',
  'syntax/undefined-variable',
];

/**
 * What the core refuses a text for. Thrown through the core by the host's `refuse`; whoever called the core makes it an error
 * of its own. Positions are the core's: see src/core/ast.ts.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: SyntaxErrorCode;
  /** 0 for nowhere. */
  readonly position: number;
  /** Of the first definition, for duplicates; else 0. */
  readonly otherPosition: number;
  /** The text or name that the message mentions. */
  readonly text: ByteString | undefined;

  constructor(kind: number, position: number, otherPosition: number, text: ByteString | undefined) {
    const code = codes[kind] ?? 'syntax/unexpected-token';
    super(code);
    this.code = code;
    this.position = position;
    this.otherPosition = otherPosition;
    this.text = text;
  }
}

export interface RefusalWords {
  /** How what is mentioned is set off: in colour, if at all. */
  readonly mark: (text: string) => string;
  /** File, line and column of a position. */
  readonly place: (position: number) => string;
}

type Describe = (text: string, words: RefusalWords, refusal: Refusal) => string;

const descriptions: { readonly [code in SyntaxErrorCode]?: Describe } = {
  'syntax/invalid-integer': text => `invalid integer '${text}'`,
  'syntax/invalid-float': text => `invalid float '${text}'`,
  'syntax/trailing-slash': () => 'path has a trailing slash',
  'syntax/pipe-operators': (_, { mark }) => {
    const feature = mark('pipe-operators');
    return `experimental Nix feature '${feature}' is disabled; add '--extra-experimental-features ${feature}' to enable it`;
  },
  'syntax/nul-byte': text => {
    const shown = text.replaceAll('\0', '␀');
    return `input string '${shown}' cannot be represented as Nix string because it contains null bytes`;
  },
  'syntax/duplicate-attribute': (text, { mark, place }, { otherPosition }) => {
    return `attribute '${text}' already defined at ${mark(place(otherPosition))}`;
  },
  'syntax/duplicate-formal': text => `duplicate formal function argument '${text}'`,
  'syntax/too-many-formals': (_, { mark }) => {
    return `too many formal arguments, implementation supports at most ${mark('65535')}`;
  },
  'syntax/dynamic-inherit': () => 'dynamic attributes not allowed in inherit',
  'syntax/dynamic-let': () => 'dynamic attributes not allowed in let',
  'syntax/home-path': text => `the path '${text}' can not be resolved in pure mode`,
  'syntax/undefined-variable': text => `undefined variable '${text}'`,
};

/** C++ Nix's message for a refusal, except that of an unexpected token, which `explainFault` finds. */
export function describeRefusal(refusal: Refusal, words: RefusalWords): string {
  const text = refusal.text === undefined ? '' : words.mark(displayBytes(refusal.text));
  return descriptions[refusal.code]?.(text, words, refusal) ?? 'syntax error';
}
