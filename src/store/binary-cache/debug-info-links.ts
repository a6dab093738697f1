import { type ByteString, brandAs, byteStringFromText } from '../../base/index.ts';
import { type NarListing, findListed, formatJson, jsonObject } from '../../nix-compat/index.ts';

/** One file of debug information, by the build id of what it is about. */
export interface DebugInfoLink {
  /** Of the file in the binary cache. */
  readonly path: string;
  /** JSON as dwarffs reads it. */
  readonly contents: ByteString;
}

const folder = ['lib', 'debug', '.build-id'].map(byteStringFromText);

/** Links to what a NAR has in `lib/debug/.build-id/xx/….debug`. `url` is the NAR's, relative to the cache. */
export function* debugInfoLinks(listing: NarListing, url: string): Iterable<DebugInfoLink> {
  const ids = findListed(listing, folder);
  for (const [start, rest] of directories(ids)) {
    if (!/^[0-9a-f]{2}$/.test(start)) continue;
    for (const [name, node] of entries(rest)) {
      if (node.type !== 'regular' || !/^[0-9a-f]{38}\.debug$/.test(name)) continue;
      const archive = brandAs<ByteString>(`../${url}`);
      const member = brandAs<ByteString>([...folder, start, name].join('/'));
      yield { path: `debuginfo/${start}${name}`, contents: formatJson(jsonObject({ archive, member })) };
    }
  }
}

function* directories(node: NarListing | undefined): Iterable<readonly [ByteString, NarListing]> {
  for (const [name, entry] of entries(node)) if (entry.type === 'directory') yield [name, entry];
}

function entries(node: NarListing | undefined): Iterable<readonly [ByteString, NarListing]> {
  return node?.type === 'directory' ? node.entries : [];
}
