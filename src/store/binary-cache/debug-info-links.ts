import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import { type NarListing, findListed, formatJson, jsonObject } from '../../nix-compat/index.ts';
import type { TreeAccess } from '../store.ts';

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
    if (!isStart(start)) continue;
    for (const [name, node] of entries(rest)) {
      if (node.type !== 'regular' || !isRest(name)) continue;
      yield { path: `debuginfo/${start}${name}`, contents: debugInfoLink(`${start}${name.slice(0, 38)}`, url) };
    }
  }
}

/** `id`: a build id, 40 hexadecimal digits. */
export function debugInfoLink(id: string, url: string): ByteString {
  const archive = brandAs<ByteString>(`../${url}`);
  return formatJson(jsonObject({ archive, member: brandAs<ByteString>(debugInfoPlace(id).join('/')) }));
}

/** Where the debug information about what has a build id is in the tree of a store path. */
export function debugInfoPlace(id: string): readonly ByteString[] {
  return [...folder, byteStringFromText(id.slice(0, 2)), byteStringFromText(`${id.slice(2)}.debug`)];
}

/** The build ids of what the tree of a store path has debug information about. */
export async function* listBuildIds(tree: TreeAccess): AsyncIterable<string> {
  const starts = await tree.lookup(folder);
  if (starts?.type !== 'directory') return;
  for (const start of starts.names.filter(isStart)) {
    const rests = await tree.lookup([...folder, start]);
    if (rests?.type !== 'directory') continue;
    for (const rest of rests.names.filter(isRest)) yield displayBytes(start) + displayBytes(rest).slice(0, 38);
  }
}

function isStart(name: ByteString): boolean {
  return /^[0-9a-f]{2}$/.test(name);
}

function isRest(name: ByteString): boolean {
  return /^[0-9a-f]{38}\.debug$/.test(name);
}

function* directories(node: NarListing | undefined): Iterable<readonly [ByteString, NarListing]> {
  for (const [name, entry] of entries(node)) if (entry.type === 'directory') yield [name, entry];
}

function entries(node: NarListing | undefined): Iterable<readonly [ByteString, NarListing]> {
  return node?.type === 'directory' ? node.entries : [];
}
