import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type ParsedUrl,
  type ReportDubious,
  type UrlQuery,
  decodePercent,
  decodeQuery,
  parseUrl,
} from '../../nix-compat/index.ts';
import { type Input, equalInputs, inputFromAttributes, inputFromUrl, inputToUrl } from './input.ts';
import {
  BadUrl,
  type InputAttributes,
  asBadUrl,
  badUrl,
  formatUrl,
  inputError,
  textAttribute,
} from './input-scheme.ts';
import { noAuthority } from './schemes.ts';

/** A flake: an input, and the folder within it where the flake is. */
export interface FlakeRef {
  readonly input: Input;
  readonly folder: string;
}

const rev = '[0-9a-fA-F]{40}';
const ref = '[a-zA-Z0-9@][a-zA-Z0-9_./@+-]*';
const fragmentChars = String.raw`(?:(?:[a-zA-Z0-9-._~]|%[0-9a-fA-F]{2}|[!$&'"()*+,;=]|[:@])|[/? "^])*`;
const idForm = new RegExp(`^([a-zA-Z][a-zA-Z0-9_-]*(?:/(?:${rev}|${ref}(?:/${rev})?))?)(?:#(${fragmentChars}))?$`);

/**
 * What a text says that names a flake: `nixpkgs/23.05`, a URL, or an absolute path; a relative one where that is asked for,
 * which is within the tree of whoever names it. `wantsTree` is whether an archive is meant where a URL does not say. Throws
 * `eval/error`.
 */
export function parseFlakeRef(text: string, { keepsRelative = false, wantsTree = true } = {}): FlakeRef {
  return withoutFragment(text, parseFlakeUrl(text, { wantsTree }) ?? fromPath(text, keepsRelative));
}

/** A reference without its fragment, which may not be there. */
export function withoutFragment(text: string, { flake, fragment }: FlakeRefWithFragment): FlakeRef {
  if (fragment !== '') throw inputError`unexpected fragment '${fragment}' in flake reference '${text}'`;
  return flake;
}

/** A flake, and what of it is meant. */
export interface FlakeRefWithFragment {
  readonly flake: FlakeRef;
  readonly fragment: string;
}

export interface ParseFlakeUrlOptions {
  /** Makes absolute paths of relative ones. */
  readonly resolve?: (path: string) => string;
  readonly reportDubious?: ReportDubious;
  /** Whether an archive is meant where the URL does not say; so it is unless this says otherwise. */
  readonly wantsTree?: boolean;
}

/** What a text says that is the name of a flake or a URL; undefined for others, which may be paths. Throws `eval/error`. */
export function parseFlakeUrl(text: string, options: ParseFlakeUrlOptions = {}): FlakeRefWithFragment | undefined {
  const bytes = byteStringFromText(text);
  const id = idForm.exec(bytes);
  if (id === null) return fromUrlText(bytes, options);
  const [, path = '', fragment = ''] = id;
  const segments = path.split('/').map(segment => brandAs<ByteString>(segment));
  return fromUrl({ ...emptyUrl, scheme: 'flake', path: segments, fragment: decoded(fragment) });
}

const emptyUrl = {
  authority: undefined,
  query: new Map<ByteString, ByteString>(),
  fragment: byteStringFromText(''),
};

function decoded(text: string): ByteString {
  return decodePercent(brandAs<ByteString>(text));
}

/** Undefined for what is no URL, or one that means no input. */
function fromUrlText(
  text: ByteString,
  { resolve, reportDubious, wantsTree = true }: ParseFlakeUrlOptions,
): FlakeRefWithFragment | undefined {
  try {
    const url = asBadUrl(() => parseUrl(text, reportDubious));
    const path = displayBytes(brandAs<ByteString>(url.path.join('/')));
    const isRelative = (url.scheme === 'path' || url.scheme === 'git+file') && !path.startsWith('/');
    return fromUrl(isRelative && resolve !== undefined ? { ...url, path: segmentsOf(resolve(path)) } : url, wantsTree);
  } catch (error) {
    if (error instanceof BadUrl) return undefined;
    throw error;
  }
}

