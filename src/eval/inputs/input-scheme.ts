import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type JsonValue,
  NixCompatError,
  type ParsedUrl,
  encodeQuery,
  formatAuthorityAndPath,
  formatJson,
  parseHash,
} from '../../nix-compat/index.ts';
import { mark } from '../error-log.ts';
import { EvalError } from '../eval-error.ts';

/** Attributes of something that can be fetched: names in the order of their bytes. */
export type InputAttributes = Map<string, string | bigint | boolean>;

/** One kind of input. What is wrong with one is a BadUrl, or another EvalError. */
export interface InputScheme {
  readonly type: string;
  readonly allowed: ReadonlySet<string>;
  /** Undefined where the URL is not of this kind. `wantsTree` is whether what is no archive by its name is one all the same. */
  fromUrl(url: ParsedUrl, wantsTree: boolean): InputAttributes | undefined;
  /** Checks the attributes, and completes them. */
  fromAttributes(attributes: InputAttributes): InputAttributes;
  toUrl(attributes: InputAttributes): ParsedUrl;
  /** Whether it says itself where it is, without a registry; it does unless this says otherwise. */
  readonly isIndirect?: boolean;
  /** Whether the attributes say which contents are meant, whenever they are fetched. */
  isLocked(attributes: InputAttributes): boolean;
  /** The same at another branch, tag or commit; schemes without it have no such thing. */
  withCommit?(attributes: InputAttributes, commit: GivenCommit): InputAttributes;
}

/** What somebody wants to have of a repository. */
export interface GivenCommit {
  readonly ref?: string | undefined;
  readonly rev?: string | undefined;
}

/** A URL that is none, or that means nothing: another reading of the text may be tried. */
export class BadUrl extends EvalError {}

/** Sets off what a template literal's message mentions. */
export function badUrl(parts: TemplateStringsArray, ...mentioned: readonly string[]): BadUrl {
  return new BadUrl('eval/error', inWords(parts, mentioned));
}

export function inputError(parts: TemplateStringsArray, ...mentioned: readonly string[]): EvalError {
  return new EvalError('eval/error', inWords(parts, mentioned));
}

function inWords(parts: readonly string[], mentioned: readonly string[]): string {
  return parts.map((part, index) => (index === 0 ? part : mark(mentioned[index - 1] ?? '') + part)).join('');
}

export function attributesToJson(attributes: InputAttributes): string {
  const json = new Map<ByteString, JsonValue>();
  for (const [name, value] of attributes) {
    json.set(byteStringFromText(name), typeof value === 'string' ? byteStringFromText(value) : value);
  }
  return displayBytes(formatJson(json));
}

/** A text attribute; undefined where there is none. */
export function textAttribute(attributes: InputAttributes, name: string): string | undefined {
  const value = attributes.get(name);
  if (value === undefined || typeof value === 'string') return value;
  throw inputError`input attribute '${name}' is not a string '${String(value)}'`;
}

export function requireText(attributes: InputAttributes, name: string): string {
  const value = textAttribute(attributes, name);
  if (value === undefined) throw inputError`input attribute '${name}' is missing`;
  return value;
}

export function flagAttribute(attributes: InputAttributes, name: string): boolean | undefined {
  const value = attributes.get(name);
  if (value === undefined || typeof value === 'boolean') return value;
  throw inputError`input attribute '${name}' is not a Boolean`;
}

/** Those attributes and these, which take the place of others of their names; undefined ones are left out. */
export function withAttributes(
  attributes: InputAttributes,
  more: Readonly<Record<string, string | bigint | boolean | undefined>>,
): InputAttributes {
  const made = new Map(attributes);
  for (const [name, value] of Object.entries(more)) if (value !== undefined) made.set(name, value);
  return made;
}

/** The hash of a commit, in base 16. */
export function revisionOf(attributes: InputAttributes): string | undefined {
  const rev = textAttribute(attributes, 'rev');
  if (rev === undefined) return undefined;
  return Buffer.from(parseHash(rev, rev.length === 64 ? 'sha256' : 'sha1').digest).toString('hex');
}

export function formatUrl(url: ParsedUrl): string {
  const { scheme, authority, query, fragment } = url;
  const ordered = new Map([...query].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const parameters = ordered.size === 0 ? '' : `?${encodeQuery(ordered)}`;
  const anchor = fragment === '' ? '' : `#${fragment}`;
  return displayBytes(
    brandAs<ByteString>(
      `${scheme}:${authority === undefined ? '' : '//'}${formatAuthorityAndPath(url)}${parameters}${anchor}`,
    ),
  );
}

/** Makes a BadUrl of what is wrong with a URL's form. */
export function asBadUrl<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof NixCompatError && error.code === 'url/malformed')
      throw new BadUrl('eval/error', error.message);
    throw error;
  }
}
