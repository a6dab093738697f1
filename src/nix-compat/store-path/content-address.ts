import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { type HashAlgorithm, parseHashAlgorithm } from '../hash/algorithm.ts';
import { formatHash, parseUnprefixedHash } from '../hash/hash-format.ts';
import { type NixHash, equalHashes } from '../hash/hash.ts';

export const contentAddressMethods = ['text', 'flat', 'nar', 'git'] as const;

/**
 * What of a store object is hashed: a file's bytes (`flat`; `text` likewise, for store paths of another type that may
 * have references), the NAR, or git's object of it.
 */
export type ContentAddressMethod = (typeof contentAddressMethods)[number];

export interface ContentAddress {
  readonly method: ContentAddressMethod;
  readonly hash: NixHash;
}

/** A content address but for its digest. */
export interface ContentAddressKind {
  readonly method: ContentAddressMethod;
  readonly algorithm: HashAlgorithm;
}

// Derivations write these in front of the algorithm's name, content addresses after `fixed:`.
const prefixes: Readonly<Record<ContentAddressMethod, string>> = { text: 'text:', flat: '', nar: 'r:', git: 'git:' };

/** Throws `content-address/unknown-method`. */
export function parseContentAddressMethod(name: string): ContentAddressMethod {
  const method = contentAddressMethods.find(known => known === name);
  if (method !== undefined) return method;
  const message = `Unknown file ingestion method '${excerpt(name)}', expect \`flat\`, \`nar\`, or \`git\``;
  throw new NixCompatError('content-address/unknown-method', message);
}

/** `r:sha256`, `text:sha256`, `git:sha1` or `sha256`, as an output of a derivation writes method and algorithm. */
export function formatOutputHashMode(kind: ContentAddressKind): string {
  return prefixes[kind.method] + kind.algorithm;
}

/** Throws `hash/unknown-algorithm`. */
export function parseOutputHashMode(text: string): ContentAddressKind {
  for (const method of ['nar', 'git', 'text'] as const) {
    const prefix = prefixes[method];
    if (text.startsWith(prefix)) return { method, algorithm: parseHashAlgorithm(text.slice(prefix.length)) };
  }
  return { method: 'flat', algorithm: parseHashAlgorithm(text) };
}

/** `text:sha256`, `fixed:sha256`, `fixed:r:sha256` or `fixed:git:sha1`, as the worker protocol writes it. */
export function formatContentAddressKind(kind: ContentAddressKind): string {
  return (kind.method === 'text' ? '' : 'fixed:') + formatOutputHashMode(kind);
}

/** Throws `content-address/malformed`, `content-address/unknown-prefix` or `hash/unknown-algorithm`. */
export function parseContentAddressKind(text: string): ContentAddressKind {
  return splitKind(`${text}:`, text.length).kind;
}

/** `<kind>:<digest in Nix32>`: in narinfos, databases and on the wire. */
export function formatContentAddress(address: ContentAddress): string {
  const kind = formatContentAddressKind({ method: address.method, algorithm: address.hash.algorithm });
  return `${kind}:${formatHash(address.hash, 'nix32')}`;
}

/** Takes the digest in any encoding. Throws as `parseContentAddressKind` and `parseUnprefixedHash`. */
export function parseContentAddress(text: string): ContentAddress {
  const { kind, rest } = splitKind(text, text.length);
  return { method: kind.method, hash: parseUnprefixedHash(rest, kind.algorithm) };
}

export function equalContentAddresses(a: ContentAddress, b: ContentAddress): boolean {
  return a.method === b.method && equalHashes(a.hash, b.hash);
}

/** `given` is how much of the text, in characters, the caller was given: offsets are within that. */
function splitKind(text: string, given: number): { readonly kind: ContentAddressKind; readonly rest: string } {
  const colon = text.indexOf(':');
  if (colon < 0) {
    const message = `not a content address because it is not in the form '<prefix>:<rest>': ${excerpt(text)}`;
    throw new NixCompatError('content-address/malformed', message, { offset: 0 });
  }
  const prefix = text.slice(0, colon);
  if (prefix !== 'text' && prefix !== 'fixed') {
    // 'Recogonized' is how C++ Nix spells it.
    const message = `content address prefix '${excerpt(prefix)}' is unrecognized. Recogonized prefixes are 'text' or 'fixed'`;
    throw new NixCompatError('content-address/unknown-prefix', message, { offset: 0 });
  }
  const method = prefix === 'text' ? 'text' : methodAt(text, colon + 1);
  const algorithmAt = colon + 1 + (prefix === 'text' ? 0 : prefixes[method].length);
  const end = text.indexOf(':', algorithmAt);
  if (end < 0) {
    const message = `content address hash must be in form '<algo>:<hash>', but found: ${excerpt(text)}`;
    throw new NixCompatError('content-address/malformed', message, { offset: Math.min(algorithmAt, given) });
  }
  const algorithm = parseHashAlgorithm(text.slice(algorithmAt, end));
  return { kind: { method, algorithm }, rest: text.slice(end + 1) };
}

function methodAt(text: string, offset: number): 'flat' | 'nar' | 'git' {
  if (text.startsWith(prefixes.nar, offset)) return 'nar';
  return text.startsWith(prefixes.git, offset) ? 'git' : 'flat';
}
