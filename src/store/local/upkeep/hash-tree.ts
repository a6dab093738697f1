import { errnoOf, messageOf } from '../../../base/index.ts';
import { walkTreeToEnd } from '../../../castore/index.ts';
import { NarHasher } from '../../content-hasher.ts';

/** What a file tree on disk has turned out to be. */
export type HashedTree =
  | {
      readonly kind: 'hashed';
      /** The SHA-256 of its NAR. */
      readonly digest: Uint8Array;
      /** The inodes of its files. */
      readonly inodes: Float64Array;
    }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined };

/** Hashes the file tree at `path`. */
export function hashTree(path: string): HashedTree {
  try {
    const hasher = new NarHasher();
    const inodes: number[] = [];
    walkTreeToEnd(path, hasher.sink, { opened: ({ ino }) => void inodes.push(ino), ...lentBuffer });
    return { kind: 'hashed', digest: hasher.finish().digest, inodes: Float64Array.from(inodes) };
  } catch (error) {
    return { kind: 'failed', message: messageOf(error), code: errnoOf(error) };
  }
}

const buffer = new Uint8Array(1024 * 1024);

/** The same memory for every tree. */
const lentBuffer = { buffer: () => buffer };
