import { LocatedError, type SourcePosition } from '../base/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const syntaxErrorCodes = {
  'syntax/unexpected-token': 'a token that cannot stand where it does, or the end of the text',
  'syntax/invalid-integer': 'an integer of more than 63 bits',
  'syntax/invalid-float': 'a floating-point number that is out of range',
  'syntax/trailing-slash': 'a path that ends in a slash',
  'syntax/pipe-operators': 'a pipe operator, without the experimental feature',
  'syntax/nul-byte': 'a string with a zero byte',
  'syntax/duplicate-attribute': 'an attribute that is defined twice',
  'syntax/duplicate-formal': 'a function with two arguments of one name',
  'syntax/too-many-formals': 'a function with more arguments than are allowed',
  'syntax/dynamic-inherit': 'an interpolation in a name that is inherited',
  'syntax/dynamic-let': 'an interpolation in a name that `let` defines',
  'syntax/home-path': 'a path in the home folder, in pure evaluation',
  'syntax/undefined-variable': 'a variable that nothing defines',
  'syntax/discouraged': 'a form of literals that the settings forbid',
  'syntax/too-deep': 'a text that nests deeper than the stack is',
} as const;

export type SyntaxErrorCode = keyof typeof syntaxErrorCodes;

/** A text that is no Nix expression. */
export class NixSyntaxError extends LocatedError<SyntaxErrorCode> {
  /** Where, in bytes from the text's beginning; undefined where that is not known. */
  readonly offset: number | undefined;

  constructor(
    code: SyntaxErrorCode,
    message: string,
    place?: { readonly offset: number; readonly in: SourcePosition },
  ) {
    super(code, message, place?.in);
    this.offset = place?.offset;
  }
}