function fromUrl(url: ParsedUrl, wantsTree = true): FlakeRefWithFragment {
  const query = new Map(url.query);
  const folder = displayBytes(query.get(byteStringFromText('dir')) ?? byteStringFromText(''));
  query.delete(byteStringFromText('dir'));
  const input = inputFromUrl({ ...url, query, fragment: byteStringFromText('') }, wantsTree);
  return { flake: { input, folder }, fragment: displayBytes(url.fragment) };
}

function segmentsOf(path: string): ByteString[] {
  return path.split('/').map(segment => byteStringFromText(segment));
}

/** A path that names a flake, with what may follow it. */
export interface FlakePath {
  readonly path: string;
  readonly query: UrlQuery;
  readonly fragment: ByteString;
}

/** The parts of a text that is no URL. Throws `eval/error` for escapes that are none. */
export function splitFlakePath(text: string, reportDubious?: ReportDubious): FlakePath {
  const bytes = byteStringFromText(text);
  const [, path = '', query = '', fragment = ''] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(bytes) ?? [];
  return asBadUrl(() => ({
    path: displayBytes(brandAs<ByteString>(path)),
    query: decodeQuery(brandAs<ByteString>(query), reportDubious),
    fragment: decoded(fragment),
  }));
}

/** The flake at a path: of the scheme `path`, or of `git+file` where a repository begins there. */
export function flakeRefFromPath(
  scheme: 'path' | 'git+file',
  { path, query, fragment }: FlakePath,
): FlakeRefWithFragment {
  const authority = path.startsWith('/') ? noAuthority : undefined;
  return fromUrl({ scheme, authority, path: segmentsOf(path), query, fragment });
}

function fromPath(text: string, keepsRelative: boolean): FlakeRefWithFragment {
  const parts = splitFlakePath(text);
  if (!keepsRelative && !parts.path.startsWith('/')) throw badUrl`flake reference '${text}' is not an absolute path`;
  return flakeRefFromPath('path', parts);
}

/** All that a flake is, as attributes. */
export function flakeRefToAttributes({ input, folder }: FlakeRef): InputAttributes {
  const attributes = new Map(input.attributes);
  if (folder !== '' && !attributes.has('dir')) attributes.set('dir', folder);
  return attributes;
}

export function flakeRefFromAttributes(attributes: InputAttributes): FlakeRef {
  const others = new Map(attributes);
  others.delete('dir');
  return { input: inputFromAttributes(others), folder: textAttribute(attributes, 'dir') ?? '' };
}

export function formatFlakeRef({ input, folder }: FlakeRef): string {
  return inputToUrl(input, folder === '' ? undefined : new Map([['dir', folder]]));
}

export function equalFlakeRefs(a: FlakeRef, b: FlakeRef): boolean {
  return a.folder === b.folder && equalInputs(a.input, b.input);
}

/**
 * As lock files of older versions and newer ones agree on: the folder is not said again by the URL's query. To be compared
 * alone.
 */
export function canonicalFlakeRef({ input, folder }: FlakeRef): FlakeRef {
  const url = input.attributes.get('url');
  if (typeof url !== 'string') return { input, folder };
  try {
    const parsed = asBadUrl(() => parseUrl(byteStringFromText(url)));
    const query = new Map(parsed.query);
    if (folder !== '' && query.get(dirParameter) === byteStringFromText(folder)) query.delete(dirParameter);
    const attributes = new Map(input.attributes).set('url', formatUrl({ ...parsed, query }));
    return { input: { ...input, attributes }, folder };
  } catch (error) {
    if (error instanceof BadUrl) return { input, folder };
    throw error;
  }
}

const dirParameter = byteStringFromText('dir');
