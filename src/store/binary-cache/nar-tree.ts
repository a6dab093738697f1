import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import { type NarListing, findListed } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { TreeAccess, TreeEntry, TreePath } from '../store.ts';
import type { ByteRange } from '../file-chunks.ts';

/** Reads a part of the NAR that a listing lists. */
export type ReadNar = (range: ByteRange, options: CallOptions) => AsyncIterable<Uint8Array>;

/** A NAR to look around in: what is in it is known, contents are read where they are asked for. */
export class NarTree implements TreeAccess {
  readonly #listing: NarListing;
  readonly #read: ReadNar;

  constructor(listing: NarListing, read: ReadNar) {
    this.#listing = listing;
    this.#read = read;
  }

  lookup(path: TreePath): Promise<TreeEntry | undefined> {
    return Promise.resolve(lookupListed(this.#listing, path));
  }

  async *read(path: TreePath, options: CallOptions = {}): AsyncIterable<Uint8Array> {
    const node = findListed(this.#listing, path);
    const name = displayBytes(brandAs<ByteString>(path.join('/')));
    if (node?.type !== 'regular') throw new StoreError('tree/not-a-file', `'${name}' is not a regular file`);
    const { size = 0, narOffset = 0 } = node;
    if (size === 0) return;
    let left = size;
    for await (const chunk of this.#read({ offset: narOffset, length: size }, options)) {
      left -= chunk.byteLength;
      yield chunk;
    }
    if (left !== 0)
      throw new StoreError('path/hash-mismatch', `'${name}' has ${left} bytes less than its listing says`);
  }
}

/** What `listing` says of the entry at `path`. */
export function lookupListed(listing: NarListing, path: TreePath): TreeEntry | undefined {
  const node = findListed(listing, path);
  if (node === undefined || node.type === 'symlink') return node;
  if (node.type === 'directory') return { type: 'directory', names: [...node.entries.keys()] };
  const { executable, size = 0, narOffset } = node;
  return { type: 'regular', executable, size, ...(narOffset === undefined ? {} : { narOffset }) };
}

/** Whether everything that `listing` says of contents is there to be read in a NAR of `narSize` bytes. */
export function isReadable(listing: NarListing, narSize: number): boolean {
  const left = [listing];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (node.type === 'directory') left.push(...node.entries.values());
    else if (node.type === 'regular') {
      const { size, narOffset } = node;
      if (size === undefined || (size > 0 && narOffset === undefined)) return false;
      if ((narOffset ?? 0) + size > narSize) return false;
    }
  }
  return true;
}
