import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import { type ParsedUrl, decodePercent, decodeQuery, parseUrl } from '../../nix-compat/index.ts';
import { type Input, inputFromAttributes, inputFromUrl, inputToUrl } from './input.ts';
import { BadUrl, type InputAttributes, asBadUrl, badUrl, inputError, textAttribute } from './input-scheme.ts';
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

/** What a text says that names a flake: `nixpkgs/23.05`, a URL, or an absolute path. Throws `eval/error`. */
export function parseFlakeRef(text: string): FlakeRef {
  const { flake, fragment } = parseWithFragment(byteStringFromText(text));
  if (fragment !== '') throw inputError`unexpected fragment '${fragment}' in flake reference '${text}'`;
  return flake;
}

interface WithFragment {
  readonly flake: FlakeRef;
  readonly fragment: string;
}

function parseWithFragment(text: ByteString): WithFragment {
  const id = idForm.exec(text);
  if (id !== null) {
    const [, path = '', fragment = ''] = id;
    const segments = path.split('/').map(segment => brandAs<ByteString>(segment));
    return fromUrl({ ...emptyUrl, scheme: 'flake', path: segments, fragment: decoded(fragment) });
  }
  return fromUrlText(text) ?? fromPath(text);
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
function fromUrlText(text: ByteString): WithFragment | undefined {
  try {
    return fromUrl(asBadUrl(() => parseUrl(text)));
  } catch (error) {
    if (error instanceof BadUrl) return undefined;
    throw error;
  }
}

function fromUrl(url: ParsedUrl): WithFragment {
  const query = new Map(url.query);
  const folder = displayBytes(query.get(byteStringFromText('dir')) ?? byteStringFromText(''));
  query.delete(byteStringFromText('dir'));
  const input = inputFromUrl({ ...url, query, fragment: byteStringFromText('') });
  return { flake: { input, folder }, fragment: displayBytes(url.fragment) };
}

function fromPath(text: ByteString): WithFragment {
  const [, path = '', query = '', fragment = ''] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text) ?? [];
  const parameters = decodeQuery(brandAs<ByteString>(query));
  if (!path.startsWith('/')) throw badUrl`flake reference '${displayBytes(text)}' is not an absolute path`;
  return fromUrl({
    scheme: 'path',
    authority: noAuthority,
    path: path.split('/').map(segment => brandAs<ByteString>(segment)),
    query: parameters,
    fragment: decoded(fragment),
  });
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
