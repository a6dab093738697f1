import { FirnError } from '../base/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const nixCompatErrorCodes = {
  'hash/bad-character': 'a character that the encoding of a hash does not have',
  'hash/bad-length': 'more or fewer digits or bytes than a hash of that algorithm and encoding has',
  'hash/bad-padding': 'a Nix32 text whose first digit has bits beyond the last byte',
  'hash/no-algorithm': 'a hash that names no algorithm where none is known otherwise',
  'hash/not-sri': 'a text without the dash of SRI',
  'hash/other-algorithm': 'a hash that names another algorithm than the expected one',
  'hash/unknown-algorithm': 'a name that is no hash algorithm',
  'hash/unknown-format': 'a name that is no hash format',
  'store-path/too-short': 'fewer characters than the hash part and dash of a store path',
  'store-path/bad-hash-part': 'a store path whose hash part is no Nix32',
  'store-path/no-dash': 'a store path whose hash part is not followed by a dash',
  'store-path/bad-name': 'a name that a store path cannot have',
  'store-path/not-derivation': 'a store path that is no derivation where one is needed',
  'store-path/not-in-store': 'a path that is not in the store directory',
  'store-dir/not-absolute': 'a relative path where an absolute one is needed',
  'store-dir/is-root': 'the root directory as a store directory',
  'store-dir/bad-character': 'a store directory with a NUL',
  'content-address/malformed': 'a content address without its colons',
  'content-address/unknown-prefix': 'a content address that begins with neither text nor fixed',
  'content-address/unknown-method': 'a name that is no content-addressing method',
  'content-address/not-allowed-algorithm': 'a hash algorithm that the content-addressing method does not take',
  'content-address/not-allowed-references': 'references of a store object whose content address cannot carry them',
  'references/empty-string': 'a rewrite of the empty string',
  'references/unequal-length': 'a rewrite that would change the length',
  'nar/bad-magic': 'the input does not start as a NAR does',
  'nar/truncated': 'the input ends within a NAR',
  'nar/trailing-data': 'bytes follow where a NAR should be the last thing',
  'nar/unexpected-tag': 'another keyword than the grammar of a NAR asks for',
  'nar/tag-too-long': 'a keyword longer than any that exists',
  'nar/bad-type': 'a node that is neither regular nor directory nor symlink',
  'nar/bad-padding': 'a byte that is not zero after a string or file contents',
  'nar/bad-name': 'an entry name that is empty, ".", ".." or has a slash or NUL',
  'nar/name-too-long': 'an entry name longer than the limit',
  'nar/duplicate-name': 'a name listed twice in one directory',
  'nar/unsorted': 'a name that sorts before its predecessor in the directory',
  'nar/bad-target': 'a symlink target that is empty or has a NUL',
  'nar/target-too-long': 'a symlink target longer than the limit',
  'nar/file-too-large': 'a file larger than the limit',
  'nar/too-deep': 'directories nested deeper than the limit',
  'nar/wrong-size': 'a file with more or fewer bytes than announced',
  'nar/bad-event': 'tree events in an order that describes no tree',
  'nar/case-collision': 'an entry name that equals the name which the case hack gave to another entry',
  'nar/case-hack-collision': 'two files whose names are equal once the case hack is undone',
  'nar/bad-listing': 'a NAR listing (.ls) that is not JSON of the known version and shape',
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
