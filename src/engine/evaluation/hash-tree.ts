import type { ByteString } from '../../base/index.ts';
import { type WalkOptions, walkTreeToEnd } from '../../castore/index.ts';
import { Hasher, NarWriter, type NixHash } from '../../nix-compat/index.ts';
import { fsPathOf } from './read-files.ts';

/** Bytes of a tree that are read at a time, and of a NAR's small pieces that are hashed at a time. */
export const treeChunkSize = 256 * 1024;
const smallBuffer = 4096;

/** How a tree is walked; nothing special unless given. */
export interface HashTreeOptions {
  readonly filter?: WalkOptions['filter'] | undefined;
  readonly inspect?: WalkOptions['inspect'] | undefined;
  readonly buffer?: () => Uint8Array;
}

/** SHA-256 of the NAR of the tree at `path`. Throws the system's errors and `tree/…`. */
export function hashTree(path: ByteString, { filter, inspect, buffer }: HashTreeOptions = {}): NixHash {
  const hasher = new Hasher('sha256');
  const writer = new NarWriter(chunk => hasher.update(chunk), { bufferSize: smallBuffer });
  const chunk = buffer === undefined ? new Uint8Array(treeChunkSize) : undefined;
  walkTreeToEnd(fsPathOf(path), writer, {
    buffer: buffer ?? (() => chunk ?? new Uint8Array(treeChunkSize)),
    ...(filter === undefined ? {} : { filter }),
    ...(inspect === undefined ? {} : { inspect }),
  });
  return hasher.finish();
}
