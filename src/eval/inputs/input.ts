import { byteStringFromText } from '../../base/index.ts';
import type { ParsedUrl } from '../../nix-compat/index.ts';
import {
  type GivenCommit,
  type InputAttributes,
  type InputScheme,
  attributesToJson,
  formatUrl,
  inputError,
  revisionOf,
  textAttribute,
} from './input-scheme.ts';
import { inputSchemes } from './schemes.ts';

/** What an input is and where it is, as attributes; without a scheme where its type is not known. */
export interface Input {
  readonly scheme: InputScheme | undefined;
  readonly attributes: InputAttributes;
}

/** `wantsTree` is whether it is to be a tree, also where the URL does not say that it is an archive's. */
export function inputFromUrl(url: ParsedUrl, wantsTree = true): Input {
  for (const scheme of inputSchemes) {
    const attributes = scheme.fromUrl(url, wantsTree);
    if (attributes !== undefined) return fixed({ scheme, attributes: sorted(attributes) });
  }
  const shown = formatUrl(url);
  if (url.scheme === 'file+git') {
    throw inputError`input '${shown}' is unsupported; did you mean 'git+file' instead of 'file+git'?`;
  }
  throw inputError`input '${shown}' is unsupported`;
}

export function inputFromAttributes(attributes: InputAttributes): Input {
  const type = textAttribute(attributes, 'type');
  if (type === undefined) throw inputError`'type' attribute to specify input scheme is required but not provided`;
  const scheme = inputSchemes.find(known => known.type === type);
  if (scheme === undefined) return fixed({ scheme, attributes: sorted(attributes) });
  for (const name of sorted(attributes).keys()) {
    if (name !== 'type' && name !== '__final' && !scheme.allowed.has(name)) {
      throw inputError`input attribute '${name}' not supported by scheme '${type}'`;
    }
  }
  return fixed({ scheme, attributes: sorted(scheme.fromAttributes(sorted(attributes))) });
}

/** Checks what every kind of input may have. */
function fixed(input: Input): Input {
  const { attributes } = input;
  textAttribute(attributes, 'type');
  textAttribute(attributes, 'ref');
  for (const name of ['revCount', 'lastModified']) {
    const value = attributes.get(name);
    if (value !== undefined && typeof value !== 'bigint') throw inputError`input attribute '${name}' is not an integer`;
  }
  return input;
}

function sorted(attributes: InputAttributes): InputAttributes {
  return new Map([...attributes].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The URL of an input, with parameters of its owner's. */
export function inputToUrl({ scheme, attributes }: Input, extra: ReadonlyMap<string, string> = new Map()): string {
  if (scheme === undefined) throw inputError`cannot show unsupported input '${attributesToJson(attributes)}'`;
  const url = scheme.toUrl(attributes);
  const query = new Map(url.query);
  for (const [name, value] of extra) {
    const key = byteStringFromText(name);
    if (!query.has(key)) query.set(key, byteStringFromText(value));
  }
  return formatUrl({ ...url, query });
}

export function equalInputs(a: Input, b: Input): boolean {
  return attributesToJson(sorted(a.attributes)) === attributesToJson(sorted(b.attributes));
}

/** Whether `input` is what `pattern` says, but perhaps for its branch, tag or commit. */
export function matchesInput(pattern: Input, input: Input): boolean {
  if (equalInputs(pattern, input)) return true;
  const { scheme } = input;
  const attributes = new Map(input.attributes);
  for (const name of ['ref', 'rev']) attributes.delete(name);
  return equalInputs(pattern, { scheme, attributes });
}

/** The same input at what is given of `commit`. Throws `eval/error` where it has no such thing. */
export function inputAtCommit(input: Input, commit: GivenCommit): Input {
  const { scheme, attributes } = input;
  if (scheme === undefined) return input;
  if (scheme.withCommit !== undefined) return { scheme, attributes: sorted(scheme.withCommit(attributes, commit)) };
  const { ref, rev } = commit;
  if (ref !== undefined)
    throw inputError`don't know how to set branch/tag name of input '${inputToUrl(input)}' to '${ref}'`;
  if (rev !== undefined) throw inputError`don't know how to set revision of input '${inputToUrl(input)}' to '${rev}'`;
  return input;
}

/** The branch or tag that an input names, and the commit. */
export function commitOf({ attributes }: Input): GivenCommit {
  return { ref: textAttribute(attributes, 'ref'), rev: revisionOf(attributes) };
}

/** Whether it says itself where it is, without a registry. */
export function isDirectInput({ scheme }: Input): boolean {
  return scheme?.isIndirect !== true;
}

/** Whether it says which contents are meant, whenever it is fetched. */
export function isLockedInput({ scheme, attributes }: Input): boolean {
  return scheme?.isLocked(attributes) ?? false;
}

/** The path of an input that is within the tree of whoever names it; undefined for others. */
export function relativePathOf({ attributes }: Input): string | undefined {
  if (attributes.get('type') !== 'path') return undefined;
  const path = textAttribute(attributes, 'path') ?? '';
  return path.startsWith('/') ? undefined : path;
}
