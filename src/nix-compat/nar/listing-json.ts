import { type ByteString, brandAs, displayBytes, unreachable } from '../../base/index.ts';
import { mapInByteOrder } from '../byte-order.ts';
import { excerpt } from '../excerpt.ts';
import { formatJson } from '../json/format-json.ts';
import { JsonCursor } from '../json/json-cursor.ts';
import { type JsonValue, jsonObject } from '../json/json-value.ts';
import { parseJson } from '../json/parse-json.ts';
import { isFileName, isSymlinkTarget } from './file-name.ts';
import { defaultNarLimits } from './nar-limits.ts';
import type { NarListing } from './nar-listing.ts';

const listingVersion = 1;

/** Bytes of the largest `.ls` file that is read, unless told otherwise. */
export const defaultMaxListingSize: number = 256 * 1024 * 1024;

/**
 * The `.ls` file that a binary cache keeps beside a NAR, as C++ Nix writes it, to the byte. Throws `json/not-utf8` for
 * a name or target that JSON cannot hold.
 */
export function formatListing(root: NarListing): ByteString {
  return formatJson(jsonObject({ version: BigInt(listingVersion), root: listingToJson(root) }));
}

/** A node and all below it, as `nix nar ls --json -R` shows it. */
export function listingToJson(listing: NarListing): JsonValue {
  return nodeToJson(listing, listingToJson);
}

/** A node and the names of its entries, as `nix nar ls --json` shows it. */
export function shallowListingToJson(listing: NarListing): JsonValue {
  return nodeToJson(listing, () => jsonObject({}));
}

function nodeToJson(listing: NarListing, entryToJson: (node: NarListing) => JsonValue): JsonValue {
  const type = brandAs<ByteString>(listing.type);
  switch (listing.type) {
    case 'directory':
      return jsonObject({ type, entries: mapValues(listing.entries, entryToJson) });
    case 'regular':
      return jsonObject({
        type,
        executable: listing.executable ? true : undefined,
        size: toBigInt(listing.size),
        narOffset: toBigInt(listing.narOffset),
      });
    case 'symlink':
      return jsonObject({ type, target: listing.target });
    default:
      return unreachable(listing);
  }
}

function mapValues<K, V, W>(map: ReadonlyMap<K, V>, convert: (value: V) => W): ReadonlyMap<K, W> {
  return new Map(Array.from(map, ([key, value]) => [key, convert(value)]));
}

function toBigInt(count: number | undefined): bigint | undefined {
  return count === undefined ? undefined : BigInt(count);
}

/**
 * Reads a `.ls` file. Throws `nar/bad-listing` for another version or kind of node and for names and targets that no
 * NAR could have, `json/missing-key` or `json/wrong-type`, and what `parseJson` throws.
 */
export function parseListing(text: ByteString, maxSize: number = defaultMaxListingSize): NarListing {
  // Each level of directories is two of JSON.
  const maxDepth = 2 * defaultNarLimits.maxDepth + 1;
  const top = new JsonCursor(parseJson(text, { maxSize, maxDepth }));
  const version = top.member('version').count();
  if (version !== listingVersion)
    throw top.refuse('nar/bad-listing', `NAR listing has version ${version}, only ${listingVersion} is known`);
  return parseNode(top.member('root'));
}

/** The recursion is bounded by the depth that the JSON was allowed. */
function parseNode(json: JsonCursor): NarListing {
  const type = displayBytes(json.member('type').string());
  switch (type) {
    case 'directory':
      return { type, entries: parseEntries(json.member('entries')) };
    case 'regular':
      return {
        type,
        executable: json.optionalMember('executable')?.boolean() ?? false,
        size: json.optionalMember('size')?.count(),
        // C++ Nix takes 0, where no contents can start, for absent.
        narOffset: json.optionalMember('narOffset')?.count() || undefined,
      };
    case 'symlink':
      return { type, target: parseTarget(json.member('target')) };
    default:
      throw json.refuse('nar/bad-listing', `unknown type of file '${excerpt(type)}'`);
  }
}

function parseEntries(json: JsonCursor): ReadonlyMap<ByteString, NarListing> {
  const entries = new Map<ByteString, NarListing>();
  for (const [name, node] of json.members()) {
    if (!isFileName(name)) throw node.refuse('nar/bad-listing', `invalid file name '${excerpt(displayBytes(name))}'`);
    entries.set(name, parseNode(node));
  }
  return mapInByteOrder(entries);
}

function parseTarget(json: JsonCursor): ByteString {
  const target = json.string();
  if (isSymlinkTarget(target)) return target;
  throw json.refuse('nar/bad-listing', 'invalid symlink target');
}
