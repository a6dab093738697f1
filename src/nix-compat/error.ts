import { FirnError } from '../base/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const nixCompatErrorCodes = {
  'hash/bad-encoding': 'a character or length that the encoding of a hash does not allow',
} as const;

export type NixCompatErrorCode = keyof typeof nixCompatErrorCodes;

/** Refused input of a codec. */
export class NixCompatError extends FirnError<NixCompatErrorCode> {
  /** Where in the input the refused thing starts, in bytes from its beginning; undefined where no place can be named. */
  readonly offset: number | undefined;

  constructor(code: NixCompatErrorCode, message: string, options: ErrorOptions & { readonly offset?: number } = {}) {
    super(code, message, options);
    this.offset = options.offset;
  }
}
