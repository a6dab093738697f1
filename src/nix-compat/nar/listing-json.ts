import { type ByteString, byteStringFromText, displayBytes, unreachable } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { formatJson } from '../json/format-json.ts';
import { type JsonObject, type JsonValue, isJsonObject, jsonTypeOf } from '../json/json-value.ts';
import { parseJson } from '../json/parse-json.ts';
import { isFileName, isSymlinkTarget } from './file-name.ts';
import { defaultNarLimits } from './nar-limits.ts';
import type { NarListing } from './nar-listing.ts';

const key = {
  version: byteStringFromText('version'),
  root: byteStringFromText('root'),
  type: byteStringFromText('type'),
  entries: byteStringFromText('entries'),
  executable: byteStringFromText('executable'),
  size: byteStringFromText('size'),
  narOffset: byteStringFromText('narOffset'),
  target: byteStringFromText('target'),
};

const listingVersion = 1n;

/** Bytes of the largest `.ls` file that is read, unless told otherwise. */
export const defaultMaxListingSize = 256 * 1024 * 1024;

/**
 * The `.ls` file that a binary cache keeps beside a NAR, as C++ Nix writes it, to the byte. Throws `json/not-utf8` for
 * a name or target that JSON cannot hold.
 */
export function formatListing(root: NarListing): ByteString {
  return formatJson(
    new Map<ByteString, JsonValue>([
      [key.version, listingVersion],
      [key.root, listingToJson(root)],
    ]),
  );
}

/** A node and all below it, as `nix nar ls --json -R` shows it. */
export function listingToJson(listing: NarListing): JsonValue {
  return nodeToJson(listing, listingToJson);
}

/** A node and the names of its entries, as `nix nar ls --json` shows it. */
export function shallowListingToJson(listing: NarListing): JsonValue {
  return nodeToJson(listing, () => new Map<ByteString, JsonValue>());
}

function nodeToJson(listing: NarListing, entryToJson: (node: NarListing) => JsonValue): JsonValue {
  const json = new Map<ByteString, JsonValue>([[key.type, byteStringFromText(listing.type)]]);
  switch (listing.type) {
    case 'directory': {
      const entries = new Map<ByteString, JsonValue>();
      for (const [name, node] of listing.entries) entries.set(name, entryToJson(node));
      return json.set(key.entries, entries);
    }
    case 'regular':
      if (listing.executable) json.set(key.executable, true);
      if (listing.size !== undefined) json.set(key.size, BigInt(listing.size));
      if (listing.narOffset !== undefined) json.set(key.narOffset, BigInt(listing.narOffset));
      return json;
    case 'symlink':
      return json.set(key.target, listing.target);
    default:
      return unreachable(listing);
  }
}

/**
 * Reads a `.ls` file. Throws `nar/bad-listing` for another version or shape and for names and targets that no NAR
 * could have, and what `parseJson` throws.
 */
export function parseListing(text: ByteString, maxSize = defaultMaxListingSize): NarListing {
  // Each level of directories is two of JSON.
  const json = asObject(parseJson(text, { maxSize, maxDepth: 2 * defaultNarLimits.maxDepth + 1 }), 'the listing');
  const version = json.get(key.version);
  if (version !== listingVersion) throw refuse(`its version is ${shown(version)}, but only ${listingVersion} is known`);
  return parseNode(json.get(key.root), '/');
}

/** `path` is for messages. The recursion is bounded by the depth that the JSON was allowed. */
function parseNode(json: JsonValue | undefined, path: string): NarListing {
  const node = asObject(json, path);
  const type = node.get(key.type);
  switch (typeof type === 'string' ? displayBytes(type) : '') {
    case 'directory':
      return { type: 'directory', entries: parseEntries(node.get(key.entries), path) };
    case 'regular':
      return {
        type: 'regular',
        executable: parseFlag(node.get(key.executable), path),
        size: parseCount(node.get(key.size), path),
        // C++ Nix takes 0, where no contents can start, for absent.
        narOffset: parseCount(node.get(key.narOffset), path) || undefined,
      };
    case 'symlink':
      return { type: 'symlink', target: parseTarget(node.get(key.target), path) };
    default:
      throw refuse(`unknown type of file '${shown(type)}' of '${path}'`);
  }
}

function shown(json: JsonValue | undefined): string {
  return json === undefined ? 'missing' : displayBytes(formatJson(json));
}

function parseEntries(json: JsonValue | undefined, path: string): Map<ByteString, NarListing> {
  const entries = new Map<ByteString, NarListing>();
  const byName = [...asObject(json, `the entries of ${path}`)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, node] of byName) {
    const entryPath = `${path === '/' ? '' : path}/${displayBytes(name)}`;
    if (!isFileName(name)) throw refuse(`invalid file name '${displayBytes(name)}' in '${path}'`);
    entries.set(name, parseNode(node, entryPath));
  }
  return entries;
}

function parseTarget(json: JsonValue | undefined, path: string): ByteString {
  if (typeof json === 'string' && isSymlinkTarget(json)) return json;
  throw refuse(`invalid symlink target of '${path}'`);
}

function parseFlag(json: JsonValue | undefined, path: string): boolean {
  if (json === undefined) return false;
  if (typeof json === 'boolean') return json;
  throw refuse(`'executable' of '${path}' is of type ${jsonTypeOf(json)}, expected a boolean`);
}

function parseCount(json: JsonValue | undefined, path: string): number | undefined {
  if (json === undefined || json === null) return undefined;
  if (typeof json === 'bigint' && json >= 0n && json <= Number.MAX_SAFE_INTEGER) return Number(json);
  throw refuse(`a size or offset of '${path}' is no number of bytes`);
}

function asObject(json: JsonValue | undefined, what: string): JsonObject {
  if (json !== undefined && isJsonObject(json)) return json;
  throw refuse(`${what} is ${json === undefined ? 'missing' : `of type ${jsonTypeOf(json)}`}, expected an object`);
}

function refuse(problem: string): NixCompatError {
  return new NixCompatError('nar/bad-listing', `bad NAR listing: ${problem}`);
}
