import { asBuffer } from '../../base/index.ts';
import type { CallOptions } from '../blob-store.ts';
import type { Digest } from '../digest.ts';
import { CastoreError } from '../error.ts';
import type { MapTreeOptions } from '../tree/map-tree.ts';
import { type DigestFunction, type ForeignDigest, foreignDigestOf, formatForeignDigest } from './foreign-digest.ts';
import { decodeForeignDirectory } from './foreign-directory.ts';
import { type ForeignStore, importMessages, readMessage } from './import-directory.ts';
import { ProtobufReader } from './protobuf-reader.ts';

/** Fields of `Tree`. */
const rootField = 1;
const childrenField = 2;

/** The `Directory` messages of a `Tree` message, as their bytes came. Throws `directory/malformed`. */
export function decodeTreeMessage(bytes: Uint8Array): { readonly root: Uint8Array; readonly children: Uint8Array[] } {
  const reader = new ProtobufReader(asBuffer(bytes));
  let root: Uint8Array | undefined;
  const children: Uint8Array[] = [];
  for (let next = reader.nextField(); next !== undefined; next = reader.nextField()) {
    if (next.wireType !== 'bytes' || next.field > childrenField) reader.skip(next.wireType);
    else if (next.field === childrenField) children.push(reader.readBytes());
    else root = reader.readBytes();
  }
  if (root === undefined) throw new CastoreError('directory/malformed', 'a Tree message without its root');
  return { root, children };
}

/** A `Tree` message; those below the root each once, parents before what is in them, as the order of `children` is. */
export function encodeTreeMessage(root: Uint8Array, children: Iterable<Uint8Array>): Uint8Array {
  const pieces: Uint8Array[] = [];
  const add = (field: number, message: Uint8Array) => pieces.push(header(field, message.byteLength), message);
  add(rootField, root);
  for (const child of children) add(childrenField, child);
  return Buffer.concat(pieces);
}

function header(field: number, length: number): Uint8Array {
  const bytes = [(field << 3) | 2];
  let left = length;
  for (; left > 0x7f; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) | 0x80);
  bytes.push(left);
  return Uint8Array.from(bytes);
}

export interface TreeMessage {
  readonly bytes: Uint8Array;
  /** Of the digests in it. */
  readonly digestFunction: DigestFunction;
}

/**
 * The directory of ours that says what a `Tree` message says, whose directories need not be blobs. Throws what
 * `importForeignDirectory` throws.
 */
export function importTreeMessage(
  { bytes, digestFunction }: TreeMessage,
  foreign: ForeignStore,
  options: MapTreeOptions = {},
): Promise<Digest> {
  const { root, children } = decodeTreeMessage(bytes);
  const messages = new Map(
    [root, ...children].map(message => [formatForeignDigest(foreignDigestOf(message, digestFunction)), message]),
  );
  const read = (from: ForeignDigest) => Promise.resolve(messages.get(formatForeignDigest(from)));
  return importMessages(foreignDigestOf(root, digestFunction), foreign, { ...options, read });
}

/**
 * The `Tree` message of a directory and those below it, whose messages are in the store: each once, parents before their
 * children, so that the same tree has always the same one. Throws `blob/missing`.
 */
export async function treeMessageOf(
  root: ForeignDigest,
  foreign: ForeignStore,
  options: CallOptions = {},
): Promise<Uint8Array> {
  const messages = new Map<string, Uint8Array>();
  // Children before their parents, each when all below it are done: its reverse is the order that is wanted.
  const ordered: Uint8Array[] = [];
  const stack = [{ digest: root, isDone: false }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const key = formatForeignDigest(next.digest);
    const known = messages.get(key);
    if (next.isDone) ordered.push(known ?? missing(next.digest));
    else if (known === undefined) {
      const bytes = (await readMessage(next.digest, foreign, options)) ?? missing(next.digest);
      messages.set(key, bytes);
      stack.push({ digest: next.digest, isDone: true });
      const { entries, digestFunction } = decodeForeignDirectory(bytes, root.function);
      for (const { node } of entries.toReversed())
        if (node.kind === 'directory')
          stack.push({ digest: { function: digestFunction, ...node.digest }, isDone: false });
    }
  }
  const [first = missing(root), ...children] = ordered.toReversed();
  return encodeTreeMessage(first, children);
}

function missing(digest: ForeignDigest): never {
  throw new CastoreError('blob/missing', `the directory ${formatForeignDigest(digest)} is absent`);
}
