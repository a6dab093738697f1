import { byteStringFromText, displayBytes, unreachable } from '../../base/index.ts';
import {
  type DerivationOutputId,
  NixCompatError,
  type OutputName,
  type StorePath,
  findNotNix32,
  parseOutputId,
  parseStorePath,
  storePathHashLength,
} from '../../nix-compat/index.ts';
import { type NarCompression, compressionOfFile } from './nar-compression.ts';

/** What a path of a binary cache names. */
export type CacheResource =
  | { readonly kind: 'cache-info' }
  | { readonly kind: 'narinfo'; readonly hashPart: string }
  | { readonly kind: 'listing'; readonly hashPart: string }
  /** Of the path with that hash part: `narHash` in nix32, so that what is remembered of a path stays true. */
  | {
      readonly kind: 'nar';
      readonly hashPart: string;
      readonly narHash: string;
      readonly compression: NarCompression;
    }
  /** A NAR under the name that its sender has chosen. */
  | { readonly kind: 'sent-nar'; readonly name: string }
  | { readonly kind: 'log'; readonly path: StorePath }
  /** Of debug information about what has that build id, 40 hexadecimal digits. */
  | { readonly kind: 'debug-info'; readonly id: string }
  | { readonly kind: 'realisation'; readonly id: DerivationOutputId }
  | { readonly kind: 'build-trace'; readonly derivation: StorePath; readonly output: OutputName };

export interface CacheLocation {
  /** Of the server; its paths follow its name. */
  readonly instance: string;
  readonly resource: CacheResource;
}

const patterns: readonly (readonly [RegExp, (...parts: string[]) => CacheResource | undefined])[] = [
  [/^nix-cache-info$/, () => ({ kind: 'cache-info' })],
  [/^([^/.]+)\.narinfo$/, hashPart => (isHashPart(hashPart) ? { kind: 'narinfo', hashPart } : undefined)],
  [/^([^/.]+)\.ls$/, hashPart => (isHashPart(hashPart) ? { kind: 'listing', hashPart } : undefined)],
  [/^nar\/([^/]+)$/, parseNarName],
  // nixos.org's cache has them without the suffix, C++ Nix writes them with it.
  [/^debuginfo\/([0-9a-f]{40})(?:\.debug)?$/, (id = '') => ({ kind: 'debug-info', id })],
  [/^log\/([^/]+)$/, name => tryParse(() => ({ kind: 'log', path: parseStorePath(decoded(name)) }))],
  [
    /^realisations\/([^/]+)\.doi$/,
    name => tryParse(() => ({ kind: 'realisation', id: parseOutputId(byteStringFromText(decoded(name))) })),
  ],
  [
    /^build-trace-v2\/([^/]+)\/([^/]+)\.doi$/,
    (derivation, output) =>
      tryParse(() => ({
        kind: 'build-trace',
        derivation: parseStorePath(decoded(derivation)),
        output: byteStringFromText(decoded(output)),
      })),
  ],
];

/** Undefined for what no binary cache has. `path` begins with a slash. */
export function parseCachePath(path: string): CacheLocation | undefined {
  const segments = path.slice(1).split('/');
  // The instance is what stands before the resource, which has one to three segments.
  for (let at = Math.max(0, segments.length - 3); at < segments.length; at++) {
    const rest = segments.slice(at).join('/');
    for (const [pattern, read] of patterns) {
      const match = pattern.exec(rest);
      const resource = match === null ? undefined : read(...match.slice(1));
      if (resource !== undefined) return { instance: segments.slice(0, at).join('/'), resource };
    }
  }
  return undefined;
}

function isHashPart(text: string): boolean {
  return text.length === storePathHashLength && findNotNix32(text) < 0;
}

/** Ours are `HASHPART-NARHASH.nar[.zst|.xz|.gz]`; those of senders `FILEHASH.nar…`, or what they like. */
function parseNarName(name: string): CacheResource | undefined {
  const ours = /^([0-9a-z]{32})-([0-9a-z]{52})\.nar((?:\.[a-z0-9]+)?)$/.exec(name);
  const [, hashPart = '', narHash = '', suffix = ''] = ours ?? [];
  const compression = compressionOfFile(suffix);
  if (isHashPart(hashPart) && findNotNix32(narHash) < 0 && compression !== undefined) {
    return { kind: 'nar', hashPart, narHash, compression };
  }
  return isSentNarName(name) ? { kind: 'sent-nar', name } : undefined;
}

/** Whether a client may send a NAR under that name: one that means no other file than its own. */
export function isSentNarName(name: string): boolean {
  return /^[0-9a-z][0-9A-Za-z+._=-]{0,199}$/.test(name);
}

function tryParse(parse: () => CacheResource): CacheResource | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof NixCompatError || error instanceof URIError) return undefined;
    throw error;
  }
}

function decoded(segment: string): string {
  return decodeURIComponent(segment);
}

/** For messages. */
export function displayResource(resource: CacheResource): string {
  switch (resource.kind) {
    case 'narinfo':
    case 'listing':
    case 'nar':
      return `the path with the hash part ${resource.hashPart}`;
    case 'debug-info':
      return `the build id ${resource.id}`;
    case 'log':
      return `a log of '${resource.path}'`;
    case 'realisation':
      return `the output '${displayBytes(resource.id.output)}'`;
    case 'build-trace':
      return `the output '${displayBytes(resource.output)}' of '${resource.derivation}'`;
    case 'cache-info':
      return 'itself';
    case 'sent-nar':
      return `'nar/${resource.name}'`;
    default:
      return unreachable(resource);
  }
}
